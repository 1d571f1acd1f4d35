package step_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestLiteralsAreRenderedWordForWord(t *testing.T) {
	for value, want := range map[string]string{
		"True":              "True\n",
		"1e-3":              "1e-3\n",
		"hello world":       "hello\nworld\n", // two words: nothing is quoted
		"'hello world'":     "hello world\n",
		"$((1 + 1))":        "2\n",
		"a; echo b":         "a\nb\n",
		"":                  "\n",
		"ünïcode":           "ünïcode\n",
		"${{inputs.value}}": "", // not rendered twice; bash does not like it
	} {
		a := attempt("printf '%s\\n' ${{inputs.value}}")
		a.Step.Inputs = []pipeline.Input{{Name: "value", Type: pipeline.String}}
		a.Inputs["value"] = pipeline.Text(value)
		w := newWorld(t)
		if want == "" {
			w.fail(t, a, pipeline.UserFailure)
		} else if _, log := w.run(t, a); log != want {
			t.Errorf("%q printed %q, want %q", value, log, want)
		}
	}
}

func TestValuesComeFromThePlanWhereTheAttemptHasNone(t *testing.T) {
	w := newWorld(t)
	literal, data := "from the plan", w.file(t, "data.csv", "1,2\n")
	a := attempt("echo ${{inputs.literal}}; cat ${{inputs.source}}; echo ${{inputs.direct}}")
	source := &pipeline.Source{URI: "azureml://datastores/d/paths/data.csv", Artifact: &data}
	a.Step.Inputs = []pipeline.Input{
		{Name: "literal", Type: pipeline.String, Binding: pipeline.Binding{Literal: &literal}},
		{Name: "source", Type: pipeline.URIFile, Binding: pipeline.Binding{Source: source}},
		{Name: "direct", Type: pipeline.URIFile, Mode: pipeline.Direct, Binding: pipeline.Binding{Source: source}},
	}
	const want = "from the plan\n1,2\nazureml://datastores/d/paths/data.csv\n"
	if _, log := w.run(t, a); log != want {
		t.Errorf("log = %q, want %q", log, want)
	}
	a.Inputs["literal"] = pipeline.Text("from the attempt")
	if _, log := w.run(t, a); !strings.HasPrefix(log, "from the attempt\n") {
		t.Errorf("log = %q", log)
	}
}

func TestOptionalGroupsDisappearWithTheirInput(t *testing.T) {
	a := attempt("echo run $[[--a ${{inputs.a}}]] $[[--b ${{inputs.b}}]] end")
	a.Step.Inputs = []pipeline.Input{
		{Name: "a", Type: pipeline.Integer, Optional: true},
		{Name: "b", Type: pipeline.URIFile, Optional: true},
	}
	a.Inputs["a"] = pipeline.Text("1")
	if _, log := newWorld(t).run(t, a); log != "run --a 1 end\n" {
		t.Errorf("log = %q", log)
	}
}

// What a command sees of a value depends on the value, not on the port's type.
func TestFilesAndFoldersAreWhatTheyAre(t *testing.T) {
	for _, port := range []pipeline.PortType{pipeline.URIFile, pipeline.URIFolder, pipeline.MLTable, pipeline.MLflowModel, pipeline.CustomModel} {
		for _, mode := range []pipeline.Mode{"", pipeline.ReadOnlyMount, pipeline.EvalMount, pipeline.Download, pipeline.EvalDownload} {
			w := newWorld(t)
			a := attempt("cat ${{inputs.file}}; basename ${{inputs.file}}; ls ${{inputs.folder}}; cat ${{inputs.folder}}/sub/b; basename ${{inputs.folder}}")
			a.Step.Inputs = []pipeline.Input{{Name: "file", Type: port, Mode: mode}, {Name: "folder", Type: port, Mode: mode}}
			a.Inputs["file"] = pipeline.Content(w.file(t, "Titanic.csv", "1,2\n"))
			a.Inputs["folder"] = pipeline.Content(w.tree(t, map[string]string{"z": "1\n", "a": "2\n", "sub/b": "3\n"}))
			const want = "1,2\nTitanic.csv\na\nsub\nz\n3\nINPUT_folder\n"
			if _, log := w.run(t, a); log != want {
				t.Errorf("%s %s: log = %q, want %q", port, mode, log, want)
			}
			w.isGone(t)
		}
	}
}

func TestFilesWithoutANameAreCalledAfterTheirPort(t *testing.T) {
	w := newWorld(t)
	a := attempt("basename ${{inputs.data}}")
	a.Step.Inputs = []pipeline.Input{{Name: "data", Type: pipeline.URIFile}}
	data := w.file(t, "x", "content")
	data.Name = ""
	a.Inputs["data"] = pipeline.Content(data)
	if _, log := w.run(t, a); log != "data\n" {
		t.Errorf("log = %q", log)
	}
}

