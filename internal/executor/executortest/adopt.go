package executortest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// leave starts a program, and has its worker leave it once it has printed
// "ready". What the worker knew of it is returned.
func (b *bench) leave(t *testing.T, p executor.Program) executor.Process {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var process executor.Process
	p.Started = func(started executor.Process) { process = started }
	done := make(chan error, 1)
	go func() {
		_, err := b.Run(ctx, p)
		done <- err
	}()
	b.ready(t)
	cancel(executor.ErrLeft)
	select {
	case err := <-done:
		if !errors.Is(err, executor.ErrLeft) {
			t.Fatalf("Run = %v, want that the program was left", err)
		}
	case <-time.After(patience):
		t.Fatal("Run does not leave the program")
	}
	return process
}

// adopted has another worker adopt the program.
func (b *bench) adopted(ctx context.Context, t *testing.T, process executor.Process, p executor.Program) executor.Exit {
	t.Helper()
	exit, err := b.another(t).Adopt(ctx, process, p)
	if err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	return exit
}

// untilGo is a command that waits until the test says so.
const untilGo = "until [ -e go ]; do sleep 0.01; done"

func (b *bench) letGo(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func testAdopt(t *testing.T, b *bench) {
	p := b.program("echo ready; " + untilGo + "; echo end; exit 3")
	process := b.leave(t, p)
	var seen executor.Process
	p.Started = func(started executor.Process) { seen = started; b.letGo(t) }
	exit := b.adopted(t.Context(), t, process, p)
	if exit.Code != 3 || exit.Cause != executor.Exited || exit.Started.IsZero() || exit.Ended.Before(exit.Started) {
		t.Errorf("ended with %+v", exit)
	}
	if seen != process {
		t.Errorf("Adopt says that it is %+v, Run had said %+v", seen, process)
	}
	if got, want := read(t, b.log), "ready\nend\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
}

func testAdoptEnded(t *testing.T, b *bench) {
	p := b.program("echo ready; " + untilGo + "; echo end; exit 4")
	process := b.leave(t, p)
	b.letGo(t)
	// Whether it has ended when it is adopted must make no difference.
	for limit := time.Now().Add(patience); !strings.HasSuffix(read(t, b.log), "end\n"); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the program did not go on")
		}
	}
	for range 2 { // a worker may die before it has made use of the answer
		if exit := b.adopted(t.Context(), t, process, p); exit.Code != 4 || exit.Cause != executor.Exited {
			t.Errorf("ended with %+v", exit)
		}
	}
}

// The worker may have died before it could note what it was told.
func testAdoptUnnoted(t *testing.T, b *bench) {
	p := b.program("echo ready; " + untilGo + "; exit 5")
	b.leave(t, p)
	b.letGo(t)
	if exit := b.adopted(t.Context(), t, executor.Process{}, p); exit.Code != 5 {
		t.Errorf("ended with %+v", exit)
	}
}

func testAdoptAgain(t *testing.T, b *bench) {
	p := b.program("echo ready; " + untilGo + "; exit 6")
	process := b.leave(t, p)
	ctx, cancel := context.WithCancelCause(t.Context())
	p.Started = func(executor.Process) { cancel(executor.ErrLeft) }
	if exit, err := b.another(t).Adopt(ctx, process, p); !errors.Is(err, executor.ErrLeft) {
		t.Errorf("Adopt = %+v, %v, want that the program was left", exit, err)
	}
	b.letGo(t)
	p.Started = nil
	if exit := b.adopted(t.Context(), t, process, p); exit.Code != 6 {
		t.Errorf("ended with %+v", exit)
	}
}

func testAdoptCancel(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	p := b.program("exec 9> lifeline; trap 'echo asked; exit 7' TERM; sleep 1000 & echo ready; wait")
	process := b.leave(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as somebody does who only wants to be rid of it
	if exit := b.adopted(ctx, t, process, p); exit.Code != 7 || exit.Cause != executor.Cancelled {
		t.Errorf("ended with %+v", exit)
	}
	if got, want := read(t, b.log), "ready\nasked\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
	mustBeCut(t, cut)
}

func testAdoptTimeout(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	p := b.program("exec 9> lifeline; echo ready; sleep 1000; true")
	p.Timeout = time.Second
	process := b.leave(t, p)
	if exit := b.adopted(t.Context(), t, process, p); exit.Cause != executor.TimedOut {
		t.Errorf("ended with %+v", exit)
	}
	mustBeCut(t, cut)
}

func testAdoptNothing(t *testing.T, b *bench) {
	p := b.program("touch ran")
	if exit, err := b.Adopt(t.Context(), executor.Process{}, p); !errors.Is(err, executor.ErrLost) {
		t.Errorf("what was never started is adopted with %+v, %v", exit, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "ran")); err == nil {
		t.Error("the program ran all the same")
	}
}
