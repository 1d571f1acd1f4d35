package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// wd is the working directory of the first attempt.
func (w *world) wd(name string) string {
	return filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", "wd", name)
}

// await waits until a file is there.
func await(t *testing.T, path string) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s does not appear", path)
		}
	}
}

// left has a worker leave an attempt once the file "ready" is there.
func (w *world) left(t *testing.T, a step.Attempt) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		await(t, w.wd("ready"))
		cancel(executor.ErrLeft)
	}()
	if result, err := w.Run(ctx, a); !errors.Is(err, executor.ErrLeft) {
		t.Fatalf("Run = %+v, %v, want that the program was left\n%s", result, err, w.log(t, result))
	}
}

// next is the worker after that.
func (w *world) next() *world {
	r := *w.Runner
	r.Executor = &process.Executor{}
	return &world{store: w.store, Runner: &r}
}

// orphan is the one attempt that nobody is at.
func (w *world) orphan(t *testing.T) *step.Orphan {
	t.Helper()
	orphans, _, err := w.Orphans()
	must(t, err)
	if len(orphans) != 1 {
		t.Fatalf("found %d attempts without a worker, want one", len(orphans))
	}
	return orphans[0]
}

func TestAnAttemptOutlivesItsWorker(t *testing.T) {
	w := newWorld(t)
	killedWorker(t, w, `echo $$; until [ -e go ]; do sleep 0.01; done; echo $$; echo text > outputs/file`)
	o := w.next().orphan(t)
	if string(o.Token) != `{"workflow":"job","activity":"7"}` || !o.Begun() {
		t.Errorf("found %s, begun %v", o.Token, o.Begun())
	}
	if others, held, err := w.next().Orphans(); err != nil || len(others) != 0 || len(held) != 1 || string(held[0]) != string(o.Token) {
		t.Errorf("a third worker finds %v, held %s, %v", others, held, err)
	}
	must(t, os.WriteFile(w.wd("go"), nil, 0o644))
	result, err := o.Resume(t.Context(), attempt("is not run again"))
	must(t, err)
	lines := strings.Fields(w.log(t, result))
	if len(lines) != 2 || lines[0] != lines[1] || result.ExitCode != 0 || result.Started.IsZero() || result.Ended.Before(result.Started) {
		t.Errorf("printed %q, ended as %+v", lines, result)
	}
	if got := w.contents(t, result.Outputs[pipeline.Artifacts]); got["outputs/file"] != "text\n" {
		t.Errorf("kept %v", got)
	}
	w.isGone(t)
}

func TestAResumedAttemptKeepsAllThatItMakes(t *testing.T) {
	w := newWorld(t)
	a := attempt("touch ready; until [ -e go ]; do sleep 0.01; done; cat ${{inputs.in}} > ${{outputs.file}}; echo a > ${{outputs.folder}}/a; echo done")
	a.Step.Inputs = []pipeline.Input{{Name: "in", Type: pipeline.URIFile}}
	a.Inputs["in"] = pipeline.Content(w.file(t, "in.txt", "of the input\n"))
	a.Step.Outputs = []pipeline.Output{{Name: "file", Type: pipeline.URIFile, File: "out.txt"}, {Name: "folder", Type: pipeline.URIFolder}}
	a.Token = json.RawMessage(`"a long token, longer than the next"`)
	w.left(t, a)
	for i := range 2 { // it can be left as often as you like
		o := w.next().orphan(t)
		a.Token = json.RawMessage(fmt.Sprintf(`"%d"`, i))
		ctx, cancel := context.WithCancelCause(t.Context())
		a.Started = func() { cancel(executor.ErrLeft) }
		if _, err := o.Resume(ctx, a); !errors.Is(err, executor.ErrLeft) {
			t.Fatalf("Resume = %v, want that the program was left", err)
		}
	}
	o := w.next().orphan(t)
	if string(o.Token) != `"1"` {
		t.Errorf("the token is %s", o.Token)
	}
	a.Started = func() { must(t, os.WriteFile(w.wd("go"), nil, 0o644)) }
	result, err := o.Resume(t.Context(), a)
	must(t, err)
	if got := w.contents(t, result.Outputs["file"]); got[""] != "of the input\n" {
		t.Errorf("file = %v", got)
	}
	if got := w.contents(t, result.Outputs["folder"]); !maps.Equal(got, map[string]string{"a": "a\n"}) {
		t.Errorf("folder = %v", got)
	}
	if got := w.log(t, result); got != "done\n" {
		t.Errorf("log = %q", got)
	}
	w.isGone(t)
}

