// Package process runs programs as processes of this machine, with the rights
// of the worker.
//
// A program gets a session of its own, so that all of its processes can be
// ended together and none of them waits at the worker's terminal. Processes
// that leave the session (daemons) are beyond reach while the worker lives.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
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

	protection sync.Once
	mounts     bool
}

var _ executor.Executor = (*Executor)(nil)

// Protection tries, once, whether folders can be mounted read-only.
func (e *Executor) Protection() executor.Protection {
	e.protection.Do(func() { e.mounts = mountsWork() })
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
		return executor.Exit{Code: 128 + int(syscall.SIGTERM), Cause: executor.Cancelled}, nil
	}
	log, err := openLog(p.Log)
	if err != nil {
		return executor.Exit{}, &executor.StartError{Reason: executor.NoLog, Err: err}
	}
	proc, err := e.start(p, log.child)
	if err != nil {
		log.abandon()
		return executor.Exit{}, err
	}
	log.follow()
	exit := executor.Exit{Started: time.Now(), Cause: executor.Exited}
	if p.Started != nil {
		p.Started(identify(proc.Pid))
	}

	all := &session{id: proc.Pid, grace: p.Grace}
	if all.grace <= 0 {
		all.grace = executor.DefaultGrace
	}
	// Whatever comes first decides the cause; the program's own end counts.
	var cause atomic.Value
	end := func(why executor.Cause) {
		if cause.CompareAndSwap(nil, why) {
			all.end()
		}
	}
	unwatch := context.AfterFunc(ctx, func() { end(executor.Cancelled) })
	defer unwatch()
	if p.Timeout > 0 {
		defer time.AfterFunc(p.Timeout, func() { end(executor.TimedOut) }).Stop()
	}
	state, err := proc.Wait()
	cause.CompareAndSwap(nil, executor.Exited)
	exit.Ended = time.Now()
	exit.Cause = cause.Load().(executor.Cause)

	e.drain(ctx, exit.Cause, all, log)
	if err != nil {
		return exit, errors.Join(fmt.Errorf("wait for program: %w", err), log.close())
	}
	exit.Code, exit.Signal = status(state)
	if err := log.close(); err != nil {
		return exit, fmt.Errorf("keep log of program: %w", err)
	}
	return exit, nil
}

// drain waits for what the shell left behind, and ends it in the end. It
// returns when no process is left and the log is complete.
//
// Only what has neither the log open nor stayed in the process group goes
// unnoticed here: to look for it would cost every step a look at all processes.
func (e *Executor) drain(ctx context.Context, why executor.Cause, all *session, log *log) {
	patience := e.Drain
	if patience <= 0 {
		patience = DefaultDrain
	}
	if why == executor.Exited {
		limit, cancel := context.WithTimeout(ctx, patience)
		gone := log.wait(limit) && (all.empty() || all.wait(limit, func() {}))
		cancel()
		if gone {
			return
		}
	}
	// A second cancellation would change nothing: KILL is on its way.
	all.finish(context.Background())
	// A process that left the session may hold the log open for ever.
	limit, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log.wait(limit)
}

// start starts bash in a session of its own, with the log as its output.
func (e *Executor) start(p executor.Program, out *os.File) (*os.Process, error) {
	shell := e.Shell
	if shell == "" {
		shell = "/bin/bash"
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, executor.NewStartError(err)
	}
	defer null.Close()
	argv := []string{shell, "-c", p.Command}
	attr := &os.ProcAttr{
		Dir: p.Dir,
		// An empty list, not nil: nil would pass the worker's own on.
		Env:   append([]string{}, p.Env...),
		Files: []*os.File{null, out, out},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	var proc *os.Process
	if len(p.ReadOnly) > 0 && e.Protection() == executor.Mount {
		proc, err = startMounted(argv, attr, p.ReadOnly)
	} else {
		proc, err = os.StartProcess(shell, argv, attr)
	}
	if err != nil {
		return nil, startError(err, p.Dir)
	}
	return proc, nil
}

// startError sorts out which path the system meant: the shell's or the
// folder's.
func startError(err error, dir string) error {
	if known := (*executor.StartError)(nil); errors.As(err, &known) {
		return err
	}
	if info, dirErr := os.Stat(dir); dirErr != nil {
		return &executor.StartError{Reason: executor.NoFolder, Err: dirErr}
	} else if !info.IsDir() {
		return &executor.StartError{Reason: executor.NoFolder, Err: &os.PathError{Op: "chdir", Path: dir, Err: syscall.ENOTDIR}}
	}
	if pathErr := (*os.PathError)(nil); errors.As(err, &pathErr) && pathErr.Op == "chdir" {
		return &executor.StartError{Reason: executor.NoFolder, Err: err}
	}
	return executor.NewStartError(err)
}

// status puts an end by signal n as 128+n, as shells do.
func status(state *os.ProcessState) (int, syscall.Signal) {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), ws.Signal()
	}
	return state.ExitCode(), 0
}
