package step_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestTheWorkingDirectoryIsAFreshCopyOfTheCode(t *testing.T) {
	w := newWorld(t)
	a := attempt("ls -d * && cat src/main.txt && echo changed > src/main.txt && chmod u+w src && ls outputs logs")
	a.Step.Code = w.code(t, map[string]string{"src/main.txt": "original\n", "README": "text\n"})
	const want = "README\nlogs\noutputs\nsrc\noriginal\nlogs:\n\noutputs:\n"
	for number := range 2 { // what the first has changed the second does not see
		a.Number = number + 1
		if _, log := w.run(t, a); log != want {
			t.Errorf("log = %q, want %q", log, want)
		}
	}
	w.isGone(t)
}

func TestWithoutCodeTheWorkingDirectoryHoldsOnlyOutputsAndLogs(t *testing.T) {
	if _, log := run(t, "ls -A"); log != "logs\noutputs\n" {
		t.Errorf("log = %q", log)
	}
}

func TestCodeMayBeASingleFile(t *testing.T) {
	w := newWorld(t)
	script := w.file(t, "hello.sh", "echo hello\n")
	a := attempt("bash hello.sh")
	a.Step.Code = &pipeline.Code{Artifact: &script}
	if _, log := w.run(t, a); log != "hello\n" {
		t.Errorf("log = %q", log)
	}
}

func TestCodeKeepsWhatItBringsInOutputsAndLogs(t *testing.T) {
	w := newWorld(t)
	a := attempt("cat outputs/model.txt")
	a.Step.Code = w.code(t, map[string]string{"outputs/model.txt": "pretrained\n"})
	result, log := w.run(t, a)
	if log != "pretrained\n" {
		t.Errorf("log = %q", log)
	}
	want := map[string]string{"outputs/model.txt": "pretrained\n", step.Log: "pretrained\n"}
	if diff := cmp.Diff(want, w.contents(t, result.Outputs[pipeline.Artifacts])); diff != "" {
		t.Error(diff)
	}
}

func TestCodeWithAFileCalledOutputsIsRefused(t *testing.T) {
	w := newWorld(t)
	a := attempt("true")
	a.Step.Code = w.code(t, map[string]string{"outputs": "a file"})
	failure, _ := w.fail(t, a, pipeline.Invalid)
	mustContain(t, "message", failure.Message, "a file called outputs")
	w.isGone(t)
}

func TestCommandsAreBash(t *testing.T) {
	for command, want := range map[string]string{
		"echo a && echo b":                  "a\nb\n",
		"echo a; false; echo b":             "a\nb\n",
		"names=(x y); echo ${names[1]}":     "y\n",
		"cat <<< here":                      "here\n",
		"echo one\necho two\n":              "one\ntwo\n",
		"echo out; echo err >&2; echo out2": "out\nerr\nout2\n",
		"X=1; echo ${X}${{inputs.none}}":    "1\n",
	} {
		if _, log := run(t, command); log != want {
			t.Errorf("%q printed %q, want %q", command, log, want)
		}
	}
}

// run runs a command in a world of its own.
func run(t *testing.T, command string) (step.Result, string) {
	t.Helper()
	return newWorld(t).run(t, attempt(command))
}

func TestResultTellsHowItWent(t *testing.T) {
	before := time.Now()
	result, _ := run(t, "true")
	if result.ExitCode != 0 || result.Started.Before(before) || result.Ended.Before(result.Started) {
		t.Errorf("result = %+v, begun at %v", result, before)
	}
}

