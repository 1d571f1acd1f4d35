package supervisor

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// supervise runs a program from its start until nothing is left of it. It
// reports whether the supervisor is as good as new then.
func supervise(spec Spec, events *os.File, asked *request) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked.ends(cancel)
	defer asked.ends(nil)
	out := newTeller(events, spec.State)
	defer out.close()
	log, err := openLog(spec.Log)
	if err != nil {
		asked.ends(nil)
		out.tell(Event{Refused: &Refusal{Reason: executor.NoLog, Fault: faultOf(err)}})
		return true
	}
	box := confine(spec.Memory)
	shell, err := start(spec, log.child, box)
	if err != nil {
		box.remove()
		log.abandon()
		asked.ends(nil)
		out.tell(Event{Refused: refusal(err, spec.Dir)})
		return true
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
		defer time.AfterFunc(spec.Timeout, func() { end(executor.TimedOut, all.end) }).Stop()
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
	box.remove()
	select {
	case <-childless:
		exit.Again = true
	case <-time.After(100 * time.Millisecond): // somebody does not even die
	}
	asked.ends(nil)
	out.tell(Event{Exit: &exit})
	return exit.Again
}

// request is TERM, which asks for the end of the program that there is. Without
// one it ends the supervisor.
type request struct {
	mu  sync.Mutex
	end func()
}

// obey waits for requests. Other signals that ask a process to end are not meant
// for the supervisor.
func obey() *request {
	r := &request{}
	// Caught, not ignored: the program would inherit that.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		for s := range signals {
			if s != syscall.SIGTERM {
				continue
			}
			r.mu.Lock()
			if r.end == nil {
				os.Exit(0)
			}
			r.end()
			r.mu.Unlock()
		}
	}()
	return r
}

// ends says what a request ends.
func (r *request) ends(end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = end
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
