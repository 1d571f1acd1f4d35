package step_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestOutputFoldersExistAndAreEmpty(t *testing.T) {
	for _, port := range []pipeline.PortType{pipeline.URIFolder, pipeline.MLTable, pipeline.MLflowModel, pipeline.CustomModel} {
		w := newWorld(t)
		a := attempt("rmdir ${{outputs.used}} && mkdir ${{outputs.used}} && echo x > ${{outputs.used}}/f")
		a.Step.Outputs = []pipeline.Output{{Name: "used", Type: port}, {Name: "unused", Type: port}}
		result, _ := w.run(t, a)
		if diff := cmp.Diff(map[string]string{"f": "x\n"}, w.contents(t, result.Outputs["used"])); diff != "" {
			t.Error(diff)
		}
		if unused, ok := result.Outputs["unused"]; !ok || !unused.Tree || unused.Files != 0 {
			t.Errorf("unused = %+v, %v", unused, ok)
		}
	}
}

func TestOutputFilesAreMissingInAFolderThatExists(t *testing.T) {
	w := newWorld(t)
	a := attempt("test ! -e ${{outputs.o}} && test ! -e ${{outputs.p}} && echo x > ${{outputs.o}} && echo y > ${{outputs.p}} && basename ${{outputs.o}} ${{outputs.p}}; basename ${{outputs.p}}")
	a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFile, File: "hello_world.txt"}, {Name: "p", Type: pipeline.URIFile}}
	result, _ := w.run(t, a)
	for name, want := range map[string]pipeline.Artifact{"o": {Name: "hello_world.txt", Size: 2, Files: 1}, "p": {Name: "p", Size: 2, Files: 1}} {
		got := result.Outputs[name]
		got.Digest = ""
		if got != want {
			t.Errorf("output %s = %+v, want %+v", name, got, want)
		}
	}
}

func TestOutputsThatAreNotThere(t *testing.T) {
	for _, test := range []struct {
		name, command string
		port          pipeline.PortType
		message, hint []string
	}{
		{
			"file not written", "echo x > $(dirname ${{outputs.o}})/model.bin; mkdir $(dirname ${{outputs.o}})/sub", pipeline.URIFile,
			[]string{`output "o"`, "did not write the file out/o/model.pkl"}, []string{"model.bin, sub/"},
		},
		{
			"nothing at all", "true", pipeline.URIFile,
			[]string{`output "o"`, "did not write the file out/o/model.pkl"}, []string{"nothing"},
		},
		{
			"folder for a file", "mkdir ${{outputs.o}}", pipeline.URIFile,
			[]string{`output "o"`, "out/o/model.pkl is a folder"}, []string{"type: uri_folder"},
		},
		{
			"link for a file", "ln -s /etc/passwd ${{outputs.o}}", pipeline.URIFile,
			[]string{`output "o"`, "out/o/model.pkl is a symbolic link"}, []string{"copy"},
		},
		{
			"file for a folder", "rmdir ${{outputs.o}}; echo x > ${{outputs.o}}", pipeline.URIFolder,
			[]string{`output "o"`, "out/o is not a folder any more"}, []string{"type: uri_file"},
		},
		{
			"no folder", "rmdir ${{outputs.o}}", pipeline.URIFolder,
			[]string{`output "o"`, "out/o is gone"}, nil,
		},
		{
			"link for a folder", "rmdir ${{outputs.o}}; ln -s /etc ${{outputs.o}}", pipeline.URIFolder,
			[]string{`output "o"`, "out/o is not a folder"}, nil,
		},
		{
			"link out of a folder", "ln -s /etc/passwd ${{outputs.o}}/p", pipeline.URIFolder,
			[]string{`output "o"`, "out/o/p is a symbolic link", "/etc/passwd"}, []string{"copy"},
		},
		{
			"no file at all", "mkfifo ${{outputs.o}}/p", pipeline.URIFolder,
			[]string{`output "o"`, "out/o/p is a named pipe"}, nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			a := attempt("echo log; " + test.command)
			a.Step.Outputs = []pipeline.Output{{Name: "o", Type: test.port}}
			if test.port == pipeline.URIFile {
				a.Step.Outputs[0].File = "model.pkl"
			}
			failure, result := w.fail(t, a, pipeline.UserFailure)
			mustContain(t, "message", failure.Message, test.message...)
			mustContain(t, "hint", failure.Hint, test.hint...)
			if failure.ExitCode == nil || *failure.ExitCode != 0 || len(failure.LogTail) != 1 {
				t.Errorf("exit code %v, log tail %q", failure.ExitCode, failure.LogTail)
			}
			if log := w.log(t, result); log != "log\n" || len(result.Outputs) != 1 {
				t.Errorf("log = %q, outputs = %v", log, result.Outputs)
			}
			w.isGone(t)
		})
	}
}

