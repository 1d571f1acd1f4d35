package environment_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test's own program stands in for uv and for interpreters, by the name it
// is called by: no network is needed, and everything it is asked for is noted.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	switch {
	case name == "uv":
		os.Exit(standInUV(os.Args[1:]))
	case strings.HasPrefix(name, "python"):
		// "python3.8" is 3.8.5; "python3" the usual one.
		version := strings.TrimPrefix(name, "python")
		if version == "3" || version == "" {
			version = "3.11"
		}
		fmt.Printf("%s.5\n%s\n", version, os.Args[0])
		os.Exit(0)
	case os.Getenv("STAND_IN_MAKE") != "":
		os.Exit(makeInChild())
	}
	os.Exit(m.Run())
}

// index is what the stand-in for PyPI has: name, version, and the newest Python
// that there is a wheel for; "sdist" for none.
var index = [][3]string{
	{"pip", "26.0", "3.99"}, {"setuptools", "80.1", "3.99"},
	{"pandas", "1.1.5", "3.8"}, {"pandas", "1.5.0", "3.11"}, {"pandas", "2.2.0", "3.12"},
	{"numpy", "1.19.5", "3.8"}, {"numpy", "1.26.0", "3.12"},
	{"six", "1.16.0", "3.99"}, {"six", "1.17.0", "3.99"},
	{"oldtool", "0.1", "sdist"},
}

func standInUV(args []string) int {
	note(strings.Join(args[:min(2, len(args))], " "))
	has := func(flag string) bool { return slices.Contains(args, flag) }
	after := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	switch {
	case args[0] == "--version":
		fmt.Println("uv 0.13.9 (stand-in)")
	case args[0] == "python":
		fmt.Fprintln(os.Stderr, "error: Failed to install: dns error")
		return 1
	case args[0] == "cache":
	case args[0] == "venv":
		folder := args[len(args)-1]
		python := after("--python")
		version := "python" + strings.TrimSuffix(pythonVersion(python), ".5")
		for _, dir := range []string{"bin", filepath.Join("lib", version, "site-packages")} {
			if err := os.MkdirAll(filepath.Join(folder, dir), 0o755); err != nil {
				return fail(err)
			}
		}
		if err := os.Symlink(python, filepath.Join(folder, "bin", "python")); err != nil {
			return fail(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "pyvenv.cfg"), []byte("home = "+filepath.Dir(python)+"\n"), 0o644); err != nil {
			return fail(err)
		}
	case args[0] == "pip" && args[1] == "sync":
		if os.Getenv("STAND_IN_NETWORK") == "down" {
			fmt.Fprintln(os.Stderr, "error: Failed to fetch: https://x\n  cause: error sending request for url")
			return 1
		}
		if d, err := time.ParseDuration(os.Getenv("STAND_IN_SLOW")); err == nil {
			time.Sleep(d)
		}
		fmt.Fprintln(os.Stderr, "Installed packages")
	case args[0] == "pip" && args[1] == "compile":
		return compile(pythonVersion(after("--python")), has("--only-binary"), after("--resolution") == "lowest-direct")
	default:
		return fail(fmt.Errorf("what is %q", args))
	}
	return 0
}

func compile(python string, wheels, lowest bool) int {
	python = strings.TrimSuffix(python, ".5")
	scan := bufio.NewScanner(os.Stdin)
	var lines []string
	for scan.Scan() {
		requirement, marker, _ := strings.Cut(scan.Text(), ";")
		if marker != "" || requirement == "" {
			continue
		}
		name, wants := requirement, ""
		if i := strings.IndexAny(requirement, "=<>!~"); i >= 0 {
			name, wants = requirement[:i], requirement[i:]
		}
		best := ""
		known, there := false, false
		for _, p := range index {
			if p[0] != name {
				continue
			}
			known = true
			if !suits(p[1], wants) {
				continue
			}
			there = true
			if p[2] == "sdist" && wheels || p[2] != "sdist" && older(p[2], python) {
				continue
			}
			if best == "" || older(best, p[1]) != lowest {
				best = p[1]
			}
		}
		if best == "" {
			why := name + wants + " has no usable wheels"
			switch {
			case !known:
				why = name + " was not found in the package registry"
			case !there:
				why = "there is no version of " + name + wants
			}
			fmt.Fprintf(os.Stderr, "error: No solution found when resolving dependencies\n  cause: Because %s and you require %s%s, we can conclude that your requirements are unsatisfiable.\n", why, name, wants)
			return 1
		}
		lines = append(lines, name+"=="+best)
	}
	slices.Sort(lines)
	for _, l := range lines {
		fmt.Printf("%s \\\n    --hash=sha256:%064d\n", l, len(l))
	}
	return 0
}

func suits(version, wants string) bool {
	for w := range strings.SplitSeq(wants, ",") {
		bound := strings.TrimLeft(w, "=<>!~")
		switch op := strings.TrimSuffix(w, bound); {
		case w == "":
		case op == "==" && strings.HasSuffix(bound, ".*") && !strings.HasPrefix(version+".", strings.TrimSuffix(bound, "*")),
			op == "==" && !strings.HasSuffix(bound, ".*") && version != bound,
			op == ">=" && older(version, bound),
			op == "<" && !older(version, bound):
			return false
		}
	}
	return true
}

func older(a, b string) bool {
	return slices.Compare(ints(a), ints(b)) < 0
}

func ints(version string) []int {
	var all []int
	for p := range strings.SplitSeq(version, ".") {
		n := 0
		_, _ = fmt.Sscanf(p, "%d", &n)
		all = append(all, n)
	}
	return all
}

func pythonVersion(path string) string {
	version := strings.TrimPrefix(filepath.Base(path), "python")
	if version == "3" || version == "" {
		version = "3.11"
	}
	return version + ".5"
}

// note adds a line to the list of what was asked for.
func note(line string) {
	if path := os.Getenv("STAND_IN_NOTES"); path != "" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, _ = file.WriteString(line + "\n")
			file.Close()
		}
	}
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "error:", err)
	return 2
}
