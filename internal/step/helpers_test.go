package step_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// world is a runner with a store of its own.
type world struct {
	*step.Runner
	store *artifact.Store
}

func newWorld(t testing.TB) *world {
	t.Helper()
	root := t.TempDir()
	// What a failed test left behind must not keep the folder from going.
	t.Cleanup(func() {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, _ error) error {
			if entry != nil && entry.IsDir() {
				_ = os.Chmod(path, 0o755)
			}
			return nil
		})
	})
	store, err := artifact.Open(t.Context(), "file://"+filepath.Join(root, "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, store.Close()) })
	return &world{store: store, Runner: &step.Runner{
		Store:    store,
		Executor: &process.Executor{},
		Work:     filepath.Join(root, "work"),
		Environ:  []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")},
	}}
}

var holes = regexp.MustCompile(`\$\[\[(.*?)\]\]|\$\{\{(inputs|outputs)\.(\w+)\}\}`)

// template reads the notation of pipeline files.
func template(text string) pipeline.Template {
	var parts pipeline.Template
	at := 0
	for _, m := range holes.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			parts = append(parts, pipeline.Part{Text: text[at:m[0]]})
		}
		at = m[1]
		switch {
		case m[2] >= 0:
			parts = append(parts, pipeline.Part{Group: template(text[m[2]:m[3]])})
		case text[m[4]:m[5]] == "inputs":
			parts = append(parts, pipeline.Part{Input: text[m[6]:m[7]]})
		default:
			parts = append(parts, pipeline.Part{Output: text[m[6]:m[7]]})
		}
	}
	if at < len(text) {
		parts = append(parts, pipeline.Part{Text: text[at:]})
	}
	return parts
}

// attempt is an attempt at a step "main.work" of a job "job" with a command.
func attempt(command string) step.Attempt {
	s := pipeline.Step{Name: "main.work", Command: template(command)}
	return step.Attempt{
		Plan:   &pipeline.Plan{Type: pipeline.PipelineJob, Name: "job", Steps: []pipeline.Step{s}},
		Step:   &s,
		Number: 1,
		Inputs: map[string]pipeline.Value{},
	}
}

// tree stores a folder of files: path to content. A path that ends in a slash
// is an empty folder.
func (w *world) tree(t testing.TB, files map[string]string) pipeline.Artifact {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		full := filepath.Join(root, path)
		if strings.HasSuffix(path, "/") {
			must(t, os.MkdirAll(full, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(full), 0o755))
		must(t, os.WriteFile(full, []byte(content), 0o644))
	}
	a, err := w.store.ImportTree(t.Context(), root, artifact.Copy)
	must(t, err)
	return a
}

// file stores a file.
func (w *world) file(t testing.TB, name, content string) pipeline.Artifact {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(content), 0o644))
	a, err := w.store.ImportFile(t.Context(), path, artifact.Copy)
	must(t, err)
	return a
}

// code gives a step a code snapshot.
func (w *world) code(t testing.TB, files map[string]string) *pipeline.Code {
	a := w.tree(t, files)
	return &pipeline.Code{Artifact: &a}
}

// contents reads an artifact back: path to content. An empty folder has a
// slash behind its path; a single file has the path "".
func (w *world) contents(t testing.TB, a pipeline.Artifact) map[string]string {
	t.Helper()
	read := func(d pipeline.Digest) string {
		text, err := w.store.ReadAll(t.Context(), d, 1<<30)
		must(t, err)
		return string(text)
	}
	if !a.Tree {
		return map[string]string{"": read(a.Digest)}
	}
	tree, err := w.store.Manifest(t.Context(), a.Digest)
	must(t, err)
	files := map[string]string{}
	for _, e := range tree.Entries {
		if e.IsFolder() {
			files[e.Path+"/"] = ""
		} else {
			files[e.Path] = read(e.Digest)
		}
	}
	return files
}

// run runs an attempt that is expected to succeed, and returns its log too.
func (w *world) run(t testing.TB, a step.Attempt) (step.Result, string) {
	t.Helper()
	result, err := w.Run(t.Context(), a)
	if err != nil {
		t.Fatalf("%s: %v\nlog:\n%s", a.Step.Command, err, w.log(t, result))
	}
	return result, w.log(t, result)
}

// fail runs an attempt that is expected to fail in a certain way.
func (w *world) fail(t testing.TB, a step.Attempt, kind pipeline.FailureKind) (pipeline.Failure, step.Result) {
	t.Helper()
	result, err := w.Run(t.Context(), a)
	if !isKind(err, kind) {
		t.Fatalf("%s: error %v (%T), want a failure of kind %s\nlog:\n%s", a.Step.Command, err, err, kind, w.log(t, result))
	}
	var failure *pipeline.Failure
	errors.As(err, &failure)
	return *failure, result
}

func isKind(err error, kind pipeline.FailureKind) bool {
	var failure *pipeline.Failure
	return errors.As(err, &failure) && failure.Kind == kind
}

// trouble runs an attempt that is expected to fail through no fault of the
// user's, and returns what is said about it.
func (w *world) trouble(t testing.TB, a step.Attempt) string {
	t.Helper()
	_, err := w.Run(t.Context(), a)
	var failure *pipeline.Failure
	if err == nil || errors.As(err, &failure) {
		t.Fatalf("%s: error %v, want an infrastructure error", a.Step.Command, err)
	}
	return err.Error()
}

// log is what the program printed.
func (w *world) log(t testing.TB, result step.Result) string {
	t.Helper()
	kept, ok := result.Outputs[pipeline.Artifacts]
	if !ok {
		return ""
	}
	return w.contents(t, kept)[step.Log]
}

// isGone fails the test if anything is left of the attempts.
func (w *world) isGone(t testing.TB) {
	t.Helper()
	must(t, filepath.WalkDir(w.Work, func(path string, entry fs.DirEntry, _ error) error {
		if entry == nil || path == w.Work {
			return nil
		}
		if name := entry.Name(); name == ".shims" {
			return fs.SkipDir
		} else if name == ".tmp" {
			return nil
		}
		t.Errorf("left behind: %s", path)
		return nil
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustContain(t testing.TB, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not contain %q:\n%s", what, part, text)
		}
	}
}
