package main

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// logs shows what the steps of a job print, line by line, while they run. A nil
// *logs shows nothing.
type logs struct {
	single bool // a command job: lines need no name of a step
	sink   func(step, line string)
	slots  chan struct{}

	mu    sync.Mutex
	steps map[string]*stepLog
	now   []pipeline.StepState // as they were seen last
	last  bool                 // nothing more will be seen
	work  sync.WaitGroup
}

// followed is how many logs are read at once.
const followed = 64

func newLogs(t pipeline.JobType, sink func(step, line string)) *logs {
	return &logs{single: t.Single() && t != pipeline.SweepJob, sink: sink, slots: make(chan struct{}, followed), steps: map[string]*stepLog{}}
}

// stepLog is how far the log of a step has been shown.
type stepLog struct {
	shown int64 // bytes, in whole lines
	busy  bool
	whole bool
}

// follow begins to read the logs of the steps that run, each beside the others,
// and of those that have ended, one after the other. Before the end of a command
// job is announced, all that it printed is shown.
func (l *logs) follow(ctx context.Context, jobs *runs.Service, job *runs.Job) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.now, l.last = job.Steps, l.last || job.Status.Ended()
	l.mu.Unlock()
	var ended []pipeline.StepState
	for _, state := range job.Steps {
		switch {
		case state.Status == pipeline.Running, state.Status == pipeline.Finalizing:
			if log := l.begin(state.Name); log != nil {
				l.work.Go(func() { l.read(ctx, jobs, job.Name, state.Name, log) })
			}
		case state.Status.Ended() && !state.Started.IsZero() && (state.Reused == nil || l.single):
			ended = append(ended, state)
		}
	}
	slices.SortStableFunc(ended, func(a, b pipeline.StepState) int { return a.Started.Compare(b.Started) })
	var unread []func()
	for _, state := range ended {
		if log := l.begin(state.Name); log != nil {
			unread = append(unread, func() { l.read(ctx, jobs, job.Name, state.Name, log) })
		}
	}
	l.work.Go(func() {
		for _, read := range unread {
			read()
		}
	})
	if len(ended) > 0 && l.single {
		l.wait()
	}
}

// begin claims the log of a step for a reader, or returns nil where there is
// one, or nothing is left to read.
func (l *logs) begin(step string) *stepLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.steps[step]
	if log == nil {
		log = &stepLog{}
		l.steps[step] = log
	}
	if log.busy || log.whole {
		return nil
	}
	log.busy = true
	return log
}

// read shows the log of a step to its end. When the connection breaks it stops,
// and a later call goes on behind the last whole line.
func (l *logs) read(ctx context.Context, jobs *runs.Service, job, step string, log *stepLog) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	w := &lines{skip: log.shown}
	name := step
	if l.single {
		name = ""
	}
	w.line = func(text string) { l.sink(name, text) }
	err := jobs.Log(ctx, job, step, func() (pipeline.StepState, bool) { return l.stands(step) }, w)
	if err == nil {
		w.end()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	log.shown, log.busy, log.whole = w.shown, false, err == nil
}

// stands is how a step stands, and whether nothing more will be known of it.
func (l *logs) stands(step string) (pipeline.StepState, bool) {
	l.mu.Lock()
	now, last := l.now, l.last
	l.mu.Unlock()
	if i := slices.IndexFunc(now, func(s pipeline.StepState) bool { return s.Name == step }); i >= 0 {
		return now[i], last
	}
	return pipeline.StepState{Name: step}, last
}

// breakOff shows what there is of the logs of a job that is not followed any
// more.
func (l *logs) breakOff() {
	l.mu.Lock()
	l.last = true
	l.mu.Unlock()
	l.wait()
}

// finish shows what is left of the logs of a job that has ended.
func (l *logs) finish(ctx context.Context, jobs *runs.Service, job *runs.Job) {
	if l == nil {
		return
	}
	l.follow(ctx, jobs, job)
	l.wait()
	l.follow(ctx, jobs, job) // those that broke off
	l.wait()
}

// wait waits for the readers.
func (l *logs) wait() {
	if l != nil {
		l.work.Wait()
	}
}

// lines cuts what is written to it into lines.
type lines struct {
	skip  int64 // bytes that were shown before
	shown int64
	rest  []byte
	line  func(string)
}

func (w *lines) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		w.emit(w.rest[:i], int64(i)+1)
		w.rest = w.rest[i+1:]
	}
}

// end shows a last line that no line feed ends.
func (w *lines) end() {
	if len(w.rest) > 0 {
		w.emit(w.rest, int64(len(w.rest)))
		w.rest = nil
	}
}

func (w *lines) emit(text []byte, size int64) {
	w.shown += size
	if w.shown > w.skip {
		w.line(string(text))
	}
}
