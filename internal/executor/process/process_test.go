package process_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

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
	}
	for b.Loop() {
		if exit, err := e.Run(b.Context(), p); err != nil || exit.Code != 0 {
			b.Fatal(exit, err)
		}
	}
}
