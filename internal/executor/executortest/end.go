package executortest

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// lifeline is a named pipe that programs hold open; the channel closes when the
// last process that does so has ended. The program says: exec 9> lifeline
func lifeline(t *testing.T, b *bench) <-chan struct{} {
	t.Helper()
	path := filepath.Join(b.dir, "lifeline")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		pipe, err := os.Open(path) // waits for the program
		if err != nil {
			return
		}
		defer pipe.Close()
		_, _ = io.Copy(io.Discard, pipe)
	}()
	return cut
}

func mustBeCut(t *testing.T, lifeline <-chan struct{}) {
	t.Helper()
	select {
	case <-lifeline:
	case <-time.After(patience):
		t.Error("a process of the program lives on")
	}
}

func testCancelBeforeStart(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	exit, err := b.Run(ctx, b.program("touch ran"))
	if err != nil || exit.Cause != executor.Cancelled || !exit.Started.IsZero() {
		t.Errorf("Run = %+v, %v", exit, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "ran")); err == nil {
		t.Error("the program ran all the same")
	}
}

func testCancelEndsEveryProcess(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	r := b.start(t, b.program("exec 9> lifeline; (sleep 1000; true) & bash -c 'sleep 1000; true' & echo ready; sleep 1000; true"))
	r.cancel()
	if exit := r.wait(t); exit.Cause != executor.Cancelled || exit.Code != 143 {
		t.Errorf("ended with %+v", exit)
	}
	mustBeCut(t, cut)
}

// The command timeout and a shell with job control make groups of their own.
func testCancelEndsOtherGroups(t *testing.T, b *bench) {
	// Not every system has timeout; job control does the same.
	timeout := "set -m; "
	if _, err := exec.LookPath("timeout"); err == nil {
		timeout = "timeout 1000 "
	}
	for _, test := range []struct{ name, command string }{
		{"timeout", "exec 9> lifeline; true && " + timeout + "bash -c 'echo ready; sleep 1000; true'; true"},
		{"job control", "exec 9> lifeline; set -m; sleep 1000 & echo ready; wait"},
		{"deaf", "exec 9> lifeline; true && " + timeout + "bash -c 'trap \"\" TERM; echo ready; while :; do sleep 0.01; done'; true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, b.open)
			cut := lifeline(t, b)
			p := b.program(test.command)
			p.Grace = 100 * time.Millisecond
			r := b.start(t, p)
			r.cancel()
			if exit := r.wait(t); exit.Cause != executor.Cancelled {
				t.Errorf("ended with %+v", exit)
			}
			mustBeCut(t, cut)
		})
	}
}

func testCancelKills(t *testing.T, b *bench) {
	for _, test := range []struct{ name, command string }{
		{"shell", "trap '' TERM; exec 9> lifeline; echo ready; while :; do sleep 0.01; done"},
		{"grandchild", "exec 9> lifeline; (trap '' TERM; while :; do sleep 0.01; done) & echo ready; sleep 1000; true"},
		{"grandchild without output", "exec 9> lifeline; (trap '' TERM; echo ready; exec > /dev/null 2>&1; while :; do sleep 0.01; done) & wait"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, b.open)
			cut := lifeline(t, b)
			p := b.program(test.command)
			p.Grace = 100 * time.Millisecond
			r := b.start(t, p)
			r.cancel()
			if exit := r.wait(t); exit.Cause != executor.Cancelled {
				t.Errorf("ended with %+v", exit)
			}
			mustBeCut(t, cut)
		})
	}
}

func testCancelIsPolite(t *testing.T, b *bench) {
	r := b.start(t, b.program("trap 'echo cleaning up; exit 3' TERM; echo ready; while :; do sleep 0.01; done"))
	r.cancel()
	if exit := r.wait(t); exit.Cause != executor.Cancelled || exit.Code != 3 || exit.Signal != 0 {
		t.Errorf("ended with %+v, want code 3", exit)
	}
	if got := read(t, b.log); !strings.HasSuffix(got, "cleaning up\n") {
		t.Errorf("log = %q", got)
	}
}

func testCancelEndsStopped(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	r := b.start(t, b.program("exec 9> lifeline; (echo ready; kill -STOP $BASHPID; sleep 1000) & wait"))
	r.cancel()
	if exit := r.wait(t); exit.Cause != executor.Cancelled {
		t.Errorf("ended with %+v", exit)
	}
	mustBeCut(t, cut)
}

func testTimeout(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	p := b.program("exec 9> lifeline; echo begun; sleep 1000 & sleep 1000; true")
	p.Timeout = 500 * time.Millisecond
	if exit := b.run(t, p); exit.Cause != executor.TimedOut || exit.Code != 143 {
		t.Errorf("ended with %+v", exit)
	}
	mustBeCut(t, cut)

	p = b.program("exit 5")
	p.Timeout = time.Hour
	if exit := b.run(t, p); exit.Cause != executor.Exited || exit.Code != 5 {
		t.Errorf("in time, ended with %+v", exit)
	}
}

func testBackgroundOutput(t *testing.T, b *bench) {
	for _, test := range []struct{ name, command, want string }{
		{"two at once", "echo a & echo b", "a\nb\n"},
		{"a little later", "(sleep 0.1; echo a) & echo b", "b\na\n"},
		{"silent and busy", "(sleep 0.1; echo a > file) > /dev/null 2>&1 & echo b", "b\n"},
	} {
		p := b.program(test.command)
		p.Log = filepath.Join(t.TempDir(), "log.txt")
		exit := b.run(t, p)
		got := read(t, p.Log)
		if test.name == "two at once" && got == "b\na\n" {
			got = test.want
		}
		if exit.Code != 0 || got != test.want {
			t.Errorf("%s: printed %q and ended with %d, want %q", test.name, got, exit.Code, test.want)
		}
	}
	if got := read(t, filepath.Join(b.dir, "file")); got != "a\n" {
		t.Errorf("what runs on in silence wrote %q", got)
	}
}

