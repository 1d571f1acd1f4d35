package step

import (
	"context"

	"github.com/millrace-ml/millrace/internal/executor"
)

// program is one of the processes of a step.
type program struct {
	executor.Program
	// name tells it from the others: "process 3"; "" if there are none.
	name string
	// server is set for one that never ends by itself: it is ended when the
	// others have.
	server bool
}

// ending is how one of the programs ended.
type ending struct {
	program
	executor.Exit
	err error
}

// failed reports whether the program failed, rather than being ended because
// another one did.
func (e ending) failed() bool {
	return e.err != nil || e.Cause == executor.TimedOut || e.Cause == executor.Exited && e.Code != 0
}

// execute runs all programs of a step at once. The first to fail ends the
// others, and is the one that is returned.
func (r *Runner) execute(ctx context.Context, programs []program) ending {
	if len(programs) == 1 {
		exit, err := r.Executor.Run(ctx, programs[0].Program)
		return ending{programs[0], exit, err}
	}
	all, cancel := context.WithCancel(ctx)
	defer cancel()
	endings := make(chan ending)
	waiting := 0
	for _, p := range programs {
		if !p.server {
			waiting++
		}
		go func() {
			exit, err := r.Executor.Run(all, p.Program)
			endings <- ending{p, exit, err}
		}()
	}
	var first *ending
	var last ending
	for range programs {
		e := <-endings
		if first == nil && e.failed() {
			first = &e
			cancel()
		}
		if !e.server {
			last = e
			if waiting--; waiting == 0 {
				cancel()
			}
		}
	}
	if first != nil {
		return *first
	}
	return last
}
