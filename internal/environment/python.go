package environment

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// interpreter is a Python of this machine.
type interpreter struct {
	path    string
	version [3]int
}

func (i interpreter) String() string {
	return fmt.Sprintf("%d.%d.%d", i.version[0], i.version[1], i.version[2])
}

func parseVersion(text string) (v [3]int, ok bool) {
	parts := strings.Split(strings.TrimSpace(text), ".")
	for n, p := range parts[:min(3, len(parts))] {
		i, err := strconv.Atoi(p)
		if err != nil {
			return v, n > 0
		}
		v[n] = i
	}
	return v, true
}

// accepts reports whether a version of Python is what a range asks for. A patch
// of another number is the same Python.
func accepts(wanted string, v [3]int) bool {
	for part := range strings.SplitSeq(wanted, ",") {
		c := clause.FindStringSubmatch(strings.TrimSpace(part))
		if c == nil {
			continue
		}
		bound, ok := parseVersion(strings.TrimSuffix(strings.TrimSuffix(c[2], "*"), "."))
		if !ok {
			continue
		}
		minor := slices.Compare(v[:2], bound[:2])
		whole := slices.Compare(v[:], bound[:])
		switch c[1] {
		case "", "=", "==", "~=":
			if strings.Count(strings.TrimSuffix(c[2], ".*"), ".") == 0 { // "3": any minor
				minor = v[0] - bound[0]
			}
			ok = minor == 0
		case "!=":
			ok = minor != 0
		case ">=":
			ok = minor >= 0
		case "<=":
			ok = minor <= 0
		case ">":
			ok = whole > 0
		case "<":
			ok = whole < 0
		}
		if !ok {
			return false
		}
	}
	return true
}

// choose takes the interpreter that a range asks for, the machine's usual one
// if that will do; else the one that is nearest to it, and false.
func choose(all []interpreter, wanted string) (interpreter, bool) {
	for _, i := range all {
		if accepts(wanted, i.version) {
			return i, true
		}
	}
	best, most := all[0], 1<<30
	for _, i := range all {
		distance := 1 << 20
		for part := range strings.SplitSeq(wanted, ",") {
			c := clause.FindStringSubmatch(strings.TrimSpace(part))
			if c == nil {
				continue
			}
			if v, ok := parseVersion(strings.TrimSuffix(strings.TrimSuffix(c[2], "*"), ".")); ok {
				off := 100*abs(i.version[0]-v[0]) + abs(i.version[1]-v[1])
				distance = min(distance, 2*off)
				if i.version[1] < v[1] {
					distance++ // of two as near the newer one
				}
			}
		}
		if distance < most {
			best, most = i, distance
		}
	}
	return best, false
}

func abs(n int) int { return max(n, -n) }

const (
	// who asks an interpreter for its version and where it really is.
	who = `import sys; print("%d.%d.%d" % sys.version_info[:3]); print(getattr(sys, "_base_executable", sys.executable) or sys.executable)`
	// probeTime is how long an interpreter has to answer.
	probeTime = 20 * time.Second
)

var pythonName = regexp.MustCompile(`^python(3(\.\d+)?)?$`)

// oldest is the oldest Python that environments are made for.
var oldest = [3]int{3, 6, 0}

// interpreters finds the Pythons of this machine, the usual one first, then the
// newest first.
func (m *Manager) interpreters(ctx context.Context) []interpreter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pythons == nil {
		m.pythons = findInterpreters(ctx, m.candidates())
	}
	return m.pythons
}

// candidates are the paths of what may be an interpreter, the usual one first.
func (m *Manager) candidates() []string {
	folders := filepath.SplitList(m.env("PATH"))
	var paths []string
	for _, name := range []string{"python3", "python"} {
		for _, folder := range folders {
			paths = append(paths, filepath.Join(folder, name))
		}
	}
	home := m.env("HOME")
	pyenv := m.env("PYENV_ROOT")
	if pyenv == "" {
		pyenv = filepath.Join(home, ".pyenv")
	}
	for _, pattern := range []string{
		filepath.Join(m.Tools, "python", "*", "bin", "python3"),
		filepath.Join(pyenv, "versions", "*", "bin", "python"),
		filepath.Join(home, ".local", "share", "uv", "python", "*", "bin", "python3"),
		"/opt/python/*/bin/python3", "/opt/homebrew/bin/python3.*", "/usr/local/bin/python3.*", "/usr/bin/python3.*",
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		paths = append(paths, found...)
	}
	for _, folder := range folders {
		if filepath.Base(folder) == "shims" {
			continue // there all answer to names that only some of them have
		}
		found, _ := filepath.Glob(filepath.Join(folder, "python3.*"))
		paths = append(paths, found...)
	}
	return paths
}

func findInterpreters(ctx context.Context, paths []string) []interpreter {
	var exist []string
	seen := make(map[string]bool)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || !pythonName.MatchString(filepath.Base(path)) {
			continue
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil || filepath.Base(filepath.Dir(path)) == "shims" {
			target = path
		}
		if !seen[target] {
			seen[target] = true
			exist = append(exist, path)
		}
	}
	found := make([]*interpreter, len(exist))
	var group sync.WaitGroup
	for n, path := range exist {
		group.Go(func() { found[n] = ask(ctx, path) })
	}
	group.Wait()
	var all []interpreter
	for _, i := range found {
		if i != nil && slices.Compare(i.version[:], oldest[:]) >= 0 && !slices.ContainsFunc(all, func(o interpreter) bool { return o.path == i.path }) {
			all = append(all, *i)
		}
	}
	if len(all) > 1 {
		slices.SortStableFunc(all[1:], func(a, b interpreter) int { return slices.Compare(b.version[:], a.version[:]) })
	}
	return all
}

func ask(ctx context.Context, path string) *interpreter {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "-I", "-S", "-c", who)
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	if cmd.Run() != nil {
		return nil
	}
	version, at, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	v, ok := parseVersion(version)
	if !ok || !filepath.IsAbs(at) {
		return nil
	}
	return &interpreter{path: at, version: v}
}
