package ignore

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository is a git repository with a tree of files. Paths that end in a
// slash are folders.
type repository struct {
	dir   string
	paths []string
}

func newRepository(t *testing.T, paths []string) *repository {
	t.Helper()
	r := &repository{dir: t.TempDir(), paths: paths}
	r.git(t, "", "init", "-q")
	for _, p := range paths {
		full := filepath.Join(r.dir, filepath.FromSlash(p))
		if strings.HasSuffix(p, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *repository) git(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = r.dir
	c.Stdin = strings.NewReader(stdin)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(r.dir))
	out, err := c.Output()
	// Git exits with 1 when it ignores none of the paths.
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

// compare asks git which of the paths an ignore file leaves out, and this
// package, too.
func (r *repository) compare(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, ".gitignore"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdin strings.Builder
	for _, p := range r.paths {
		stdin.WriteString(strings.TrimSuffix(p, "/") + "\x00")
	}
	want := map[string]bool{}
	for p := range strings.SplitSeq(r.git(t, stdin.String(), "check-ignore", "-z", "--stdin", "--no-index"), "\x00") {
		want[p] = true
	}
	list := Parse(text)
	for _, p := range r.paths {
		name := strings.TrimSuffix(p, "/")
		if got := list.Match(name, strings.HasSuffix(p, "/")); got != want[name] {
			t.Errorf("ignore file %q, path %q: ignored is %v, git says %v", text, p, got, want[name])
		}
	}
}

// paths is a small tree with names that patterns like to trip over.
var paths = []string{
	"a", "b/", "b/a", "b/c/", "b/c/a", "b/c/d.py", "foo/", "foo/bar", "foo/x/", "foo/x/bar", "foobar/", "foobar/y", "foo.py", "x.pyc",
	"#hash", "!bang", "sp ace", "end ", "back\\slash", "[x]", "star*", "q?", "build/", "build/keep", "build/out/", "build/out/o.txt",
	"d-1", "dA", "d]", "d^", "d!", ".hidden", ".hidden_dir/", ".hidden_dir/f", "deep/", "deep/a/", "deep/a/b/", "deep/a/b/c.log", "é.txt",
}

func TestListAgreesWithGit(t *testing.T) {
	r := newRepository(t, paths)
	for _, text := range []string{
		"", "\n\n# a comment\n", "*.py\n", "*.py\r\n*.log\r\n", "a\n", "/a\n", "a/\n", "b/\n", "b\n", "b/a\n", "/b/c\n", "foo/\n!foo/bar\n",
		"build/*\n!build/keep\n", "build/**\n!build/out/\n", "**/a\n", "b/**\n", "b/**/a\n", "foo**\n", "foo**/bar\n", "**foo\n", "**/\n", "*\n!*.py\n",
		"*\n!*/\n!*.py\n", "\\#hash\n", "#hash\n", "\\!bang\n", "!bang\n", "sp ace\n", "end \n", "end\\ \n", "end   \n", "back\\\\slash\n", "back\\slash\n",
		"[x]\n", "\\[x]\n", "star\\*\n", "star[*]\n", "q[?]\n", "q?\n", "d[-1]*\n", "d[1-]*\n", "d[]]\n", "d[!]]\n", "d[^]]\n", "d[[:upper:]]\n",
		"d[[:nope:]]\n", "d[[:upper]\n", "d[a-]\n", "d[\\]]\n", "d[\n", "x.\\\n", "/\n", "//a\n", ".*\n", "/*\n!/b\n", "/*/a\n", "deep/**/c.log\n",
		"deep/*/c.log\n", "deep/*/*/c.log\n", "**/b/**\n", "**/**/c.log\n", "*/\n", "?\n", "é*\n", "[é]*\n", "a b\n", "foo/x\n!foo\n", "\ufeffa\n",
		"foo/*\n", "/foo/\n", "fo?/bar\n", "[f]oo/\n", "b/c/\n", "c/\n", "c/d.py\n", "***\n", "***/a\n", "b/***/a\n", "x*c\n", "*.*\n", "[[:space:]]\n", "sp[[:space:]]ace",
	} {
		r.compare(t, text)
	}
}

// TestListAgreesWithGitOnRandomPatterns makes ignore files of pieces that
// patterns consist of, and asks git about each.
func TestListAgreesWithGitOnRandomPatterns(t *testing.T) {
	pieces := []string{"a", "b", "foo", "bar", "c", "/", "/", "*", "**", "?", "[a-c]", "[!a]", "\\", ".", "py", "deep", "build", "!", " ", "[", "]", "x", "[[:alpha:]]", "-", "#", "**/", "/**"}
	r := newRepository(t, paths)
	random := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		var text strings.Builder
		for range 1 + random.IntN(4) {
			for range 1 + random.IntN(6) {
				text.WriteString(pieces[random.IntN(len(pieces))])
			}
			text.WriteByte('\n')
		}
		r.compare(t, text.String())
	}
}

func TestTheWorkOfHostilePatternsIsBounded(t *testing.T) {
	for pattern, path := range map[string]string{
		strings.Repeat("*a", 500) + "b":           strings.Repeat("a", 4000),
		"/" + strings.Repeat("**/a*/", 200) + "b": strings.Repeat("a/", 1000) + "a",
	} {
		list := Parse(pattern)
		if list.MatchEntry(path, false) {
			t.Error("matched")
		}
		if bound := 4 * len(pattern) * len(path); list.work > bound {
			t.Errorf("%d comparisons, more than %d", list.work, bound)
		}
	}
}

func TestAListGivesUpInTheEnd(t *testing.T) {
	list := Parse(strings.Repeat("*a*b*c*d\n", 10_000))
	path := strings.Repeat("abc", 1000)
	for range 10 {
		list.MatchEntry(path, false)
	}
	if !list.Exhausted() {
		t.Errorf("went on after %d comparisons", list.work)
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.py\n!a\n/b/**\n[a-", "b/a.py", true)
	f.Add("**/*a*/**\\", "a/b/c", false)
	f.Fuzz(func(t *testing.T, text, path string, dir bool) {
		list := Parse(text)
		whole := list.Match(path, dir)
		if !whole && list.MatchEntry(path, dir) {
			t.Error("an entry is left out, and Match does not know")
		}
	})
}