func TestDirectInputsAreAddresses(t *testing.T) {
	w := newWorld(t)
	a := attempt("echo ${{inputs.outside}}; cat $(echo ${{inputs.inside}} | sed s,^file://,,)")
	a.Step.Inputs = []pipeline.Input{
		{Name: "outside", Type: pipeline.URIFile, Mode: pipeline.Direct},
		{Name: "inside", Type: pipeline.URIFile, Mode: pipeline.Direct},
	}
	a.Inputs["outside"] = pipeline.Value{URI: "https://host/f.csv"}
	a.Inputs["inside"] = pipeline.Content(w.file(t, "f", "made by a step\n"))
	if _, log := w.run(t, a); log != "https://host/f.csv\nmade by a step\n" {
		t.Errorf("log = %q", log)
	}
}

func TestDownloadedInputsAreTheStepsOwn(t *testing.T) {
	w := newWorld(t)
	a := attempt("cd ${{inputs.folder}} && echo more >> file && rm other && touch new && cat file && echo over > ${{inputs.file}}")
	a.Step.Inputs = []pipeline.Input{
		{Name: "folder", Type: pipeline.URIFolder, Mode: pipeline.Download},
		{Name: "file", Type: pipeline.URIFile, Mode: pipeline.Download},
	}
	folder, file := w.tree(t, map[string]string{"file": "text\n", "other": ""}), w.file(t, "f", "text\n")
	a.Inputs["folder"], a.Inputs["file"] = pipeline.Content(folder), pipeline.Content(file)
	for range 2 {
		if _, log := w.run(t, a); log != "text\nmore\n" {
			t.Errorf("log = %q", log)
		}
	}
	must(t, w.store.Verify(t.Context(), folder))
	must(t, w.store.Verify(t.Context(), file))
}

// protected is an executor that claims another protection than it has.
type protected struct {
	executor.Executor
	by executor.Protection
}

func (p protected) Protection() executor.Protection { return p.by }

func (p protected) Run(ctx context.Context, program executor.Program) (executor.Exit, error) {
	program.ReadOnly = nil
	return p.Executor.Run(ctx, program)
}

func TestMountedInputsCannotBeChanged(t *testing.T) {
	for _, command := range []string{
		"echo bad >> ${{inputs.folder}}/sub/file",
		"rm -r ${{inputs.folder}}/sub",
		"touch ${{inputs.folder}}/new",
		"echo bad > ${{inputs.file}}",
		"mv ${{inputs.file}} .",
	} {
		w := newWorld(t)
		a := attempt(command)
		a.Step.Inputs = []pipeline.Input{{Name: "folder", Type: pipeline.URIFolder}, {Name: "file", Type: pipeline.URIFile}}
		folder, file := w.tree(t, map[string]string{"sub/file": "text\n"}), w.file(t, "f", "text\n")
		a.Inputs["folder"], a.Inputs["file"] = pipeline.Content(folder), pipeline.Content(file)
		if w.Executor.Protection() == executor.None {
			// The program gets copies and may do as it likes.
			w.run(t, a)
		} else {
			w.fail(t, a, pipeline.UserFailure)
		}
		must(t, w.store.Verify(t.Context(), folder))
		must(t, w.store.Verify(t.Context(), file))
		w.isGone(t)
	}
}

func TestRootWithoutMountsGetsCopies(t *testing.T) {
	w := newWorld(t)
	w.Executor = protected{w.Executor, executor.None}
	a := attempt("echo bad > ${{inputs.file}} && cat ${{inputs.file}}")
	a.Step.Inputs = []pipeline.Input{{Name: "file", Type: pipeline.URIFile}}
	file := w.file(t, "f", "text\n")
	a.Inputs["file"] = pipeline.Content(file)
	if _, log := w.run(t, a); log != "bad\n" {
		t.Errorf("log = %q", log)
	}
	must(t, w.store.Verify(t.Context(), file))
}

