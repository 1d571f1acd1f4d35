package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/step"
)

// Leave ends the workers, and has programs that run go on without them: the next
// worker in this folder adopts them, if it comes before another worker has begun
// their steps anew. This is for a worker that is replaced by a newer one.
func (w *Workers) Leave() {
	w.adopted.close()
	w.stop(executor.ErrLeft)
	w.end()
}

// adopted are the attempts of ended workers that this process goes on with.
type adopted struct {
	group sync.WaitGroup
	// open ends when no further step is taken.
	open  context.Context
	close context.CancelFunc

	mu    sync.Mutex
	names map[attempt]bool
}

// attempt is a step's activity as Temporal knows it.
type attempt struct{ job, run, activity string }

func newAdopted(ctx context.Context) *adopted {
	a := &adopted{names: make(map[attempt]bool)}
	a.open, a.close = context.WithCancel(ctx)
	return a
}

func (a *adopted) has(name attempt) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names[name]
}

// takeOver looks after what ended workers of this folder have left. It goes on
// with the programs of the queues that this process serves, if somebody may
// still want them. Whatever else there is it ends, and tells Temporal that those
// attempts are lost, so that they are repeated at once.
func (w *Workers) takeOver(ctx context.Context, runner *step.Runner) error {
	held, err := w.takeOverAll(ctx, runner)
	if err != nil {
		return err
	}
	// Another process that uses the folder looks after those that are held, or
	// lets go of them in a moment.
	cared := func(name attempt) bool { return held[name] || w.adopted.has(name) }
	if err := giveBack(ctx, w.options, cared); err != nil {
		w.options.Log.Warn("could not give back what lost workers had taken", "error", err)
	}
	return nil
}

// lookAfter is how often a worker looks for what others leave that use the same
// folder.
const lookAfter = 5 * time.Second

// keepTakingOver does so for as long as steps are taken.
func (w *Workers) keepTakingOver(runner *step.Runner) {
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	for {
		select {
		case <-w.adopted.open.Done():
			return
		case <-tick.C:
			if _, err := w.takeOverAll(w.adopted.open, runner); err != nil {
				w.options.Log.Warn("could not look after a step of another worker", "error", err)
			}
		}
	}
}

// takeOverAll does so once, and returns what others have.
func (w *Workers) takeOverAll(ctx context.Context, runner *step.Runner) (held map[attempt]bool, err error) {
	orphans, tokens, err := runner.Orphans()
	if err != nil {
		return nil, fmt.Errorf("look after what the last worker left: %w", err)
	}
	held = make(map[attempt]bool)
	for _, token := range tokens {
		var left activities.Left
		if json.Unmarshal(token, &left) == nil {
			held[attempt{left.Workflow, left.Run, left.Activity}] = true
		}
	}
	errs := make([]error, len(orphans))
	var group sync.WaitGroup
	for i, o := range orphans {
		group.Go(func() { errs[i] = w.takeOverOne(ctx, o) }) // programs get their grace side by side
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("clean up after the last worker: %w", err)
	}
	return held, nil
}

func (w *Workers) takeOverOne(ctx context.Context, o *step.Orphan) error {
	var left activities.Left
	if json.Unmarshal(o.Token, &left) != nil {
		left = activities.Left{}
	}
	a := w.lanes[left.Queue]
	switch {
	case left.Task == nil || !o.Begun():
		if _, err := o.End(ctx); err != nil || left.Workflow == "" {
			return err
		}
		if err := lost(ctx, w.options, left.Workflow, left.Run, left.Activity); err != nil {
			// The heartbeat time-out will find it, only later.
			w.options.Log.Warn("could not give back a lost step", "job", left.Workflow, "step", left.Activity, "error", err)
		}
		return nil
	case a == nil:
		// A worker of that queue may come; unless it is of no use any more.
		if wanted, err := w.base.Wanted(ctx, left); err == nil && !wanted {
			_, err := o.End(ctx)
			return err
		}
		o.Release()
		return nil
	}
	log := w.options.Log.With("job", left.Workflow, "step", left.Activity)
	log.Info("an earlier worker has left a program that runs")
	w.adopted.mu.Lock()
	w.adopted.names[attempt{left.Workflow, left.Run, left.Activity}] = true
	w.adopted.mu.Unlock()
	w.adopted.group.Go(func() {
		if !a.Adopt(w.adopted.open, o, left) {
			log.Info("ended the program of an earlier worker: nobody waits for it any more")
		}
	})
	return nil
}
