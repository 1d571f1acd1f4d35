package process

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process/supervisor"
)

// Find looks through the processes of this machine; see [executor.Executor].
func (e *Executor) Find(variable string) []executor.Process { return supervisor.Find(variable) }

// End ends what is left of a program; see [executor.Executor]. If a supervisor is
// at it still, that one does the rest.
func (e *Executor) End(ctx context.Context, p executor.Process, grace time.Duration) (bool, error) {
	if p.PID <= 1 { // 0 and 1 would address this group, or everybody
		return false, fmt.Errorf("end leftover program: %d is not the number of a program", p.PID)
	}
	if grace <= 0 {
		grace = executor.DefaultGrace
	}
	found, gone := supervisor.EndSession(ctx, p, grace)
	if !gone {
		return true, fmt.Errorf("end leftover program: the processes of session %d do not end", p.PID)
	}
	return found, nil
}
