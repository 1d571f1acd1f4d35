package batch

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// trial runs a script on the mini-batches of a folder as a worker does.
type trial struct {
	t      *testing.T
	store  *artifact.Store
	step   *pipeline.Step
	script string
	stdout string
}

func newTrial(t *testing.T, script string) *trial {
	return &trial{t: t, store: newStore(t), script: script, step: &pipeline.Step{
		Name:    "score",
		Inputs:  []pipeline.Input{{Name: "files", Type: pipeline.URIFolder}},
		Outputs: []pipeline.Output{{Name: "rows", Type: pipeline.URIFile}, {Name: "out", Type: pipeline.URIFolder}},
		Parallel: &pipeline.Parallel{
			Input: "files", Entry: "script.py", AppendRowTo: "rows", Files: 1, Processes: 2, Timeout: 60, LogLevel: "INFO",
			MaxFailedBatches: -1, MaxFailedItems: -1, MaxFailedPercent: 100,
		},
	}}
}

// run runs some mini-batches of a list, and returns what is left of them.
func (r *trial) run(l *List, positions []int, most Limits) (Ran, error) {
	r.t.Helper()
	tree, err := r.store.Manifest(r.t.Context(), l.Tree)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := l.Chunk(r.t.Context(), r.store, tree, r.step, positions, 0, most)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.start(c)
}

func (r *trial) start(c Chunk) (Ran, error) {
	r.t.Helper()
	dir := r.t.TempDir()
	results := filepath.Join(dir, "results")
	for _, path := range []string{results, filepath.Join(dir, "wd")} {
		if err := os.Mkdir(path, 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "wd", "script.py"), []byte(r.script), 0o644); err != nil {
		r.t.Fatal(err)
	}
	for name, a := range map[string]pipeline.Artifact{"data": c.Data, "runner": c.Runner} {
		if err := r.store.Stage(r.t.Context(), a, filepath.Join(dir, name), artifact.Writable); err != nil {
			r.t.Fatal(err)
		}
	}
	program := Program(r.step)
	get := func(string) (string, bool) { return filepath.Join(dir, "runner"), true }
	command := strings.ReplaceAll(program.Command.Render(get, get), "exec python ", "exec python3 ")
	cmd := exec.CommandContext(r.t.Context(), "bash", "-c", command)
	cmd.Dir = filepath.Join(dir, "wd")
	cmd.Env = append(os.Environ(), "AZURE_ML_INPUT_files="+filepath.Join(dir, "data"), "AZURE_ML_OUTPUT_"+ResultsOutput+"="+results, "PYTHONDONTWRITEBYTECODE=1")
	said, err := cmd.CombinedOutput()
	r.stdout = string(said)
	if err != nil {
		return Ran{}, err
	}
	made, err := r.store.ImportTree(r.t.Context(), results, artifact.Move)
	if err != nil {
		r.t.Fatal(err)
	}
	return Ran{Results: made}, nil
}

// all runs all mini-batches of a folder in one chunk, and joins them.
func (r *trial) all(files ...string) (*Joined, Summary) {
	r.t.Helper()
	l, _ := split(r.t, r.store, folder(r.t, r.store, files...), *r.step.Parallel, &Memory{})
	ran, err := r.run(l, l.Unknown(), Limits{-1, -1})
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.stdout)
	}
	s, err := Summarise(r.t.Context(), r.store, ran.Results)
	if err != nil {
		r.t.Fatal(err)
	}
	joined, err := Join(r.t.Context(), r.store, l, r.step, []Ran{ran}, false)
	if err != nil {
		r.t.Fatal(err)
	}
	return joined, s
}

func (r *trial) text(a pipeline.Artifact) string {
	r.t.Helper()
	text, err := r.store.ReadAll(r.t.Context(), a.Digest, 1<<20)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// names are the files of a tree.
func (r *trial) names(a pipeline.Artifact) (names []string) {
	r.t.Helper()
	tree, err := r.store.Manifest(r.t.Context(), a.Digest)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range tree.Entries {
		names = append(names, e.Path)
	}
	return names
}

const echo = `
import os
def run(mini_batch):
    return [os.path.basename(p) + "=" + open(p).read() for p in mini_batch]
`

func TestRowsStandInTheOrderOfTheFiles(t *testing.T) {
	r := newTrial(t, `
import os, time
def run(mini_batch):
    time.sleep(0.2 if "a" in os.path.basename(mini_batch[0]) else 0)
    return [os.path.basename(p) for p in mini_batch]
`)
	joined, _ := r.all("a=1", "b=2", "c=3", "d=4")
	if got := r.text(joined.Outputs["rows"]); got != "a\nb\nc\nd\n" {
		t.Errorf("the rows are %q", got)
	}
}

func TestScriptsSeeWhatTheyDoInAzure(t *testing.T) {
	r := newTrial(t, `
import argparse, os, sys
print("imported as", __name__)
def init():
    global args
    p = argparse.ArgumentParser()
    p.add_argument("--word"); p.add_argument("--out")
    args, rest = p.parse_known_args()
    print("argv", os.path.basename(sys.argv[0]), args.word, rest)
    import beside
def run(mini_batch, mini_batch_context):
    open(os.path.join(args.out, "x" + mini_batch_context.minibatch_index), "w").close()
    return tuple(mini_batch)
def shutdown():
    print("shut down")
`)
	r.step.Parallel.Arguments = pipeline.Template{{Text: `--word "two  $words *" rest --out `}, {Output: "out"}}
	r.step.Parallel.Processes = 1
	r.script += "\n"
	if joined, _ := r.tryBeside(t); joined != nil {
		if diff := cmp.Diff([]string{"x0", "x1"}, r.names(joined.Outputs["out"])); diff != "" {
			t.Error(diff)
		}
	}
	for _, want := range []string{"imported as script", "argv script.py two  $words * ['rest']", "shut down"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the log does not say %q:\n%s", want, r.stdout)
		}
	}
}

