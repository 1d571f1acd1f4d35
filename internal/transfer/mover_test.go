package transfer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// newMover makes one with a store of its own.
func newMover(t *testing.T) *Mover {
	t.Helper()
	store, err := artifact.Open(t.Context(), "file://"+filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &Mover{Store: store, Places: datastore.New(store), Connections: connection.NewShelf(store)}
}

// place makes a datastore of a new folder with some files in it.
func (m *Mover) newPlace(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, files)
	d := datastore.Definition{Name: name, Type: datastore.FileType, URL: "file://" + dir}
	if err := datastore.NewShelf(m.Store).Put(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return dir
}

func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// content is what lies in a folder: text by path, and "" of empty folders, whose
// paths end in a slash.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, at)
		if d.IsDir() {
			if inside, err := os.ReadDir(at); err == nil && len(inside) == 0 && rel != "." {
				found[rel+"/"] = ""
			}
			return nil
		}
		data, err := os.ReadFile(at)
		found[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// staged is what an artifact holds.
func (m *Mover) staged(t *testing.T, a pipeline.Artifact) map[string]string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "staged")
	if !a.Tree {
		to = filepath.Join(to, a.Name)
	}
	if err := m.Store.Stage(t.Context(), a, to, artifact.Link); err != nil {
		t.Fatal(err)
	}
	return content(t, strings.TrimSuffix(to, string(filepath.Separator)+a.Name))
}

func from(name, uri string) Input {
	return Input{Name: name, Type: pipeline.URIFolder, Value: pipeline.Value{URI: uri}}
}

func output(path string) *pipeline.Output {
	return &pipeline.Output{Name: "out", Type: pipeline.URIFolder, Path: path}
}

func copying(merge bool) *pipeline.Transfer {
	return &pipeline.Transfer{Task: copyData, Merge: merge}
}

func (m *Mover) try(t *testing.T, task Task) (Result, error) {
	t.Helper()
	if task.Job == "" {
		task.Job = "job"
	}
	if task.Step == "" {
		task.Step = "step"
	}
	if task.Attempt == 0 {
		task.Attempt = 1
	}
	return m.Run(t.Context(), task, new(Progress))
}

