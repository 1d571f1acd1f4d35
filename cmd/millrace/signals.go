package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// obey does what signals ask for, until the function it returns is called. The
// first Ctrl-C asks for the job to be canceled. The second, and any other
// signal, leaves: it calls stop. One more ends the process where it stands.
func (s *session) obey(stop context.CancelFunc) (enough func()) {
	c := make(chan os.Signal, 4)
	done := make(chan struct{})
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		var last os.Signal
		var when time.Time
		for {
			select {
			case <-done:
				return
			case sig := <-c:
				// Some wrappers pass on a signal that the terminal has sent
				// to everybody already: that is one, not two.
				if sig != last || time.Since(when) > echo {
					s.take(sig, stop)
				}
				last, when = sig, time.Now()
			}
		}
	}()
	return func() {
		if s.leaving.Load() {
			return // a further signal still ends the process
		}
		signal.Stop(c)
		close(done)
	}
}

// echo is the time within which the same signal is taken for one.
const echo = 100 * time.Millisecond

func (s *session) take(sig os.Signal, stop context.CancelFunc) {
	switch {
	case s.leaving.Load():
		os.Exit(exitInterrupted)
	case sig == os.Interrupt && s.submitted.Load() && !s.over.Load() && !s.canceled.Swap(true):
		s.progress.Note(fmt.Sprintf("asked to cancel job %s, waiting for its steps to end; Ctrl-C again leaves at once, and `%s` carries the job on",
			s.name, s.app.command("run", "--resume", s.name)))
		go s.cancel()
	default:
		s.leaving.Store(true)
		if site := s.at(); !s.over.Load() && site != nil && site.server != nil && s.submitted.Load() {
			s.progress.Note("leaving; ending the running steps")
		}
		stop()
	}
}

func (s *session) cancel() {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if err := s.at().jobs.Cancel(ctx, s.name); err != nil {
		s.progress.Note(fmt.Sprintf("could not cancel job %s: %v", s.name, err))
	}
}
