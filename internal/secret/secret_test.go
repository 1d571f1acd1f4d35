package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAReferenceIsResolved(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	t.Setenv("SECRET_HERE", "from the environment")
	t.Setenv("SECRET_EMPTY", "")
	for _, c := range []struct{ name, ref, want, wrong string }{
		{"a variable", "env:SECRET_HERE", "from the environment", ""},
		{"a file", write("one", "from a file\r\n"), "from a file", ""},
		{"lines in a file", write("two", "one\ntwo\n"), "one\ntwo", ""},
		{"no variable", "env:SECRET_ELSEWHERE", "", "env:SECRET_ELSEWHERE: the environment variable is not set"},
		{"an empty variable", "env:SECRET_EMPTY", "", "is not set"},
		{"no name", "env:", "", "needs the name of an environment variable"},
		{"no file", "file:" + filepath.Join(dir, "none"), "", "no such file"},
		{"an empty file", write("empty", "\n"), "", "the file is empty"},
		{"a large file", write("large", strings.Repeat("x", maxSize+1)), "", "which is no secret"},
		{"a folder", "file:" + dir, "", "is a directory"},
		{"a relative path", "file:secret", "", "needs an absolute path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Resolve(c.ref)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("the error is %v, want one with %q", err, c.wrong)
				}
				return
			}
			if err != nil || got != c.want {
				t.Fatalf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestASecretGivenAsItIsIsNotRepeated(t *testing.T) {
	const given = "hunter2"
	if IsReference(given) {
		t.Errorf("%q was taken for a reference", given)
	}
	if _, err := Resolve(given); err == nil || strings.Contains(err.Error(), given) {
		t.Errorf("the error is %v", err)
	}
}
