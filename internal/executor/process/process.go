// Package process runs programs as processes of this machine, with the rights
// of the worker.
//
// Between the worker and each program stands a supervisor, a process of the
// package below, so that the program goes on when the worker ends, and the next
// one can adopt it.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process/supervisor"
)

// DefaultDrain is how long processes that the command left in the background
// may go on after the shell itself has ended: long enough for the last lines of
// `echo a & echo b`, too short for a forgotten server to hold up the step.
const DefaultDrain = time.Second

// Executor runs programs on this machine. The zero value is ready.
type Executor struct {
	// Shell is the path of bash; "" means /bin/bash.
	Shell string
	// Drain is how long background processes may outlive the shell before
	// they are ended; 0 means DefaultDrain.
	Drain time.Duration

	protection  sync.Once
	mounts      bool
	supervisors pool
}

var _ executor.Executor = (*Executor)(nil)

// Protection tries, once, whether folders can be mounted read-only.
func (e *Executor) Protection() executor.Protection {
	e.protection.Do(func() { e.mounts = supervisor.MountsWork() })
	switch {
	case e.mounts:
		return executor.Mount
	case os.Geteuid() == 0:
		return executor.None
	default:
		return executor.Permissions
	}
}

// Run runs the program; see [executor.Executor].
func (e *Executor) Run(ctx context.Context, p executor.Program) (executor.Exit, error) {
	if ctx.Err() != nil {
		return executor.Exit{Code: 128 + int(syscall.SIGTERM), Cause: executor.Cancelled}, left(ctx)
	}
	spec, err := e.spec(p)
	if err != nil {
		return executor.Exit{}, err
	}
	s, err := e.supervisors.take()
	if err != nil {
		return executor.Exit{}, executor.NewStartError(fmt.Errorf("start its supervisor: %w", err))
	}
	again := false
	defer func() {
		if again {
			e.supervisors.put(s)
		} else {
			s.close()
		}
	}()
	if p.State != "" {
		if err := supervisor.Open(p.State, s.identity()); err != nil {
			return executor.Exit{}, err
		}
	}
	s.give(spec)
	unwatch := context.AfterFunc(ctx, func() {
		if left(ctx) != nil {
			s.leave()
		} else {
			s.end(spec.Grace)
		}
	})
	exit, over, err := follow(ctx, s, p.Started)
	// One that is being asked to end may take that for the next program's end.
	again = unwatch() && over
	return exit, err
}

// follow waits for what the supervisor has to tell. It reports whether that was
// all of it.
func follow(ctx context.Context, s *supervised, started func(executor.Process)) (exit executor.Exit, over bool, err error) {
	var program *supervisor.Program
	for {
		event, err := s.next()
		switch {
		case err != nil && left(ctx) != nil:
			return exit, false, left(ctx)
		case err != nil:
			exit, err = lost(ctx, program)
			return exit, false, err
		case event.Refused != nil:
			return exit, true, refused(event.Refused)
		case event.Exit != nil:
			exit, err = exitOf(event.Exit)
			return exit, event.Exit.Again, err
		case event.Program != nil:
			if program = event.Program; started != nil {
				started(program.Process)
			}
		}
	}
}

// spec says what is to be run in the supervisor's terms.
func (e *Executor) spec(p executor.Program) (supervisor.Spec, error) {
	spec := supervisor.Spec{
		Shell: e.Shell, Command: p.Command, Dir: p.Dir, Log: p.Log, State: p.State,
		Grace: p.Grace, Drain: e.Drain, Timeout: p.Timeout, Memory: p.Memory,
		Env: p.Env,
	}
	if spec.Shell == "" {
		spec.Shell = "/bin/bash"
	}
	if spec.Grace <= 0 {
		spec.Grace = executor.DefaultGrace
	}
	if spec.Drain <= 0 {
		spec.Drain = DefaultDrain
	}
	if len(p.ReadOnly) > 0 && e.Protection() == executor.Mount {
		spec.ReadOnly = p.ReadOnly
	}
	for _, text := range append([]string{p.Command, p.Dir, p.Log, p.State}, p.Env...) {
		if strings.Contains(text, "\x00") {
			return spec, executor.NewStartError(syscall.EINVAL)
		}
	}
	return spec, nil
}

// left is ErrLeft where that is why ctx has ended, or nil.
func left(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), executor.ErrLeft) {
		return executor.ErrLeft
	}
	return nil
}

func exitOf(e *supervisor.Exit) (executor.Exit, error) {
	if e.Log != nil {
		return e.Exit, fmt.Errorf("keep log of program: %w", e.Log)
	}
	return e.Exit, nil
}

func refused(r *supervisor.Refusal) error {
	return &executor.StartError{Reason: r.Reason, Err: &r.Fault}
}

// lost is what becomes of a program whose supervisor was killed: nobody will
// learn how it ends, so it is ended.
func lost(ctx context.Context, program *supervisor.Program) (executor.Exit, error) {
	exit := executor.Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL, Cause: executor.Exited}
	ran := false
	if program != nil {
		// Politeness would have been the supervisor's.
		ran, _ = supervisor.EndSession(ctx, program.Process, 0)
		exit.Started, exit.Ended = program.Started, time.Now()
	}
	if !ran || ctx.Err() == nil {
		return exit, executor.ErrLost
	}
	exit.Cause = executor.Cancelled
	return exit, nil
}
