package process

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process/supervisor"
)

// look is how often an adopted program is looked after. Nothing tells of the
// end of another worker's child.
const look = 50 * time.Millisecond

// Adopt goes on with a program of another worker; see [executor.Executor].
func (e *Executor) Adopt(ctx context.Context, known executor.Process, p executor.Program) (executor.Exit, error) {
	grace := p.Grace
	if grace <= 0 {
		grace = executor.DefaultGrace
	}
	done := ctx.Done()
	var impatient <-chan time.Time
	started := p.Started
	for {
		// First whether it runs: its last words are written before it ends.
		before, err := supervisor.Read(p.State)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return executor.Exit{}, err
		}
		runs := before.Supervisor != nil && supervisor.Runs(*before.Supervisor)
		j, err := supervisor.Read(p.State)
		switch {
		case err != nil || j.Supervisor == nil || !supervisor.SinceBoot(*j.Supervisor):
			// Not begun, or what it had written may not have reached the disk.
			return lost(context.WithoutCancel(ctx), orphan(j.Program, known))
		case j.Refused != nil:
			return executor.Exit{}, refused(j.Refused)
		case j.Exit != nil:
			return exitOf(j.Exit)
		case !runs:
			return lost(ctx, orphan(j.Program, known))
		}
		if j.Program != nil && started != nil {
			started(j.Program.Process)
			started = nil
		}
		select {
		case <-time.After(look):
		case <-done:
			if err := left(ctx); err != nil {
				return executor.Exit{}, err
			}
			done = nil
			impatient = time.After(grace + margin)
			ask(*j.Supervisor)
		case <-impatient:
			_ = syscall.Kill(j.Supervisor.PID, syscall.SIGKILL)
			impatient = nil
		}
	}
}

// orphan is the program of a dead supervisor, by what it has written or what
// was noted elsewhere; nil if nobody knows of it.
func orphan(written *supervisor.Program, noted executor.Process) *supervisor.Program {
	if written == nil && noted.PID > 0 {
		return &supervisor.Program{Process: noted}
	}
	return written
}

// ask asks a supervisor to end its program.
func ask(s executor.Process) {
	_ = syscall.Kill(s.PID, syscall.SIGTERM)
	_ = syscall.Kill(s.PID, syscall.SIGCONT) // a stopped process takes no TERM
}
