package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/runs"
)

// attend watches a job to its end from beside: when the process that serves the
// home ends, it goes on with the one that takes its place, but never becomes it.
func (a *app) attend(ctx context.Context, s *site, name string, changed func(*runs.Job)) (*runs.Job, error) {
	for {
		watching, stop := context.WithCancel(ctx)
		gone := a.whenGone(watching, s.at, stop)
		job, err := s.jobs.Watch(watching, name, changed)
		stop()
		if err == nil || ctx.Err() != nil || !<-gone {
			return job, err
		}
		next, err := a.successor(ctx, name)
		if err != nil {
			return nil, err
		}
		s.leave()
		*s = *next
	}
}

// whenGone calls stop when another process, or none, has come to serve the home.
// The channel tells whether that was so.
func (a *app) whenGone(ctx context.Context, at home.Server, stop func()) <-chan bool {
	result := make(chan bool, 1)
	h, err := a.home()
	if err != nil || at.PID == 0 {
		result <- false // there is no process to lose: records, or a server elsewhere
		return result
	}
	go func() {
		for sleep(ctx, 3*pause) == nil {
			if now, ok := h.Server(); !ok || now.PID != at.PID || !h.Served() {
				result <- true
				stop()
				return
			}
		}
		result <- false
	}()
	return result
}

// takeOver is how long another process has to take the place of one that ended.
const takeOver = 3 * time.Second

// successor connects to the process that has taken the place of the one that
// served the home. Where there is none, the job may have ended; then its records
// tell.
func (a *app) successor(ctx context.Context, name string) (*site, error) {
	for start := a.now(); ; {
		s, err := a.reach(ctx)
		if !errors.Is(err, runs.ErrNoServer) {
			return s, err
		}
		if ended, err := a.ended(ctx, name); ended != nil && err == nil {
			return a.records()
		}
		if a.now().Sub(start) > takeOver {
			return nil, unreachable(
				fmt.Errorf("the process that served this home has ended, and job %s has not", name),
				"`"+a.command("run", "--resume", name)+"` or `"+a.command("dev")+"` carries it on")
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
