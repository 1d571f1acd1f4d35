// Package executortest is what every executor promises, as tests. An executor
// joins with one call of [Run] from a test of its own.
package executortest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// Run tests the executors that open returns, one for each test.
func Run(t *testing.T, open func(t *testing.T) executor.Executor) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"ExitCode", testExitCode},
		{"Bash", testBash},
		{"LogKeepsTheOrderOfStdoutAndStderr", testLogOrder},
		{"LogIsAddedTo", testLogIsAddedTo},
		{"LogSurvivesProgramsThatOpenTheirOutputAgain", testLogReopened},
		{"LogIsCompleteWhenHuge", testLogHuge},
		{"EnvironmentIsWhatWasGiven", testEnvironment},
		{"WorkingDirectory", testDir},
		{"StdinIsEmpty", testStdin},
		{"ManyAtOnce", testManyAtOnce},
		{"StartedNamesTheProcess", testStarted},
		{"NotStarted", testNotStarted},
		{"CancelBeforeTheStart", testCancelBeforeStart},
		{"CancelEndsEveryProcess", testCancelEndsEveryProcess},
		{"CancelEndsProcessesOfOtherGroups", testCancelEndsOtherGroups},
		{"CancelKillsWhoIgnoresIt", testCancelKills},
		{"CancelLetsProgramsCleanUp", testCancelIsPolite},
		{"CancelEndsStoppedProcesses", testCancelEndsStopped},
		{"Timeout", testTimeout},
		{"BackgroundOutputIsKept", testBackgroundOutput},
		{"BackgroundProcessesAreEnded", testBackgroundEnded},
		{"ReadOnlyFoldersStayAsTheyAre", testReadOnly},
		{"EndFindsALeftover", testEnd},
		{"FindFindsProgramsByAVariable", testFind},
		{"FindFindsDaemons", testFindDaemons},
		{"EndLeavesOthersAlone", testEndLeavesOthersAlone},
		{"DaemonsAreEnded", testDaemons},
		{"MemoryIsLimited", testMemory},
		{"AdoptWaitsForTheEnd", testAdopt},
		{"AdoptTellsHowItEnded", testAdoptEnded},
		{"AdoptFindsWhatWasNotNoted", testAdoptUnnoted},
		{"AdoptMayLeaveAgain", testAdoptAgain},
		{"AdoptCancels", testAdoptCancel},
		{"AdoptKeepsTheTimeout", testAdoptTimeout},
		{"AdoptOfNothing", testAdoptNothing},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newBench(t, open)) })
	}
}

// patience bounds waits that end at once where the executor keeps its promise.
const patience = 30 * time.Second

// bench is an executor with a folder to run programs in.
type bench struct {
	executor.Executor
	open     func(*testing.T) executor.Executor
	dir      string // working directory
	log      string
	state    string // folder
	programs atomic.Int32
}

func newBench(t *testing.T, open func(*testing.T) executor.Executor) *bench {
	root := t.TempDir()
	// A program that kept a folder from being changed must not keep the test
	// from removing it.
	t.Cleanup(func() { makeWritable(root) })
	b := &bench{
		Executor: open(t), open: open,
		dir: filepath.Join(root, "wd"), log: filepath.Join(root, "log.txt"), state: filepath.Join(root, "state"),
	}
	for _, folder := range []string{b.dir, b.state} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func makeWritable(root string) {
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(path, 0o755)
		}
		return nil
	})
}

// program is a command with the surroundings that most tests want.
func (b *bench) program(command string) executor.Program {
	return executor.Program{
		Command: command,
		Dir:     b.dir,
		Env:     []string{"PATH=" + os.Getenv("PATH")},
		Log:     b.log,
		State:   filepath.Join(b.state, strconv.Itoa(int(b.programs.Add(1)))),
		Grace:   patience,
	}
}

// another is the executor of another worker.
func (b *bench) another(t *testing.T) executor.Executor { return b.open(t) }

// run runs a program that is expected to start.
func (b *bench) run(t *testing.T, p executor.Program) executor.Exit {
	t.Helper()
	exit, err := b.Run(t.Context(), p)
	if err != nil {
		t.Fatalf("Run(%q): %v", p.Command, err)
	}
	return exit
}

// running is a program that has been started and not been waited for.
type running struct {
	cancel  context.CancelFunc
	process executor.Process
	done    chan struct{}
	exit    executor.Exit
	err     error
}

// start starts a program and returns once it has printed "ready".
func (b *bench) start(t *testing.T, p executor.Program) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel: cancel, done: make(chan struct{})}
	started := make(chan executor.Process, 1)
	p.Started = func(process executor.Process) { started <- process }
	go func() {
		defer close(r.done)
		r.exit, r.err = b.Run(ctx, p)
	}()
	t.Cleanup(func() { cancel(); <-r.done })
	select {
	case r.process = <-started:
	case <-r.done:
		t.Fatalf("Run(%q) ended early: %+v, %v", p.Command, r.exit, r.err)
	}
	b.ready(t)
	return r
}

// ready waits until a program has printed that.
func (b *bench) ready(t *testing.T) {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(b.log) // it may not be there yet
		if strings.Contains(string(text), "ready") {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the program printed %q and never ready", text)
		}
	}
}

// wait waits for the program's end.
func (r *running) wait(t *testing.T) executor.Exit {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		t.Fatal("Run does not return")
	}
	if r.err != nil {
		t.Fatalf("Run: %v", r.err)
	}
	return r.exit
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
