package executortest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/executor"
)

// testReadOnly lets programs do their worst to folders as the store hands them
// out: files and folders without write permission, files linked to the store's.
func testReadOnly(t *testing.T, b *bench) {
	root := filepath.Dir(b.dir)
	blob := filepath.Join(root, "blob")
	first, second := filepath.Join(root, "in", "first"), filepath.Join(root, "in", "second")
	for _, folder := range []string{filepath.Join(first, "sub"), second} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(blob, []byte("content\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	files := []string{filepath.Join(first, "file"), filepath.Join(first, "sub", "file"), filepath.Join(second, "file")}
	for _, file := range files {
		if err := os.Link(blob, file); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{filepath.Join(first, "sub"), first, second} {
		if err := os.Chmod(folder, 0o555); err != nil {
			t.Fatal(err)
		}
	}

	// The % is the file to attack.
	attacks := []string{
		"echo bad > %",
		"echo bad >> %",
		": > %",
		"rm -f %",
		"mv % moved",
		"ln -sf /dev/null %",
		"sed -i s/content/bad/ %",
		"cp /dev/null %",
		"cp --remove-destination /dev/null % || cp -f /dev/null %",
		"touch $(dirname %)/new",
		"mkdir $(dirname %)/new",
		"rm -rf $(dirname %)",
		"dd if=/dev/zero of=% bs=1 count=4 conv=notrunc",
	}
	switch b.Protection() {
	case executor.None:
		return // the promise is that there is none
	case executor.Mount:
		attacks = append(attacks,
			"chmod u+w %; echo bad > %",
			"chmod 700 $(dirname %); rm -f %",
			"chmod -R 777 $(dirname %)",
			"touch -d 2001-01-01 %",
		)
	}
	for _, attack := range attacks {
		p := b.program("attack() { " + strings.ReplaceAll(attack, "%", `"$1"`) + "; }; for f in ../in/first/file ../in/first/sub/file ../in/second/file; do attack $f; done; true")
		p.ReadOnly = []string{first, second}
		b.run(t, p)
		for _, file := range append(files, blob) {
			info, err := os.Lstat(file)
			if err != nil || info.Mode() != 0o444 || read(t, file) != "content\n" {
				t.Fatalf("%s was changed by %q: %v, %v; the program said:\n%s", file, attack, info, err, read(t, b.log))
			}
		}
		for folder, count := range map[string]int{first: 2, filepath.Join(first, "sub"): 1, second: 1} {
			if entries, err := os.ReadDir(folder); err != nil || len(entries) != count {
				t.Fatalf("%s was changed by %q: it holds %v, %v", folder, attack, entries, err)
			}
		}
	}

	// Reading works, and so does writing everywhere else.
	p := b.program("cat ../in/*/file ../in/first/sub/file > copy && echo more >> copy")
	p.ReadOnly = []string{first, second}
	if exit := b.run(t, p); exit.Code != 0 || read(t, filepath.Join(b.dir, "copy")) != "content\ncontent\ncontent\nmore\n" {
		t.Errorf("a program that reads ended with %d:\n%s", exit.Code, read(t, b.log))
	}
	// The folders are read-only for the program alone, and not for ever.
	if err := os.Chmod(second, 0o755); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(second); err != nil {
		t.Error(err)
	}
}
