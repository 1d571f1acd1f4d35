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
	// culprit is the file that says which process failed first, where the
	// program is mpirun.
	culprit string
	// process is what an earlier worker has noted of it.
	process executor.Process
}

// runs runs a program, or goes on with one that runs.
type runs func(context.Context, program) (executor.Exit, error)

func (r *Runner) start(ctx context.Context, p program) (executor.Exit, error) {
	return r.Executor.Run(ctx, p.Program)
}

func (r *Runner) adopt(ctx context.Context, p program) (executor.Exit, error) {
	return r.Executor.Adopt(ctx, p.process, p.Program)
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
// others, and is the one that is returned. Where meet is set, servers go on
// until it returns, after the others have ended.
func (r *Runner) execute(ctx context.Context, programs []program, run runs, meet func(context.Context) error) ending {
	if len(programs) == 1 && meet == nil {
		exit, err := run(ctx, programs[0])
		return ending{programs[0], exit, err}.blamed()
	}
	all, cancel := context.WithCancel(ctx)
	defer cancel()
	endings := make(chan ending)
	working := 0
	for _, p := range programs {
		if !p.server {
			working++
		}
		go func() {
			exit, err := run(all, p)
			endings <- ending{p, exit, err}
		}()
	}
	met := make(chan error, 1)
	worked := func() {
		if meet == nil {
			cancel()
			return
		}
		go func() {
			met <- meet(all)
			cancel()
		}()
	}
	if working == 0 {
		worked()
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
			if working--; working == 0 && first == nil {
				worked()
			}
		} else if last.Log == "" {
			last = e
			last.Exit = executor.Exit{Cause: executor.Exited, Started: e.Started, Ended: e.Ended}
		}
	}
	if first != nil {
		return *first
	}
	if meet != nil {
		last.err = <-met
	}
	return last
}