func testBackgroundEnded(t *testing.T, b *bench) {
	for _, test := range []struct{ name, command string }{
		{"talking", "exec 9> lifeline; (while :; do echo still here; sleep 0.05; done) & exit 4"},
		{"silent", "exec 9> lifeline; sleep 1000 > /dev/null 2>&1 & exit 4"},
		{"deaf", "exec 9> lifeline; (trap '' TERM; echo ready; while :; do sleep 0.01; done) & sleep 0.2; exit 4"},
		{"in a group of its own", "exec 9> lifeline; set -m; sleep 1000 & exit 4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, b.open)
			cut := lifeline(t, b)
			p := b.program(test.command)
			p.Grace = 100 * time.Millisecond
			if exit := b.run(t, p); exit.Code != 4 || exit.Cause != executor.Exited {
				t.Errorf("ended with %+v, want the code of the shell", exit)
			}
			mustBeCut(t, cut)
		})
	}
}

func testEnd(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	r := b.start(t, b.program("exec 9> lifeline; sleep 1000 & echo ready; sleep 1000; true"))
	// What the first worker knew reaches the second one through a file.
	text, err := json.Marshal(r.process)
	if err != nil {
		t.Fatal(err)
	}
	var process executor.Process
	if err := json.Unmarshal(text, &process); err != nil {
		t.Fatal(err)
	}
	found, err := b.End(t.Context(), process, patience)
	if err != nil || !found {
		t.Errorf("End = %v, %v", found, err)
	}
	mustBeCut(t, cut)
	if exit := r.wait(t); exit.Code != 128+int(syscall.SIGTERM) || exit.Cause != executor.Exited && exit.Cause != executor.Cancelled {
		t.Errorf("ended with %+v", exit)
	}
	if found, err := b.End(t.Context(), process, patience); err != nil || found {
		t.Errorf("once ended, End = %v, %v", found, err)
	}
}

func testFind(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	p := b.program("exec 9> lifeline; sleep 1000 & echo ready; sleep 1000; true")
	p.Env = append(p.Env, "MARK=of "+b.dir)
	r := b.start(t, p)
	if found := b.Find("MARK=of"); len(found) != 0 {
		t.Errorf("by half the variable, found %+v", found)
	}
	found := b.Find("MARK=of " + b.dir)
	if len(found) == 0 {
		return // where the system does not tell
	}
	if len(found) != 1 || found[0] != r.process {
		t.Errorf("found %+v, want %+v", found, r.process)
	}
	if ended, err := b.End(t.Context(), found[0], patience); err != nil || !ended {
		t.Errorf("End = %v, %v", ended, err)
	}
	mustBeCut(t, cut)
	if found := b.Find("MARK=of " + b.dir); len(found) != 0 {
		t.Errorf("once ended, found %+v", found)
	}
}

// A daemon has left the session, and its first process has ended.
func testFindDaemons(t *testing.T, b *bench) {
	cut := lifeline(t, b)
	p := b.program("exec 9> lifeline; ( setsid bash -c 'sleep 1000 & exit' ) > /dev/null 2>&1; echo done")
	p.Env = append(p.Env, "MARK=daemon of "+b.dir)
	b.run(t, p)
	found := b.Find("MARK=daemon of " + b.dir)
	for _, process := range found {
		if ended, err := b.End(t.Context(), process, patience); err != nil || !ended {
			t.Errorf("End(%+v) = %v, %v", process, ended, err)
		}
	}
	if len(found) > 0 {
		mustBeCut(t, cut)
	}
}

func testEndLeavesOthersAlone(t *testing.T, b *bench) {
	r := b.start(t, b.program("echo ready; sleep 1000; true"))
	earlier := b.start(t, b.program("echo ready; sleep 1000; true"))
	if r.process.Container != "" {
		other := executor.Process{Container: strings.Repeat("0", len(r.process.Container))}
		if found, err := b.End(t.Context(), other, patience); err != nil || found {
			t.Errorf("of a container that is not there, End = %v, %v", found, err)
		}
		if found, err := b.End(t.Context(), executor.Process{}, patience); err == nil || found {
			t.Errorf("of no container, End = %v, %v", found, err)
		}
		mustRun(t, r)
		return
	}
	for _, startTime := range []string{earlier.process.StartTime + "0", "", "yesterday", "/", "x/1"} {
		other := executor.Process{PID: r.process.PID, StartTime: startTime}
		if found, err := b.End(t.Context(), other, patience); err != nil || found {
			t.Errorf("with start time %q, End = %v, %v", startTime, found, err)
		}
	}
	for _, pid := range []int{-1, 0, 1} {
		if found, err := b.End(t.Context(), executor.Process{PID: pid, StartTime: r.process.StartTime}, patience); err == nil || found {
			t.Errorf("with number %d, End = %v, %v", pid, found, err)
		}
	}
	mustRun(t, r)
}

func mustRun(t *testing.T, r *running) {
	t.Helper()
	select {
	case <-r.done:
		t.Errorf("the program was ended: %+v", r.exit)
	default:
	}
}
