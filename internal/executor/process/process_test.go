package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/executortest"
	"github.com/millrace-ml/millrace/internal/executor/process"
)

func TestConformance(t *testing.T) {
	executortest.Run(t, func(*testing.T) executor.Executor { return &process.Executor{} })
}

// Root and ordinary users are protected by different means. Where the tests run
// as root, they run once more as nobody.
func TestConformanceAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return // TestConformance has seen to it
	}
	const nobody = 65534
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "process.test")
	copyProgram(t, program)
	cmd := exec.Command(program, "-test.run=^TestConformance$")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=" + dir, "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// A program that kills whoever started it kills its supervisor. The worker
// learns of it at once, ends the rest, and goes on.
func TestAKilledSupervisorIsNoticed(t *testing.T) {
	e := &process.Executor{}
	for _, adopt := range []bool{false, true} {
		dir := t.TempDir()
		p := executor.Program{
			Command: "echo $$ > first; sleep 1000 & echo $! > second; until [ -e go ]; do sleep 0.01; done; kill -9 $PPID; sleep 1000; true",
			Dir:     dir, Log: filepath.Join(dir, "log"), State: filepath.Join(dir, "state"),
			Started: func(executor.Process) { _ = os.WriteFile(filepath.Join(dir, "go"), nil, 0o644) },
		}
		exit, err := e.Run(t.Context(), p)
		if adopt {
			exit, err = e.Adopt(t.Context(), executor.Process{}, p)
		}
		if !errors.Is(err, executor.ErrLost) || exit.Started.IsZero() {
			t.Errorf("Run = %+v, %v, want that the program was lost", exit, err)
		}
		for _, name := range []string{"first", "second"} {
			pid := pidIn(t, filepath.Join(dir, name))
			if err := syscall.Kill(pid, 0); err == nil && !zombie(pid) {
				t.Errorf("the %s process of the program runs on", name)
			}
		}
		if exit, err := e.Run(t.Context(), executor.Program{Command: "exit 3", Dir: dir, Log: p.Log}); err != nil || exit.Code != 3 {
			t.Errorf("the next program ended with %+v, %v", exit, err)
		}
	}
}

// A supervisor that was stopped can be asked to end all the same.
func TestAStoppedSupervisorIsContinued(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	p := executor.Program{Command: "kill -STOP $PPID; touch stopped; sleep 1000; true", Dir: dir, Log: filepath.Join(dir, "log")}
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(dir, "stopped")); err == nil {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if exit, err := new(process.Executor).Run(ctx, p); err != nil || exit.Cause != executor.Cancelled {
		t.Errorf("Run = %+v, %v", exit, err)
	}
}

// TestAProgramOutlivesItsWorker kills a worker in the middle of a program, which
// another worker adopts.
func TestAProgramOutlivesItsWorker(t *testing.T) {
	p := patientIn(t.TempDir())
	worker := exec.Command("/proc/self/exe", "-test.run=^TestWorker$")
	if _, err := os.Stat(worker.Path); err != nil {
		worker.Path = os.Args[0]
	}
	worker.Env = append(os.Environ(), workerOf+"="+p.Dir)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = worker.Process.Kill() }()
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if text, _ := os.ReadFile(p.Log); len(text) > 0 {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the program does not start")
		}
	}
	_ = worker.Process.Kill()
	_ = worker.Wait()
	if err := os.WriteFile(filepath.Join(p.Dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	exit, err := new(process.Executor).Adopt(t.Context(), executor.Process{}, p)
	if err != nil || exit.Code != 9 || exit.Cause != executor.Exited {
		t.Errorf("Adopt = %+v, %v", exit, err)
	}
	text, err := os.ReadFile(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(text), "\n"); len(lines) != 3 || lines[0] != lines[1] {
		t.Errorf("the program printed %q, want its numbers twice", text)
	}
}

// patientIn is a program that says who it is before and after it is let go.
func patientIn(dir string) executor.Program {
	return executor.Program{
		Command: "echo $$ $PPID; until [ -e go ]; do sleep 0.01; done; echo $$ $PPID; exit 9",
		Dir:     dir, Log: filepath.Join(dir, "log"), State: filepath.Join(dir, "state"),
	}
}

// workerOf is the variable with the folder of TestWorker's program.
const workerOf = "PROCESS_TEST_WORKER_OF"

// TestWorker is the worker of the test before, and not a test.
func TestWorker(t *testing.T) {
	dir, ok := os.LookupEnv(workerOf)
	if !ok {
		return
	}
	exit, err := new(process.Executor).Run(t.Context(), patientIn(dir))
	t.Fatalf("the worker was not killed: %+v, %v", exit, err)
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 2 {
		t.Fatalf("%s holds %q", path, text)
	}
	return pid
}

// zombie reports whether a process has ended, and only waits for somebody to
// take note of it.
func zombie(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || strings.HasPrefix(string(out), "Z")
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		path, pathErr := os.Executable()
		if pathErr != nil {
			t.Fatal(pathErr)
		}
		if from, err = os.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	defer from.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, from); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutBash(t *testing.T) {
	dir := t.TempDir()
	e := &process.Executor{Shell: filepath.Join(dir, "bash")}
	_, err := e.Run(t.Context(), executor.Program{Command: "true", Dir: dir, Log: filepath.Join(dir, "log")})
	var start *executor.StartError
	if !errors.As(err, &start) || start.Reason != executor.NoShell {
		t.Errorf("Run = %v, want reason %q", err, executor.NoShell)
	}
}

func TestAFullDiskUnderTheLogIsAnError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		return // only Linux has one
	}
	e := &process.Executor{}
	exit, err := e.Run(t.Context(), executor.Program{Command: "echo text; exit 3", Dir: t.TempDir(), Log: "/dev/full"})
	if !errors.Is(err, syscall.ENOSPC) || exit.Code != 3 {
		t.Errorf("Run = %+v, %v", exit, err)
	}
}

func BenchmarkPlainExec(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/bash", "-c", "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrue(b *testing.B) { benchmark(b, nil) }

func BenchmarkTrueReadOnly(b *testing.B) { benchmark(b, []string{b.TempDir()}) }

// BenchmarkTrueNowAndThen has time for a spare supervisor between two programs,
// as there is between two steps.
func BenchmarkTrueNowAndThen(b *testing.B) {
	dir := b.TempDir()
	e := &process.Executor{}
	p := executor.Program{Command: "true", Dir: dir, Log: filepath.Join(dir, "log"), State: filepath.Join(dir, "state")}
	var inside time.Duration
	for b.Loop() {
		time.Sleep(20 * time.Millisecond)
		os.Remove(p.State)
		begun := time.Now()
		if exit, err := e.Run(b.Context(), p); err != nil || exit.Code != 0 {
			b.Fatal(exit, err)
		}
		inside += time.Since(begun)
	}
	b.ReportMetric(float64(inside.Nanoseconds())/float64(b.N), "ns/run")
}

func benchmark(b *testing.B, readOnly []string) {
	dir := b.TempDir()
	e := &process.Executor{}
	e.Protection() // tried once for a worker, not for each program
	p := executor.Program{
		Command:  "true",
		Dir:      dir,
		Log:      filepath.Join(dir, "log"),
		ReadOnly: readOnly,
		Started:  func(executor.Process) {},
		State:    filepath.Join(dir, "state"),
	}
	for b.Loop() {
		os.Remove(p.State)
		if exit, err := e.Run(b.Context(), p); err != nil || exit.Code != 0 {
			b.Fatal(exit, err)
		}
	}
}