func TestArtifactsAreAlwaysKept(t *testing.T) {
	for _, test := range []struct {
		command string
		want    map[string]string
	}{
		{"true", map[string]string{step.Log: ""}},
		{"echo hello", map[string]string{step.Log: "hello\n"}},
		{
			"echo 1 > outputs/a; mkdir -p outputs/deep/er outputs/empty; echo 2 > outputs/deep/er/b; echo 3 > logs/c; echo 4 > lost",
			map[string]string{"outputs/a": "1\n", "outputs/deep/er/b": "2\n", "outputs/empty/": "", "logs/c": "3\n", step.Log: ""},
		},
		{"mkdir outputs/a; echo 1 > outputs/a/b; chmod 0 outputs/a/b outputs/a outputs", map[string]string{"outputs/a/b": "1\n", step.Log: ""}},
		{"rm -r outputs logs", map[string]string{step.Log: ""}},
		{"rmdir outputs; echo x > outputs", map[string]string{step.Log: ""}},
		{"echo 1 > outputs/a; ln -s a outputs/b", map[string]string{"outputs/a": "1\n", "outputs/b": "1\n", step.Log: ""}},
		{"echo 1 > outputs/a; ln -s $PWD/outputs/a outputs/b", map[string]string{"outputs/a": "1\n", "outputs/b": "1\n", step.Log: ""}},
		{
			"echo 1 > outputs/a; ln -s /etc/passwd outputs/b; ln -s nowhere outputs/c; mkfifo outputs/d",
			map[string]string{"outputs/a": "1\n", step.Log: "" +
				"millrace: not kept: wd/outputs/b is not a file, nor a link to one beside it\n" +
				"millrace: not kept: wd/outputs/c is not a file, nor a link to one beside it\n" +
				"millrace: not kept: wd/outputs/d is not a file, nor a link to one beside it\n"},
		},
	} {
		w := newWorld(t)
		result, _ := w.run(t, attempt(test.command))
		if diff := cmp.Diff(test.want, w.contents(t, result.Outputs[pipeline.Artifacts])); diff != "" {
			t.Errorf("%s: %s", test.command, diff)
		}
		w.isGone(t)
	}
}

func TestArtifactsOfAFailedStepAreKept(t *testing.T) {
	w := newWorld(t)
	a := attempt("echo model > ${{outputs.model}}/m; echo half > outputs/half; echo oh no; exit 3")
	a.Step.Outputs = []pipeline.Output{{Name: "model", Type: pipeline.URIFolder}}
	_, result := w.fail(t, a, pipeline.UserFailure)
	if result.ExitCode != 3 || len(result.Outputs) != 1 {
		t.Errorf("result = %+v", result)
	}
	want := map[string]string{"outputs/half": "half\n", step.Log: "oh no\n"}
	if diff := cmp.Diff(want, w.contents(t, result.Outputs[pipeline.Artifacts])); diff != "" {
		t.Error(diff)
	}
	w.isGone(t)
}

func TestTheLogCanBeFollowedWhileTheStepRuns(t *testing.T) {
	w := newWorld(t)
	a := attempt("python -c \"print('python speaks'); import sys; sys.stdin.read(); import time; [time.sleep(0.01) for _ in iter(lambda: __import__('os').path.exists('go'), True)]\"")
	path := filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", filepath.FromSlash(step.Log))
	seen := make(chan string, 1)
	a.Started = func() {
		go func() {
			for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
				if text, _ := os.ReadFile(path); strings.HasSuffix(string(text), "\n") {
					seen <- string(text)
					break
				}
			}
			must(t, os.WriteFile(filepath.Join(filepath.Dir(path), "..", "wd", "go"), nil, 0o644))
		}()
	}
	w.run(t, a)
	select {
	case text := <-seen:
		if text != "python speaks\n" {
			t.Errorf("seen: %q", text)
		}
	default:
		t.Error("nothing was seen before the end")
	}
}

func TestARetryStartsClean(t *testing.T) {
	w := newWorld(t)
	w.Keep = true // so that the first attempt is in the way
	a := attempt("ls ${{outputs.model}} outputs | grep -v : ; echo x > ${{outputs.model}}/x; echo y > outputs/y; exit 1")
	a.Step.Outputs = []pipeline.Output{{Name: "model", Type: pipeline.URIFolder}}
	for range 2 {
		_, result := w.fail(t, a, pipeline.UserFailure)
		if log := strings.TrimSpace(w.log(t, result)); log != "" {
			t.Errorf("found %q", log)
		}
	}
	w.Keep = false
	a.Number = 2
	w.fail(t, a, pipeline.UserFailure)
	w.isGone(t)
}

func TestKeptFoldersAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.Keep = true
	w.run(t, attempt("echo scratch > scratch"))
	left, err := w.Sweep(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("Sweep = %v, %v", left, err)
	}
	text, err := os.ReadFile(filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", "wd", "scratch"))
	if err != nil || string(text) != "scratch\n" {
		t.Errorf("kept %q, %v", text, err)
	}
}

