package executor

import (
	"context"
	"time"
)

// Either runs programs that have a [Container] one way and the others another
// way.
type Either struct {
	Processes, Containers Executor
}

var _ Executor = (*Either)(nil)

func (e *Either) of(contained bool) Executor {
	if contained {
		return e.Containers
	}
	return e.Processes
}

// Run runs the program; see [Executor].
func (e *Either) Run(ctx context.Context, p Program) (Exit, error) {
	return e.of(p.Container != nil).Run(ctx, p)
}

// Adopt goes on with a program of another worker; see [Executor].
func (e *Either) Adopt(ctx context.Context, process Process, p Program) (Exit, error) {
	return e.of(p.Container != nil).Adopt(ctx, process, p)
}

// End ends what is left of a program; see [Executor].
func (e *Either) End(ctx context.Context, p Process, grace time.Duration) (bool, error) {
	return e.of(p.Container != "").End(ctx, p, grace)
}

// Find looks for programs of both kinds; see [Executor].
func (e *Either) Find(variable string) []Process {
	return append(e.Processes.Find(variable), e.Containers.Find(variable)...)
}

// Protection is what all programs have: that of processes.
func (e *Either) Protection() Protection { return e.Processes.Protection() }