func (m *Mover) must(t *testing.T, task Task) Result {
	t.Helper()
	r, err := m.try(t, task)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refused runs a task that the user has to put right, and looks for words in
// what is said.
func (m *Mover) refused(t *testing.T, task Task, words ...string) {
	t.Helper()
	_, err := m.try(t, task)
	f, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || f.Kind == pipeline.Infrastructure {
		t.Fatalf("the error is %v, want one that is the user's", err)
	}
	for _, w := range words {
		if !strings.Contains(f.Message+" | "+f.Hint, w) {
			t.Errorf("%q is not in: %s (%s)", w, f.Message, f.Hint)
		}
	}
}

func metric(t *testing.T, r Result, name string) int {
	t.Helper()
	m, ok := r.Metrics[name]
	if !ok {
		t.Fatalf("there is no metric %s in %v", name, r.Metrics)
	}
	return int(m.Last)
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestACopyBetweenPlacesLeavesNothingInTheStore(t *testing.T) {
	m := newMover(t)
	files := map[string]string{"a.txt": "one", "deep/er/b.txt": "two", "empty/": ""}
	m.newPlace(t, "left", files)
	right := m.newPlace(t, "right", map[string]string{"got/a.txt": "old", "got/other": "stays"})
	r := m.must(t, Task{Transfer: copying(true), Inputs: []Input{from("in", "azureml://datastores/left/paths/")}, Output: output("azureml://datastores/right/paths/got")})
	if len(r.Outputs) != 0 {
		t.Errorf("the store has %v", r.Outputs)
	}
	equal(t, content(t, right), map[string]string{"got/a.txt": "one", "got/deep/er/b.txt": "two", "got/empty/": "", "got/other": "stays"})
	blobs, _ := filepath.Glob(filepath.Join(m.Store.Dir(), "blobs", "*", "*"))
	if len(blobs) != 0 {
		t.Errorf("blobs: %v", blobs)
	}
	if metric(t, r, "files") != 2 || metric(t, r, "bytes") != 6 {
		t.Errorf("metrics: %v", r.Metrics)
	}
}

func TestACopyThatIsReadInTheJobIsKept(t *testing.T) {
	m := newMover(t)
	m.newPlace(t, "left", map[string]string{"a": "one", "b": "two"})
	m.newPlace(t, "more", map[string]string{"b": "three", "c/d": "four"})
	r := m.must(t, Task{Transfer: copying(true), Kept: true, Inputs: []Input{from("x", "azureml://datastores/left/paths/"), from("y", "azureml://datastores/more/paths")},
		Output: output("azureml://datastores/left/paths/there")})
	equal(t, m.staged(t, r.Outputs["out"]), map[string]string{"a": "one", "b": "three", "c/d": "four"})
}

func TestConflictsAreFailures(t *testing.T) {
	m := newMover(t)
	m.newPlace(t, "left", map[string]string{"a": "one", "x/y": "two"})
	m.newPlace(t, "more", map[string]string{"a": "three"})
	m.newPlace(t, "odd", map[string]string{"x": "a file"})
	right := m.newPlace(t, "right", map[string]string{"got/a": "old"})
	out := output("azureml://datastores/right/paths/got")
	left, more := from("x", "azureml://datastores/left/paths/"), from("y", "azureml://datastores/more/paths/")
	m.refused(t, Task{Transfer: copying(false), Inputs: []Input{left, more}, Output: output("")}, "a is in input x and in input y", "merge_with_overwrite")
	m.refused(t, Task{Transfer: copying(false), Inputs: []Input{left}, Output: out}, "got/a is there already")
	m.refused(t, Task{Transfer: copying(true), Inputs: []Input{left, from("z", "azureml://datastores/odd/paths/")}, Output: out}, "x is a file in input z, and a folder in input x")
	m.refused(t, Task{Transfer: copying(true), Inputs: []Input{from("x", "azureml://datastores/left/paths/none")}, Output: out}, "there is no file or folder")
	equal(t, content(t, right), map[string]string{"got/a": "old"})
}

func TestOneFileIsCopiedToAFileOrIntoAFolder(t *testing.T) {
	m := newMover(t)
	m.newPlace(t, "left", map[string]string{"deep/a.csv": "one"})
	right := m.newPlace(t, "right", nil)
	in := from("in", "azureml://datastores/left/paths/deep/a.csv")
	in.Type = pipeline.URIFile
	m.must(t, Task{Step: "file", Transfer: copying(true), Inputs: []Input{in}, Output: &pipeline.Output{Name: "out", Type: pipeline.URIFile, File: "b.csv", Path: "azureml://datastores/right/paths/x/b.csv"}})
	m.must(t, Task{Step: "into", Transfer: copying(true), Inputs: []Input{in}, Output: &pipeline.Output{Name: "out", Type: pipeline.URIFile, Path: "azureml://datastores/right/paths/y/"}})
	m.must(t, Task{Step: "folder", Transfer: copying(true), Inputs: []Input{in}, Output: output("azureml://datastores/right/paths/z")})
	equal(t, content(t, right), map[string]string{"x/b.csv": "one", "y/a.csv": "one", "z/a.csv": "one"})
	folder := from("in", "azureml://datastores/left/paths/deep")
	m.refused(t, Task{Step: "wrong", Transfer: copying(true), Inputs: []Input{folder}, Output: &pipeline.Output{Name: "out", Type: pipeline.URIFile, Path: "azureml://datastores/right/paths/f"}}, "is a file, and what is copied is a folder")
}

// A copy that was cut off goes on: with the file at which it was, and with the
// files that it had not begun.
func TestACopyGoesOnWhereItWasCutOff(t *testing.T) {
	m := newMover(t)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	files := map[string]string{"big": big}
	for _, n := range []string{"a", "b", "c"} {
		files[n] = n
	}
	m.newPlace(t, "left", files)
	right := m.newPlace(t, "right", nil)
	task := Task{Transfer: copying(false), Inputs: []Input{from("in", "azureml://datastores/left/paths/")}, Output: output("azureml://datastores/right/paths/got")}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all, _, err := m.gather(ctx, task.Inputs, true)
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(ctx, m.Store, Task{Job: "job", Step: "step", Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Places.Outside(ctx, task.Output.Path, pipeline.URIFolder)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.check(ctx); err != nil {
		t.Fatal(err)
	}
	// The worker dies in the middle of the big file.
	half := 0
	i := slices.IndexFunc(all, func(it item) bool { return it.path == "big" })
	c := all[i].content(new(Progress))
	c.Progress = func(n int64) {
		if half += int(n); half > len(big)/2 {
			cancel()
		}
	}
	if _, err := to.Write(ctx, "big", c); !errors.Is(err, context.Canceled) {
		t.Fatalf("the write ended with %v", err)
	}
	ctx = t.Context()
	if _, err := m.direct(ctx, slices.Delete(slices.Clone(all), i, i+1), to, j, new(Progress)); err != nil {
		t.Fatal(err)
	}

	parts, _ := filepath.Glob(filepath.Join(right, "got", ".big.*"))
	if len(parts) != 1 {
		t.Fatalf("parts of the big file: %v", parts)
	}
	info, err := os.Stat(parts[0])
	if err != nil || info.Size() == 0 {
		t.Fatalf("%v, %v", info, err)
	}
	had := info.Size()
	p := new(Progress)
	task.Job, task.Step, task.Attempt = "job", "step", 2
	r, err := m.Run(ctx, task, p)
	if err != nil {
		t.Fatal(err)
	}
	if n := metric(t, r, "files_already_there"); n != 3 {
		t.Errorf("%d files were there already", n)
	}
	equal(t, content(t, right), map[string]string{"got/big": big, "got/a": "a", "got/b": "b", "got/c": "c"})
	if had >= int64(len(big)) {
		t.Errorf("the part had all %d bytes", had)
	}
	// A third attempt, whose predecessor's end nobody heard of, does nothing.
	if err := os.RemoveAll(filepath.Join(right, "got")); err != nil {
		t.Fatal(err)
	}
	task.Attempt = 3
	again, err := m.Run(ctx, task, p)
	if err != nil || len(content(t, right)) != 0 {
		t.Errorf("%v; %v", err, content(t, right))
	}
	equal(t, again.Metrics, r.Metrics)
}

func TestAPartOfAnotherVersionIsNotGoneOnWith(t *testing.T) {
	m := newMover(t)
	left := m.newPlace(t, "left", map[string]string{"f": "the first version"})
	right := m.newPlace(t, "right", nil)
	to, err := m.Places.Outside(t.Context(), "azureml://datastores/right/paths/", pipeline.URIFolder)
	if err != nil {
		t.Fatal(err)
	}
	it := func() item {
		all, _, err := m.gather(t.Context(), []Input{from("in", "azureml://datastores/left/paths/")}, true)
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := it().content(new(Progress))
	c.Progress = func(int64) { cancel() }
	_, _ = to.Write(ctx, "f", c)
	fill(t, left, map[string]string{"f": "another, which is longer"})
	if _, err := to.Write(t.Context(), "f", it().content(new(Progress))); err != nil {
		t.Fatal(err)
	}
	if got := content(t, right)["f"]; got != "another, which is longer" {
		t.Errorf("got %q", got)
	}
}

func TestFilesOfAConnectionAreImportedAndExported(t *testing.T) {
	m := newMover(t)
	dir := t.TempDir()
	fill(t, dir, map[string]string{"in/a.csv": "1", "in/b.csv": "2", "in/c.txt": "3", "in/sub/d.csv": "4"})
	if err := m.Connections.Put(t.Context(), connection.Definition{Name: "share", Type: "file", Target: "file://" + dir}); err != nil {
		t.Fatal(err)
	}
	in := func(path string) *pipeline.Transfer {
		return &pipeline.Transfer{Task: importData, External: &pipeline.External{Type: "file_system", Connection: "share", Path: path}}
	}
	r := m.must(t, Task{Step: "a", Transfer: in("in/*.csv"), Output: output("")})
	equal(t, m.staged(t, r.Outputs["out"]), map[string]string{"a.csv": "1", "b.csv": "2"})
	r = m.must(t, Task{Step: "b", Transfer: in("in"), Output: output("")})
	equal(t, len(m.staged(t, r.Outputs["out"])), 4)
	m.refused(t, Task{Step: "c", Transfer: in("in/*.png"), Output: output("")}, "no file matches")
	m.refused(t, Task{Step: "d", Transfer: in("../x"), Output: output("")}, "leaves")

	a := r.Outputs["out"]
	export := &pipeline.Transfer{Task: exportData, External: &pipeline.External{Type: "file_system", Connection: "share", Path: "back/here"}}
	m.must(t, Task{Step: "e", Transfer: export, Inputs: []Input{{Name: "source", Type: pipeline.URIFolder, Value: pipeline.Content(a)}}})
	equal(t, content(t, filepath.Join(dir, "back")), map[string]string{"here/a.csv": "1", "here/b.csv": "2", "here/c.txt": "3", "here/sub/d.csv": "4"})

	elsewhere := &pipeline.Transfer{Task: importData, External: &pipeline.External{Type: "file_system", Connection: "nobody", Path: "x"}}
	m.refused(t, Task{Step: "f", Transfer: elsewhere, Output: output("")}, `there is no connection "nobody"`, "millrace connection create --name nobody")
}
