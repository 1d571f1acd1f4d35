package azureml_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

// write makes a tree of files; a name that ends in a slash is a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// load loads the job.yml of a folder; problems are those that make it fail.
func load(t *testing.T, dir string) (*azureml.Job, azureml.Problems) {
	t.Helper()
	job, err := azureml.Load(filepath.Join(dir, "job.yml"), azureml.LoadOptions{})
	problems, _ := errors.AsType[azureml.Problems](err)
	return job, problems
}

func compile(t *testing.T, dir string) *pipeline.Plan {
	t.Helper()
	job, problems := load(t, dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	plan, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

const codeJob = "command: ls\ncode: ./src\nenvironment: {image: python}\n"

func TestSnapshotIsSortedAndIgnoresWhatIsNotCode(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"job.yml": codeJob, "src/z.py": "", "src/a/b.py": "", "src/a.py": "", "src/a/.amlignore": "b.py\n", "src/note.txt": "", "src/.gitignore": "*.txt\n",
		"src/__pycache__/a.pyc": "", "src/a/__pycache__/b.pyc": "", "src/.git/config": "", "src/empty/": "",
	})
	want := []string{".gitignore", "a.py", "a/.amlignore", "a/b.py", "z.py"}
	if got := fileNames(compile(t, dir).Steps[0].Code); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	write(t, dir, map[string]string{"src/.amlignore": "z*\n"})
	want = []string{".amlignore", ".gitignore", "a.py", "a/.amlignore", "a/b.py", "note.txt"}
	if got := fileNames(compile(t, dir).Steps[0].Code); !slices.Equal(got, want) {
		t.Errorf(".amlignore stands in for .gitignore: got %q, want %q", got, want)
	}
}

func TestSnapshotFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"job.yml": codeJob, "src/main.py": "", "shared/tools.py": "", "shared/deep/x.py": ""})
	for link, target := range map[string]string{"src/lib": "../shared", "src/copy.py": "main.py"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	code := compile(t, dir).Steps[0].Code
	if got, want := fileNames(code), []string{"copy.py", "lib/deep/x.py", "lib/tools.py", "main.py"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, f := range code.Files {
		if info, err := os.Lstat(f.Source); err != nil || !info.Mode().IsRegular() || !filepath.IsAbs(f.Source) {
			t.Errorf("%s comes from %s, which is not a regular file (%v)", f.Path, f.Source, err)
		}
	}
}

func TestSnapshotRefusesWhatIsNoFile(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"loop":   {func(path string) error { return os.Symlink(".", path) }, "leads back to a folder it stands in"},
		"broken": {func(path string) error { return os.Symlink("nowhere", path) }, "leads nowhere"},
		"pipe":   {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "neither a file nor a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"job.yml": codeJob, "src/deep/main.py": ""})
			if err := c.make(filepath.Join(dir, "src/deep/odd")); err != nil {
				t.Fatal(err)
			}
			_, problems := load(t, dir)
			if len(problems) != 1 || !strings.Contains(problems[0].Message, c.want) || problems[0].Line != 2 || problems[0].Column != 7 {
				t.Errorf("got %v, want one problem that says %q", problems, c.want)
			}
			write(t, dir, map[string]string{"src/.amlignore": "odd\n"})
			if _, problems := load(t, dir); name != "loop" && len(problems) > 0 {
				t.Errorf("ignored, and still: %v", problems)
			}
		})
	}
}

func TestEqualCodeIsOneSnapshot(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"src/main.py": "", "other/main.py": "",
		"parts/component.yml": "command: ls\ncode: ../src\nenvironment: azureml:e:1\n",
		"job.yml": `type: pipeline
jobs:
  a: {command: ls, code: ./src, environment: azureml:e:1}
  b: {command: ls -l, code: src/../src/, environment: azureml:e:1}
  c: {component: ./parts/component.yml}
  d: {command: ls, code: ./other, environment: azureml:e:1}
`})
	plan := compile(t, dir)
	a, b, c, d := plan.Steps[0].Code, plan.Steps[1].Code, plan.Steps[2].Code, plan.Steps[3].Code
	if a != b || a != c {
		t.Error("the same folder gave two snapshots")
	}
	if a == d {
		t.Error("two folders gave one snapshot")
	}
}
