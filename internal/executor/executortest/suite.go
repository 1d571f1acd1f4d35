// Package executortest is what every executor promises, as tests. An executor
// joins with one call of [Run] from a test of its own.
package executortest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newBench(t, open(t))) })
	}
}

// patience bounds waits that end at once where the executor keeps its promise.
const patience = 30 * time.Second

// bench is an executor with a folder to run programs in.
type bench struct {
	executor.Executor
	dir string // working directory
	log string
}

func newBench(t *testing.T, e executor.Executor) *bench {
	root := t.TempDir()
	// A program that kept a folder from being changed must not keep the test
	// from removing it.
	t.Cleanup(func() { makeWritable(root) })
	b := &bench{Executor: e, dir: filepath.Join(root, "wd"), log: filepath.Join(root, "log.txt")}
	if err := os.Mkdir(b.dir, 0o755); err != nil {
		t.Fatal(err)
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
		Grace:   patience,
	}
}

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
	for limit := time.Now().Add(patience); !strings.Contains(read(t, b.log), "ready"); {
		if time.Now().After(limit) {
			t.Fatalf("Run(%q) printed %q and never ready", p.Command, read(t, b.log))
		}
		time.Sleep(time.Millisecond)
	}
	return r
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