func TestAResumedAttemptFailsAsAnyOther(t *testing.T) {
	w := newWorld(t)
	w.left(t, attempt("touch ready; until [ -e go ]; do sleep 0.01; done; echo bad luck; exit 3"))
	must(t, os.WriteFile(w.wd("go"), nil, 0o644))
	result, err := w.next().orphan(t).Resume(t.Context(), attempt(""))
	var failure *pipeline.Failure
	if !errors.As(err, &failure) || failure.Kind != pipeline.UserFailure || *failure.ExitCode != 3 || !slices.Equal(failure.LogTail, []string{"bad luck"}) {
		t.Errorf("Resume = %+v, %v", result, err)
	}
	w.isGone(t)
}

func TestAResumedAttemptIsCancelled(t *testing.T) {
	w := newWorld(t)
	w.left(t, attempt("trap 'echo asked; exit 1' TERM; : > ready; while :; do :; done"))
	ctx, cancel := context.WithCancel(t.Context())
	a := attempt("")
	a.Started = cancel
	result, err := w.next().orphan(t).Resume(ctx, a)
	if !isKind(err, pipeline.Cancelled) || w.log(t, result) != "asked\n" {
		t.Errorf("Resume = %+v, %v, log %q", result, err, w.log(t, result))
	}
	w.isGone(t)
}

func TestAllProcessesOfAStepAreResumed(t *testing.T) {
	w := newWorld(t)
	a := distributed(pipeline.Distribution{Type: "pytorch", ProcessesPerInstance: 3}, 1,
		"echo $RANK; touch ready-$RANK; until [ -e go ]; do sleep 0.01; done; [ $RANK != 1 ] || exit 5; sleep 1000")
	go func() {
		for rank := range 3 {
			await(t, w.wd(fmt.Sprintf("ready-%d", rank)))
		}
		must(t, os.WriteFile(w.wd("ready"), nil, 0o644))
	}()
	w.left(t, a)
	must(t, os.WriteFile(w.wd("go"), nil, 0o644))
	result, err := w.next().orphan(t).Resume(t.Context(), a)
	var failure *pipeline.Failure
	if !errors.As(err, &failure) || !strings.Contains(failure.Message, "process 1 ended with exit code 5") {
		t.Errorf("Resume = %v", err)
	}
	if got := w.lines(t, result); len(got) != 3 {
		t.Errorf("the processes printed %q", got)
	}
	w.isGone(t)
}

func TestAnOrphanMayBeEndedOrReleased(t *testing.T) {
	w := newWorld(t)
	cut := killedWorker(t, w, "( setsid sleep 1000 & ); trap '' TERM; while :; do sleep 0.01; done")
	w.Grace = 100 * time.Millisecond
	w.orphan(t).Release()
	o := w.orphan(t)
	if ran, err := o.End(t.Context()); err != nil || !ran {
		t.Errorf("End = %v, %v", ran, err)
	}
	<-cut
	w.isGone(t)
}

// The program kills the process that started it, before that could say a word.
func TestAStepThatKillsItsSupervisorLeavesNothing(t *testing.T) {
	w := newWorld(t)
	for _, command := range []string{
		"kill -9 $PPID; sleep 1000",
		"sleep 1000 & kill -9 $PPID; exit",
		"( setsid sleep 1000 & ); sleep 0.1; kill -9 $PPID; sleep 1000",
	} {
		a := attempt(command)
		a.Env = []string{"MARK=" + w.Work}
		mustContain(t, "error", w.trouble(t, a), "the program was lost")
		if found := w.Executor.Find("MARK=" + w.Work); len(found) != 0 {
			t.Errorf("%s: %v runs on", command, found)
		}
		w.isGone(t)
	}
	w.run(t, attempt("true"))
}

func TestAStepThatNeedsTooMuchMemoryIsToldSo(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		return // not every system tells
	}
	w := newWorld(t)
	a := attempt(`x=$(head -c 200000000 /dev/zero | tr '\0' x); sleep 1000`)
	a.Step.Resources.Memory = 100 << 20
	failure, _ := w.fail(t, a, pipeline.UserFailure)
	mustContain(t, "message", failure.Message, "100MiB")
	mustContain(t, "hint", failure.Hint, "resources.memory")
}
