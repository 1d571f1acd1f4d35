package step_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/step"
)

// TestMain lets the test program be a worker that dies: with this variable set
// it runs one step and waits to be killed.
func TestMain(m *testing.M) {
	if root := os.Getenv("STEP_TEST_WORKER"); root != "" {
		beWorker(root, os.Getenv("STEP_TEST_COMMAND"))
		return
	}
	os.Exit(m.Run())
}

func beWorker(root, command string) {
	store, err := artifact.Open(context.Background(), "file://"+filepath.Join(root, "store"))
	if err != nil {
		panic(err)
	}
	r := &step.Runner{
		Store: store, Executor: &process.Executor{}, Work: filepath.Join(root, "work"), Environ: []string{"PATH=" + os.Getenv("PATH")},
	}
	a := attempt(command)
	a.Token = json.RawMessage(`{"workflow":"job","activity":"7"}`)
	a.Started = func() { fmt.Println("started") }
	_, _ = r.Run(context.Background(), a)
	fmt.Println("ended")
	select {}
}

// killedWorker runs a step in a worker that is killed once the step runs. The
// channel closes when no process of the step is left.
func killedWorker(t *testing.T, w *world, command string) <-chan struct{} {
	t.Helper()
	lifeline := filepath.Join(t.TempDir(), "lifeline")
	must(t, syscall.Mkfifo(lifeline, 0o644))
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		if pipe, err := os.Open(lifeline); err == nil {
			_, _ = io.Copy(io.Discard, pipe)
			pipe.Close()
		}
	}()
	cmd := exec.Command("/proc/self/exe")
	if path, err := os.Executable(); err == nil {
		cmd.Path = path
	}
	cmd.Env = append(os.Environ(), "STEP_TEST_WORKER="+filepath.Dir(w.Work), "STEP_TEST_COMMAND=exec 9> "+lifeline+"; touch ready; "+command)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Fatalf("the worker said %q, %v", line, err)
	}
	ready := filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", "wd", "ready")
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the step does not get ready")
		}
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	return cut
}

// waitForGroup waits until the last process that the attempt has noted is gone.
func (w *world) waitForGroup(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", "attempt.json"))
	must(t, err)
	var noted struct {
		Programs []struct{ Process executor.Process }
	}
	must(t, json.Unmarshal(text, &noted))
	for limit := time.Now().Add(30 * time.Second); syscall.Kill(-noted.Programs[0].Process.PID, 0) == nil && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
}

func TestSweepEndsWhatADeadWorkerLeft(t *testing.T) {
	w := newWorld(t)
	cut := killedWorker(t, w, "sleep 1000 & sleep 1000; true")
	left, err := w.Sweep(t.Context())
	must(t, err)
	<-cut
	if len(left) != 1 || !left[0].Ran || string(left[0].Token) != `{"workflow":"job","activity":"7"}` {
		t.Errorf("left = %+v", left)
	}
	w.isGone(t)
	if left, err := w.Sweep(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("a second Sweep = %v, %v", left, err)
	}
}

func TestSweepFindsProgramsThatEndedMeanwhile(t *testing.T) {
	w := newWorld(t)
	cut := killedWorker(t, w, "until [ -e go ]; do sleep 0.01; done")
	must(t, os.WriteFile(filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", "wd", "go"), nil, 0o644))
	<-cut
	w.waitForGroup(t)
	left, err := w.Sweep(t.Context())
	if err != nil || len(left) != 1 || left[0].Ran {
		t.Errorf("Sweep = %+v, %v", left, err)
	}
	w.isGone(t)
}

func TestARetryEndsWhatTheDeadWorkerLeftOfTheStep(t *testing.T) {
	w := newWorld(t)
	cut := killedWorker(t, w, "sleep 1000")
	a := attempt("ls; echo retried")
	a.Number = 2
	if _, log := w.run(t, a); log != "logs\noutputs\nretried\n" {
		t.Errorf("log = %q", log)
	}
	<-cut
	w.isGone(t)
}

func TestSweepLeavesLiveAttemptsAlone(t *testing.T) {
	w := newWorld(t)
	other := *w.Runner // another worker that shares the folder
	a := attempt("until [ -e go ]; do sleep 0.01; done; echo whole")
	a.Started = func() {
		if left, err := other.Sweep(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("Sweep = %v, %v", left, err)
		}
		// Nor does the same attempt a second time disturb the first.
		again := attempt("true")
		mustContain(t, "error", (&world{Runner: &other}).trouble(t, again), "another worker")
		again.Number = 2
		if _, err := other.Run(t.Context(), again); err != nil {
			t.Errorf("the next attempt: %v", err)
		}
		must(t, os.WriteFile(filepath.Join(step.Folder(w.Work, "job", "main.work"), "1", "wd", "go"), nil, 0o644))
	}
	if _, log := w.run(t, a); log != "whole\n" {
		t.Errorf("log = %q", log)
	}
	w.isGone(t)
}

// Between its start and the note of it, a program belongs to nobody.
func TestSweepEndsAProgramThatWasNotNoted(t *testing.T) {
	w := newWorld(t)
	cut := killedWorker(t, w, "sleep 1000")
	folder := filepath.Join(step.Folder(w.Work, "job", "main.work"), "1")
	tmp, err := filepath.Glob(filepath.Join(w.Work, ".tmp", "*"))
	must(t, err)
	note := filepath.Join(folder, "attempt.json")
	if len(w.Executor.Find("TMPDIR="+tmp[0])) > 0 { // where the system tells
		must(t, os.WriteFile(note, []byte(`{"token":7}`), 0o600))
	}
	left, err := w.Sweep(t.Context())
	if err != nil || len(left) != 1 || !left[0].Ran {
		t.Errorf("Sweep = %+v, %v", left, err)
	}
	<-cut
	w.isGone(t)
}

func TestSweepRemovesWhatIsHalfRemoved(t *testing.T) {
	w := newWorld(t)
	folder := filepath.Join(step.Folder(w.Work, "job", "main.work"), "1")
	must(t, os.MkdirAll(filepath.Join(folder, "wd"), 0o755))
	if left, err := w.Sweep(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("Sweep = %v, %v", left, err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Error("a folder that may just have been made was removed")
	}
	long := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(folder, long, long))
	if left, err := w.Sweep(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("Sweep = %v, %v", left, err)
	}
	w.isGone(t)
}

func TestSweepOfNothing(t *testing.T) {
	w := newWorld(t)
	if left, err := w.Sweep(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("Sweep = %v, %v", left, err)
	}
}

func TestSweepWithoutAReadableNote(t *testing.T) {
	w := newWorld(t)
	folder := filepath.Join(step.Folder(w.Work, "job", "main.work"), "1")
	must(t, os.MkdirAll(filepath.Join(folder, "in", "INPUT_i"), 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "in", "INPUT_i", "f"), nil, 0o444))
	must(t, os.Chmod(filepath.Join(folder, "in", "INPUT_i"), 0o555))
	must(t, os.WriteFile(filepath.Join(folder, "attempt.json"), []byte(`{"tok`), 0o600))
	left, err := w.Sweep(t.Context())
	if err != nil || len(left) != 1 || left[0].Token != nil || left[0].Ran {
		t.Errorf("Sweep = %+v, %v", left, err)
	}
	w.isGone(t)
}