func TestTimeout(t *testing.T) {
	w := newWorld(t)
	a := attempt("echo begun; sleep 1000")
	a.Step.Timeout = 1
	failure, result := w.fail(t, a, pipeline.Timeout)
	mustContain(t, "message", failure.Message, "1 second", "limits.timeout")
	if log := w.log(t, result); log != "begun\n" {
		t.Errorf("log = %q", log)
	}
	w.isGone(t)
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	a := attempt("echo begun > outputs/f; sleep 1000")
	a.Started = cancel
	result, err := w.Run(ctx, a)
	if !isKind(err, pipeline.Cancelled) {
		t.Errorf("error %v, want a cancelled failure", err)
	}
	if _, ok := result.Outputs[pipeline.Artifacts]; !ok {
		t.Error("what was there was not kept")
	}
	w.isGone(t)

	// Before anything has begun.
	if _, err := w.Run(ctx, attempt("true")); !isKind(err, pipeline.Cancelled) {
		t.Errorf("error %v, want a cancelled failure", err)
	}
	w.isGone(t)
}

// A daemon that a program leaves behind may be in the way of clearing up. It is
// no reason for the step to fail.
func TestADaemonDoesNotOutliveItsStepForLong(t *testing.T) {
	w := newWorld(t)
	a := attempt("for i in {1..50}; do mkdir -p a$i/b; done; set -m; ( setsid bash -c 'while mkdir -p a1/$RANDOM; do :; done' & ) > /dev/null 2>&1; echo fine")
	if _, log := w.run(t, a); log != "fine\n" {
		t.Errorf("log = %q", log)
	}
	w.isGone(t)
}

func TestPathsHoldNoSpaceWhateverTheNames(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for _, name := range []string{
		"my job", "my_job", "a/../../b", "..", ".", "", "ünïcode", strings.Repeat("long", 100), "$HOME", "-rf", "a\nb", ".tmp",
	} {
		a := attempt("pwd > ${{outputs.o}}; for f in ${{outputs.o}}; do cat $f; done")
		a.Plan.Name, a.Step.Name = name, name
		a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFile}}
		_, log := w.run(t, a)
		dir := strings.TrimSuffix(log, "\n")
		resolved, err := filepath.EvalSymlinks(filepath.Dir(w.Work))
		must(t, err)
		if strings.ContainsAny(dir, " \n$") || seen[dir] || !strings.HasPrefix(dir, resolved+"/work/") || strings.Contains(dir, "..") {
			t.Errorf("%q ran in %q", name, dir)
		}
		seen[dir] = true
	}
	w.isGone(t)
}

func TestAWorkFolderThatCommandsCannotHoldIsRefused(t *testing.T) {
	w := newWorld(t)
	w.Work += "/with space"
	mustContain(t, "error", w.trouble(t, attempt("true")), w.Work)
}

func TestPlansThatNoDialectMakesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*step.Attempt){
		"no number":      func(a *step.Attempt) { a.Number = 0 },
		"input outside":  func(a *step.Attempt) { a.Step.Inputs = []pipeline.Input{{Name: "../x", Optional: true}} },
		"output outside": func(a *step.Attempt) { a.Step.Outputs = []pipeline.Output{{Name: "../x"}} },
		"file outside": func(a *step.Attempt) {
			a.Step.Outputs = []pipeline.Output{{Name: "x", Type: pipeline.URIFile, File: "../x"}}
		},
		"empty command":  func(a *step.Attempt) { a.Step.Command = template("  \n") },
		"NUL in command": func(a *step.Attempt) { a.Step.Command = template("echo \x00") },
		"huge command":   func(a *step.Attempt) { a.Step.Command = template("echo " + strings.Repeat("x", 8<<20)) },
		"bad variable":   func(a *step.Attempt) { a.Step.Variables = map[string]string{"A=B": "x"} },
		"bad value":      func(a *step.Attempt) { a.Step.Variables = map[string]string{"A": "\x00"} },
		"ray":            func(a *step.Attempt) { a.Step.Distribution = &pipeline.Distribution{Type: "ray"} },
		"too many": func(a *step.Attempt) {
			a.Step.Distribution = &pipeline.Distribution{Type: "mpi", ProcessesPerInstance: 1 << 40}
		},
		"no value": func(a *step.Attempt) { a.Step.Inputs = []pipeline.Input{{Name: "x", Type: pipeline.String}} },
		"input named badly": func(a *step.Attempt) {
			a.Step.Inputs = []pipeline.Input{{Name: "x"}}
			a.Inputs["x"] = pipeline.Content(pipeline.Artifact{Name: "../y"})
		},
	} {
		w := newWorld(t)
		a := attempt("true")
		spoil(&a)
		if failure, _ := w.fail(t, a, pipeline.Invalid); failure.Message == "" {
			t.Errorf("%s: no message", name)
		}
		w.isGone(t)
	}
}
