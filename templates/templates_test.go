package templates

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/components"
	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestEveryTemplateIsAWholeProject(t *testing.T) {
	if all := All(); all[0].Name != Default {
		t.Errorf("the first template is %s, not the default one", all[0].Name)
	}
	for _, one := range All() {
		dir := filepath.Join(t.TempDir(), one.Name)
		files, err := one.Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"pipeline.yml", "README.md"} {
			if !slices.Contains(files, file) {
				t.Errorf("%s has no %s", one.Name, file)
			}
		}
		for _, file := range files {
			if strings.Contains(file, "__pycache__") || strings.HasSuffix(file, ".pyc") {
				t.Errorf("%s: %s is not for keeping", one.Name, file)
			}
		}
		job, err := azureml.Load(filepath.Join(dir, "pipeline.yml"), azureml.LoadOptions{Set: []string{one.Another}, Assets: stock{}})
		if err != nil || len(job.Problems()) > 0 {
			t.Errorf("%s: %v %v", one.Name, err, job.Problems())
		}
	}
}

// stock stands for the registries: it knows the stock components, without their
// code. The end-to-end tests ask the real ones.
type stock struct{}

func (stock) Find(ref pipeline.AssetRef) (*azureml.Asset, error) {
	a := &azureml.Asset{Ref: ref}
	if ref.Kind == pipeline.EnvironmentAsset {
		return a, nil
	}
	text, err := fs.ReadFile(components.FS(), ref.Name+"/component.yml")
	if err != nil || ref.Registry != "millrace" {
		return nil, &azureml.Unknown{Message: "a template refers to " + ref.String()}
	}
	a.Ref.Version = "1"
	a.Definition = strings.Replace(string(text), "\ncode: ./src\n", "\n", 1)
	return a, nil
}

func (stock) Output(_, _, _ string) (*azureml.Asset, error) {
	return nil, &azureml.Unknown{Message: "a template refers to a job"}
}

func (stock) Place(string) error { return nil }

// Connection has any.
func (stock) Connection(string) error { return nil }

func TestAProjectIsWrittenIntoAFolderThatIsMade(t *testing.T) {
	one, _ := Find("retrain")
	dir := filepath.Join(t.TempDir(), "a", "b")
	files, err := one.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, tree(t, dir)); diff != "" {
		t.Errorf("files written (-said +there):\n%s", diff)
	}
	if got, want := read(t, filepath.Join(dir, "pipeline.yml")), read(t, filepath.Join("retrain", "pipeline.yml")); got != want {
		t.Errorf("pipeline.yml is another one:\n%s", got)
	}
	if f, err := os.OpenFile(filepath.Join(dir, "pipeline.yml"), os.O_WRONLY, 0); err != nil {
		t.Errorf("it cannot be changed: %v", err)
	} else {
		f.Close()
	}
}

func TestOtherFilesMayBeThere(t *testing.T) {
	one, _ := Find("stock")
	dir := t.TempDir()
	put(t, dir, "notes.txt")
	put(t, dir, "data/other.csv")
	files, err := one.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := append(files, "notes.txt", "data/other.csv")
	slices.Sort(want)
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := read(t, filepath.Join(dir, "data", "other.csv")); got != "mine" {
		t.Errorf("other.csv is %q", got)
	}
}

func TestWhatIsInTheWayIsListedAndNothingIsWritten(t *testing.T) {
	one, _ := Find("tabular")
	for what, test := range map[string]struct {
		prepare func(dir string)
		want    []string
	}{
		"files": {
			func(dir string) { put(t, dir, "README.md"); put(t, dir, "components/train/component.yml") },
			[]string{"README.md", "components/train/component.yml"},
		},
		"a file in the place of a folder": {
			func(dir string) { put(t, dir, "components") },
			[]string{"components"},
		},
		"a folder in the place of a file": {
			func(dir string) { put(t, dir, "pipeline.yml/x") },
			[]string{"pipeline.yml"},
		},
		"a link to a folder elsewhere": {
			func(dir string) { link(t, t.TempDir(), filepath.Join(dir, "data")) },
			[]string{"data"},
		},
		"a link to nothing": {
			func(dir string) { link(t, "nowhere", filepath.Join(dir, "README.md")) },
			[]string{"README.md"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			test.prepare(dir)
			before := tree(t, dir)
			_, err := one.Write(dir)
			taken, ok := errors.AsType[*InTheWay](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, taken.Files); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Errorf("the folder has changed:\n%s", diff)
			}
		})
	}
}

// What comes into the way only while the project is being written is kept, and
// what was written is taken back.
func TestAFailureLeavesNothing(t *testing.T) {
	one, _ := Find("tabular")
	dir := t.TempDir()
	put(t, dir, "data/other.csv")
	w := &writing{}
	put(t, dir, "pipeline.yml") // after the check, which is left out here
	if err := w.write(one, dir); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("error %v", err)
	}
	w.undo()
	if diff := cmp.Diff([]string{"data/other.csv", "pipeline.yml"}, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v are left: %v", entries, err)
	}
	if got := read(t, filepath.Join(dir, "pipeline.yml")); got != "mine" {
		t.Errorf("pipeline.yml is %q", got)
	}

	file := filepath.Join(dir, "data", "other.csv")
	if _, err := one.Write(file); err == nil {
		t.Error("a file was taken for a folder")
	}
	if _, err := one.Write(filepath.Join(file, "below")); err == nil {
		t.Error("a folder was made below a file")
	}
}

// tree lists the files below a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	files := []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// put writes a file that belongs to somebody else.
func put(t *testing.T, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