// tryBeside runs a script that imports a module from its own folder.
func (r *trial) tryBeside(t *testing.T) (*Joined, Summary) {
	t.Helper()
	r.script = strings.Replace(r.script, "import beside", "import runpy; assert os.path.dirname(__file__) in sys.path", 1)
	return r.all("a=1", "b=2")
}

func TestItemsThatAreMissingAreCounted(t *testing.T) {
	r := newTrial(t, "def run(mini_batch):\n    return mini_batch[1:]\n")
	r.step.Parallel.Files = 3
	_, s := r.all("a=1", "b=2", "c=3", "d=4", "e=5")
	want := Summary{Batches: 2, Items: 5, FailedItems: 2, Processes: 2}
	s.Seconds, s.InitSeconds, s.Errors = 0, 0, nil
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresAreOfTheMiniBatch(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"an exception", "def run(m):\n    raise ValueError('this one')\n", "ValueError: this one"},
		{"an exit", "import sys\ndef run(m):\n    sys.exit(3)\n", "SystemExit: 3"},
		{"a process that ends", "import os\ndef run(m):\n    os._exit(9)\n", "exit code 9"},
		{"a process that is killed", "import os\ndef run(m):\n    os.kill(os.getpid(), 11)\n", "killed by SIGSEGV"},
		{"nothing returned", "def run(m):\n    pass\n", "returned NoneType"},
		{"text returned", "def run(m):\n    return 'x'\n", "returned str"},
		{"too slow", "import time\ndef run(m):\n    time.sleep(600)\n", "took longer than the 1 seconds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := strings.Replace(c.script, "def run(m):\n", "def run(m):\n    if not m[0].endswith('bad'): return m\n", 1)
			r := newTrial(t, script)
			r.step.Parallel.Timeout, r.step.Parallel.Retries = 1, 1
			_, s := r.all("a=1", "bad=2", "c=3")
			if s.Failed != 1 || len(s.Errors) != 1 || !strings.Contains(s.Errors[0].Error, c.want) || !slices.Equal(s.Errors[0].Files, []string{"bad"}) {
				t.Errorf("got %+v, want one failure that says %q\n%s", s, c.want, r.stdout)
			}
		})
	}
}

func TestAMiniBatchIsTriedAgain(t *testing.T) {
	r := newTrial(t, `
import os
def run(m):
    flag = os.path.join(os.path.dirname(os.getcwd()), "tried")
    open(os.path.join(os.environ["AZURE_ML_OUTPUT_out"], "file"), "w").write("x")
    if not os.path.exists(flag):
        open(flag, "w").close()
        os._exit(1)
    return m
`)
	r.step.Parallel.Retries = 1
	joined, s := r.all("a=1")
	if s.Failed != 0 || s.Batches != 1 {
		t.Errorf("got %+v\n%s", s, r.stdout)
	}
	if diff := cmp.Diff([]string{"file"}, r.names(joined.Outputs["out"])); diff != "" {
		t.Error(diff)
	}
}

func TestAChunkEndsWhenTooMuchFails(t *testing.T) {
	r := newTrial(t, "def run(m):\n    raise ValueError\n")
	r.step.Parallel.Processes = 1
	l, _ := split(t, r.store, folder(t, r.store, "a=1", "b=2", "c=3", "d=4", "e=5"), *r.step.Parallel, &Memory{})
	ran, err := r.run(l, l.Unknown(), Limits{Failed: 1, FailedItems: -1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Summarise(t.Context(), r.store, ran.Results)
	if err != nil {
		t.Fatal(err)
	}
	if s.Failed != 2 || !s.Stopped || s.Left != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestAnInitThatFailsIsTold(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"it raises", "def init():\n    raise RuntimeError('no model')\n" + echo, "RuntimeError: no model"},
		{"it ends", "import os\ndef init():\n    os._exit(5)\n" + echo, "ended in init() (exit code 5)"},
		{"there is no run", "x = 1\n", "has no function run()"},
		{"the script is wrong", "def run(:\n", "SyntaxError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTrial(t, c.script)
			l, _ := split(t, r.store, folder(t, r.store, "a=1"), *r.step.Parallel, &Memory{})
			if _, err := r.run(l, l.Unknown(), Limits{-1, -1}); err == nil || !strings.Contains(r.stdout, c.want) {
				t.Errorf("got %v, want the log to say %q:\n%s", err, c.want, r.stdout)
			}
		})
	}
}