func TestTheOutputCalledArtifactsIsTheTreeOfAllThatIsKept(t *testing.T) {
	w := newWorld(t)
	a := attempt("echo hello && echo world > ./outputs/world.txt")
	a.Step.Outputs = []pipeline.Output{{Name: "artifacts", Type: pipeline.URIFolder}}
	first, _ := w.run(t, a)
	want := map[string]string{"outputs/world.txt": "world\n", step.Log: "hello\n"}
	if diff := cmp.Diff(want, w.contents(t, first.Outputs[pipeline.Artifacts])); diff != "" {
		t.Error(diff)
	}
	next := attempt("cat ${{inputs.world_input}}/outputs/world.txt")
	next.Step.Inputs = []pipeline.Input{{Name: "world_input", Type: pipeline.URIFolder}}
	next.Inputs["world_input"] = pipeline.Content(first.Outputs[pipeline.Artifacts])
	if _, log := w.run(t, next); log != "world\n" {
		t.Errorf("log = %q", log)
	}
}

func TestTheOutputCalledArtifactsCanBeWrittenTo(t *testing.T) {
	w := newWorld(t)
	a := attempt("cd ${{outputs.artifacts}}; mkdir outputs other logs; echo 1 > model; echo 2 > outputs/theirs; echo 3 > outputs/both; echo 4 > other/f; " +
		"cd $OLDPWD; echo 5 > outputs/both; echo 6 > outputs/ours")
	a.Step.Outputs = []pipeline.Output{{Name: "artifacts", Type: pipeline.URIFolder}}
	result, _ := w.run(t, a)
	want := map[string]string{
		"model": "1\n", "outputs/theirs": "2\n", "outputs/both": "5\n", "outputs/ours": "6\n", "other/f": "4\n", "logs/": "", step.Log: "",
	}
	if diff := cmp.Diff(want, w.contents(t, result.Outputs[pipeline.Artifacts])); diff != "" {
		t.Error(diff)
	}
}

func TestOutputsAreMovedNotCopied(t *testing.T) {
	w := newWorld(t)
	a := attempt("echo x > ${{outputs.o}}; stat -c %i ${{outputs.o}} 2> /dev/null || stat -f %i ${{outputs.o}}")
	a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFile}}
	made, number := w.run(t, a)
	next := attempt("stat -L -c %i ${{inputs.i}} 2> /dev/null || stat -L -f %i ${{inputs.i}}")
	next.Step.Inputs = []pipeline.Input{{Name: "i", Type: pipeline.URIFile}}
	next.Inputs["i"] = pipeline.Content(made.Outputs["o"])
	if _, seen := w.run(t, next); seen != number && w.Executor.Protection() != "none" {
		t.Errorf("written as file %q, read as file %q", number, seen)
	}
}

func TestAFileOfAnInputMayBePassedOn(t *testing.T) {
	w := newWorld(t)
	a := attempt("cp -r ${{inputs.i}}/. ${{outputs.o}}; ln ${{inputs.i}}/f ${{outputs.o}}/g 2> /dev/null || true")
	a.Step.Inputs = []pipeline.Input{{Name: "i", Type: pipeline.URIFolder}}
	a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFolder}}
	in := w.tree(t, map[string]string{"f": "text\n"})
	a.Inputs["i"] = pipeline.Content(in)
	result, _ := w.run(t, a)
	if got := w.contents(t, result.Outputs["o"])["f"]; got != "text\n" {
		t.Errorf("passed on %q", got)
	}
	must(t, w.store.Verify(t.Context(), in))
}
