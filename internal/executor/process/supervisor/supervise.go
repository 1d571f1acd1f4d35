package supervisor

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// supervise runs a program from its start until nothing is left of it.
func supervise(spec Spec, events *os.File) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go obey(cancel)
	out := newTeller(events, spec.State)
	log, err := openLog(spec.Log)
	if err != nil {
		out.tell(Event{Refused: &Refusal{Reason: executor.NoLog, Fault: faultOf(err)}})
		return
	}
	box := confine(spec.Memory)
	defer box.remove()
	shell, err := start(spec, log.child, box)
	if err != nil {
		log.abandon()
		out.tell(Event{Refused: refusal(err, spec.Dir)})
		return
	}
	began := time.Now()
	ended, childless := reap(shell)
	out.tell(Event{Program: &Program{Process: Identify(shell), Started: began}})
	log.follow()

	all := newFamily(shell, spec.Grace, childless)
	// Whatever comes first decides the cause; the program's own end counts.
	var cause atomic.Value
	end := func(why executor.Cause, how func()) {
		if cause.CompareAndSwap(nil, why) {
			how()
		}
	}
	context.AfterFunc(ctx, func() { end(executor.Cancelled, all.end) })
	if spec.Timeout > 0 {
		time.AfterFunc(spec.Timeout, func() { end(executor.TimedOut, all.end) })
	}
	if spec.Memory > 0 {
		go box.watch(all, spec.Memory, func() { end(executor.OutOfMemory, all.kill) })
	}
	status := <-ended
	if box.exhausted() {
		cause.CompareAndSwap(nil, executor.OutOfMemory)
	}
	cause.CompareAndSwap(nil, executor.Exited)
	exit := Exit{Exit: executor.Exit{Cause: cause.Load().(executor.Cause), Started: began, Ended: time.Now()}}
	exit.Code, exit.Signal = codeOf(status)
	drain(ctx, exit.Cause, all, log, spec.Drain)
	if err := log.close(); err != nil {
		fault := faultOf(err)
		exit.Log = &fault
	}
	out.tell(Event{Exit: &exit})
}

// obey has TERM end the program. Other signals that ask a process to end are
// not meant for the supervisor.
func obey(end func()) {
	// Caught, not ignored: the program would inherit that.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	for s := range signals {
		if s == syscall.SIGTERM {
			end()
		}
	}
}

// drain waits for what the shell left behind, and ends it in the end. It
// returns when no process is left and the log is complete.
func drain(ctx context.Context, why executor.Cause, all *family, log *log, patience time.Duration) {
	if why == executor.Exited {
		limit, cancel := context.WithTimeout(ctx, patience)
		gone := log.wait(limit) && (all.quiet() || all.wait(limit, func() {}))
		cancel()
		if gone {
			return
		}
	}
	// A second request to end would change nothing: KILL is on its way.
	all.finish(context.Background())
	// A process out of reach may hold the log open for ever.
	limit, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log.wait(limit)
}

// reap collects every child that ends: the shell, and where the system makes
// this process the parent of orphans, those. The first channel tells how the
// shell ended, the second closes when no child is left.
func reap(shell int) (ended <-chan syscall.WaitStatus, childless <-chan struct{}) {
	status, none := make(chan syscall.WaitStatus, 1), make(chan struct{})
	go func() {
		defer close(none)
		for {
			var ws syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &ws, 0, nil)
			switch {
			case err == syscall.EINTR:
			case err != nil:
				return
			case pid == shell:
				status <- ws
			}
		}
	}()
	return status, none
}

// codeOf puts an end by signal n as 128+n, as shells do.
func codeOf(status syscall.WaitStatus) (int, syscall.Signal) {
	if status.Signaled() {
		return 128 + int(status.Signal()), status.Signal()
	}
	return status.ExitStatus(), 0
}