// What several mini-batches append to one file stands there in their order, and
// what they write alike is there once.
func TestFilesOfSeveralMiniBatchesAreJoined(t *testing.T) {
	r := newTrial(t, `
import os
def run(m):
    out = os.environ["AZURE_ML_OUTPUT_out"]
    with open(os.path.join(out, "all.csv"), "a") as f: f.write(os.path.basename(m[0]) + "\n")
    with open(os.path.join(out, "same"), "w") as f: f.write("same")
    os.makedirs(os.path.join(out, "sub"), exist_ok=True)
    with open(os.path.join(out, "sub", os.path.basename(m[0])), "w") as f: f.write("x")
    return m
`)
	joined, _ := r.all("a=1", "b=2", "c=3")
	if diff := cmp.Diff([]string{"all.csv", "same", "sub/a", "sub/b", "sub/c"}, r.names(joined.Outputs["out"])); diff != "" {
		t.Error(diff)
	}
	tree, err := r.store.Manifest(t.Context(), joined.Outputs["out"].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.text(pipeline.Artifact{Digest: tree.Entries[0].Digest}); got != "a\nb\nc\n" {
		t.Errorf("all.csv holds %q", got)
	}
	if len(joined.Notes) != 1 || !strings.Contains(joined.Notes[0], "all.csv was written by 3 mini-batches") || joined.Segment == nil {
		t.Errorf("the notes are %q", joined.Notes)
	}
}

// A file that stays open belongs to no mini-batch: it is whole in the end, and
// the mini-batches are not remembered.
func TestFilesThatStayOpenAreWhole(t *testing.T) {
	r := newTrial(t, `
import os
def init():
    global f
    f = open(os.path.join(os.environ["AZURE_ML_OUTPUT_out"], "log.txt"), "w")
def run(m):
    f.write(os.path.basename(m[0]) + "\n")
    return m
def shutdown():
    f.close()
`)
	r.step.Parallel.Processes = 1
	joined, _ := r.all("a=1", "b=2")
	tree, err := r.store.Manifest(t.Context(), joined.Outputs["out"].Digest)
	if err != nil || len(tree.Entries) != 1 {
		t.Fatal(err, tree)
	}
	if got := r.text(pipeline.Artifact{Digest: tree.Entries[0].Digest}); got != "a\nb\n" || joined.Segment != nil {
		t.Errorf("the file holds %q, remembered is %v", got, joined.Segment)
	}
}

// What is remembered is joined with what is new, in the order of the files.
func TestRememberedResultsAreJoined(t *testing.T) {
	r := newTrial(t, `
import os
def run(m):
    with open(os.path.join(os.environ["AZURE_ML_OUTPUT_out"], os.path.basename(m[0]) + ".out"), "w") as f: f.write("x")
    return [os.path.basename(m[0]) + "=" + open(m[0]).read()]
`)
	joined, _ := r.all("a=1", "c=3")
	const key = "abcdef"
	if err := Remember(t.Context(), r.store, key, joined.Segment, joined.Covered); err != nil {
		t.Fatal(err)
	}
	known, err := Recall(t.Context(), r.store, key)
	if err != nil {
		t.Fatal(err)
	}
	l, _ := split(t, r.store, folder(t, r.store, "a=1", "b=2", "c=3"), *r.step.Parallel, known)
	if todo := l.Unknown(); !slices.Equal(todo, []int{1}) {
		t.Fatalf("to do are %v", todo)
	}
	ran, err := r.run(l, l.Unknown(), Limits{-1, -1})
	if err != nil {
		t.Fatal(err, r.stdout)
	}
	if joined, err = Join(t.Context(), r.store, l, r.step, []Ran{ran}, false); err != nil {
		t.Fatal(err)
	}
	if got := r.text(joined.Outputs["rows"]); got != "a=1\nb=2\nc=3\n" {
		t.Errorf("the rows are %q", got)
	}
	if diff := cmp.Diff([]string{"a.out", "b.out", "c.out"}, r.names(joined.Outputs["out"])); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(joined.Covered, l.Segments) {
		t.Errorf("%v covers %v", joined.Covered, l.Segments)
	}
}

// Without pandas, a table is refused by the name of what is missing.
func TestATableNeedsPandas(t *testing.T) {
	r := newTrial(t, echo)
	in := folder(t, r.store, "MLTable=paths: [{file: a.csv}]\ntransformations: [read_delimited: {delimiter: ','}]", "a.csv=x\n1\n")
	s, err := Open(t.Context(), r.store, in, pipeline.MLTable)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Pieces(t.Context(), r.store, r.step)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", hidden(t, "pandas"))
	if _, err := r.start(c); err == nil || !strings.Contains(r.stdout, "needs the package pandas") {
		t.Errorf("got %v:\n%s", err, r.stdout)
	}
}

// hidden is a folder for PYTHONPATH in which a package cannot be imported.
func hidden(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name+".py"), []byte("raise ImportError"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