// Where nothing but permissions protects inputs, a program that means it can
// change them. It is found out, whether it succeeds otherwise or not.
func TestTamperingIsFoundOut(t *testing.T) {
	for _, end := range []string{"", "; exit 3"} {
		w := newWorld(t)
		w.Executor = protected{w.Executor, executor.Permissions}
		a := attempt("chmod u+w ${{inputs.data}}/sub/file && echo bad > ${{inputs.data}}/sub/file" + end)
		a.Step.Inputs = []pipeline.Input{
			{Name: "fine", Type: pipeline.URIFolder},
			{Name: "data", Type: pipeline.URIFolder},
		}
		data := w.tree(t, map[string]string{"sub/file": "text\n", "other": "more text\n"})
		a.Inputs["data"] = pipeline.Content(data)
		a.Inputs["fine"] = pipeline.Content(w.tree(t, map[string]string{"f": "fine\n"}))
		failure, _ := w.fail(t, a, pipeline.UserFailure)
		if end == "" {
			mustContain(t, "message", failure.Message, `input "data" was changed`)
			mustContain(t, "hint", failure.Hint, "mode: download", `"data"`)
		} else if failure.ExitCode == nil || *failure.ExitCode != 3 {
			t.Errorf("failure = %+v, want exit code 3", failure)
		}
		if has, err := w.store.Has(t.Context(), data); err != nil || has {
			t.Errorf("the damaged file is still in the store: %v, %v", has, err)
		}
		w.isGone(t)
	}
}

func TestReadingIsNotTampering(t *testing.T) {
	w := newWorld(t)
	w.Executor = protected{w.Executor, executor.Permissions}
	a := attempt("cat ${{inputs.data}}/*; rm -f ${{inputs.data}}/file; cp -r ${{inputs.data}} copy; chmod -R u+w copy; echo x > copy/file; true")
	a.Step.Inputs = []pipeline.Input{{Name: "data", Type: pipeline.URIFolder}}
	data := w.tree(t, map[string]string{"file": "text\n"})
	a.Inputs["data"] = pipeline.Content(data)
	w.run(t, a)
	must(t, w.store.Verify(t.Context(), data))
	w.isGone(t)
}

func TestInputsThatTheStoreHasLostAreNotTheUsersFault(t *testing.T) {
	w := newWorld(t)
	a := attempt("true")
	a.Step.Inputs = []pipeline.Input{{Name: "data", Type: pipeline.URIFile}}
	data := w.file(t, "f", "text\n")
	must(t, os.Remove(filepath.Join(w.store.Dir(), "blobs", data.Digest.Hex()[:2], data.Digest.Hex())))
	a.Inputs["data"] = pipeline.Content(data)
	mustContain(t, "error", w.trouble(t, a), `input "data"`, "not in the store")
	w.isGone(t)
}

func TestInputsReachTheNextStepAsTheyWereMade(t *testing.T) {
	w := newWorld(t)
	first := attempt("mkdir ${{outputs.o}}/empty; echo '#!/bin/sh\necho I run' > ${{outputs.o}}/tool; chmod +x ${{outputs.o}}/tool; echo data > ${{outputs.o}}/data")
	first.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFolder}}
	made, _ := w.run(t, first)
	if diff := cmp.Diff(
		map[string]string{"empty/": "", "tool": "#!/bin/sh\necho I run\n", "data": "data\n"},
		w.contents(t, made.Outputs["o"]),
	); diff != "" {
		t.Error(diff)
	}
	second := attempt("ls -d ${{inputs.i}}/empty > /dev/null; ${{inputs.i}}/tool; cat ${{inputs.i}}/data")
	second.Step.Inputs = []pipeline.Input{{Name: "i", Type: pipeline.URIFolder}}
	second.Inputs["i"] = pipeline.Content(made.Outputs["o"])
	if _, log := w.run(t, second); log != "I run\ndata\n" {
		t.Errorf("log = %q", log)
	}
}

func TestCodeIsAWritableCopy(t *testing.T) {
	w := newWorld(t)
	code := w.code(t, map[string]string{"f": "text\n"})
	a := attempt("echo more >> f; rm f; echo new > f; cat f")
	a.Step.Code = code
	if _, log := w.run(t, a); log != "new\n" {
		t.Errorf("log = %q", log)
	}
	must(t, w.store.Verify(t.Context(), *code.Artifact))
}

func TestWithARemoteStoreInputsAreCopies(t *testing.T) {
	w := newWorld(t)
	store, err := artifact.Open(t.Context(), "mem://")
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	w.store, w.Store = store, store
	a := attempt("cat ${{inputs.data}}/f > ${{outputs.o}}")
	a.Step.Inputs = []pipeline.Input{{Name: "data", Type: pipeline.URIFolder}}
	a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFile}}
	a.Inputs["data"] = pipeline.Content(w.tree(t, map[string]string{"f": "text\n"}))
	result, _ := w.run(t, a)
	if got := w.contents(t, result.Outputs["o"])[""]; got != "text\n" {
		t.Errorf("output = %q", got)
	}
	w.isGone(t)
}
