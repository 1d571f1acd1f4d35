package step

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzTailIsSafeToShow(f *testing.F) {
	for _, seed := range []string{"a\nb\n", " 10%\r100%\n", "\x1b[31mred\x1b[0m", "caf\xe9", strings.Repeat("long", 9000), "\x1b]0;title", "\r\r\n\x00"} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, log []byte) {
		if err := os.WriteFile(path, log, 0o644); err != nil {
			t.Fatal(err)
		}
		lines := tail(path)
		if len(lines) > tailLines {
			t.Errorf("%d lines", len(lines))
		}
		for _, line := range lines {
			if !utf8.ValidString(line) || len(line) > lineBytes+len("…") || strings.ContainsAny(line, "\n\r\x00\x1b\x07\u009b") {
				t.Errorf("line %q", line)
			}
		}
	})
}

func FuzzFoldersArePlainAndTheirOwn(f *testing.F) {
	f.Add("job", "train_and_eval.train", "other")
	f.Add("..", "a/b", "a_b")
	f.Add("my job", "", ".")
	plain := regexp.MustCompile(`^/work/[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	f.Fuzz(func(t *testing.T, job, step, other string) {
		folder := Folder("/work", job, step)
		if !plain.MatchString(folder) || len(folder) > 220 {
			t.Errorf("folder %q", folder)
		}
		if step != other && Folder("/work", job, other) == folder {
			t.Errorf("steps %q and %q share %q", step, other, folder)
		}
	})
}
