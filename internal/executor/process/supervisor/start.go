package supervisor

import (
	"errors"
	"os"
	"syscall"

	"github.com/millrace-ml/millrace/internal/executor"
)

// start starts the shell in a session of its own, with the log as its output.
func start(spec Spec, out *os.File, box *box) (int, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	attr := &os.ProcAttr{
		Dir: spec.Dir,
		// An empty list, not nil: nil would pass the supervisor's own on.
		Env:   append([]string{}, spec.Env...),
		Files: []*os.File{null, out, out},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	proc, err := startInside(spec.Shell, []string{spec.Shell, "-c", spec.Command}, attr, spec.ReadOnly, box)
	if err != nil {
		return 0, err
	}
	pid := proc.Pid
	return pid, proc.Release() // reap waits for it, and for others
}

// refusal sorts out which path the system meant: the shell's or the folder's.
func refusal(err error, dir string) *Refusal {
	known := (*executor.StartError)(nil)
	if !errors.As(err, &known) {
		known = sortOut(err, dir)
	}
	return &Refusal{Reason: known.Reason, Fault: faultOf(known.Err)}
}

func sortOut(err error, dir string) *executor.StartError {
	if info, dirErr := os.Stat(dir); dirErr != nil {
		return &executor.StartError{Reason: executor.NoFolder, Err: dirErr}
	} else if !info.IsDir() {
		return &executor.StartError{Reason: executor.NoFolder, Err: &os.PathError{Op: "chdir", Path: dir, Err: syscall.ENOTDIR}}
	}
	if pathErr, ok := errors.AsType[*os.PathError](err); ok && pathErr.Op == "chdir" {
		return &executor.StartError{Reason: executor.NoFolder, Err: err}
	}
	return executor.NewStartError(err)
}
