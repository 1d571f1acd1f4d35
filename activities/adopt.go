package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/step"
)

// errUnwanted as the cause of an end: nobody waits for the program any more.
var errUnwanted = errors.New("nobody waits for the program any more")

// adoption is an attempt whose worker has died, while this worker goes on with
// its program outside of any activity.
//
// As long as Temporal counts on the attempt, heartbeats are sent for it and its
// end is reported as the dead worker would have. Once Temporal has given it up,
// which it does when nothing was heard for the length of the heartbeat time-out,
// the program goes on for as long as the step waits to be run again; if this
// worker gets to run it, the activity attaches to what is running already. But
// where another worker has begun it anew, or nobody wants it any more, the
// program is ended: there are never two that count.
type adoption struct {
	*Activities
	orphan  *step.Orphan
	running context.Context
	end     context.CancelCauseFunc // of running
	live    live

	mu       sync.Mutex
	left     Left
	givenUp  bool          // Temporal does not count on the attempt any more
	attached bool          // an activity has taken over what there is to tell
	taken    chan struct{} // closed when that is so

	done   chan struct{} // closed when there is a result
	result StepResult
	err    error
}

// adoptions are those of a process.
type adoptions struct {
	mu  sync.Mutex
	all []*adoption
}

func (a *adoptions) add(d *adoption) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, d)
}

func (a *adoptions) remove(d *adoption) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = slices.DeleteFunc(a.all, func(other *adoption) bool { return other == d })
}

// of returns the adoption of an earlier attempt at an activity, or nil.
func (a *adoptions) of(l Left) *adoption {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.all {
		if d.left.Workflow == l.Workflow && d.left.Run == l.Run && d.left.Activity == l.Activity {
			return d
		}
	}
	return nil
}

// Adopt goes on with an attempt that a dead worker has left, and returns when
// there is nothing more to do about it. When ctx ends, no activity will come any
// more to ask how a program ended that Temporal has given up. Adopt reports false
// where nobody waited for the program, and it was ended at once.
func (a *Activities) Adopt(ctx context.Context, o *step.Orphan, left Left) (wanted bool) {
	if a.Room != nil {
		a.Room.Hold(left.Share)
	}
	stopping, stopped := a.untilStopped(context.WithoutCancel(ctx))
	defer stopped()
	running, end := context.WithCancelCause(stopping)
	defer end(nil)
	d := &adoption{
		Activities: a, orphan: o, left: left, running: running, end: end,
		taken: make(chan struct{}), done: make(chan struct{}),
	}
	a.adoptions.add(d)
	defer a.adoptions.remove(d)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		d.watch()
	}()
	d.look(running)
	cause := context.Cause(running)
	wanted = !errors.Is(cause, errUnwanted) && !errors.Is(cause, context.Canceled)
	if wanted {
		d.result, d.err = d.run()
	} else {
		d.result, d.err = d.resume(running, left) // which ends it
	}
	if a.Room != nil {
		a.Room.Return(left.Share)
	}
	close(d.done)
	d.report(ctx)
	end(nil)
	<-watched
	return wanted
}

// run goes on with the program, until nobody wants it any more.
func (d *adoption) run() (StepResult, error) {
	left := d.now()
	ctx, ended := d.observer().Began(d.running, left.Input.Job, left.Input.Name, left.Queue, left.Attempt, 0)
	result, err := d.resume(ctx, left)
	outcome, kind := outcomeOf(result, err)
	if !d.wanted() {
		outcome, kind = "cancelled", ""
	}
	ended(outcome, kind, err)
	return result, err
}

func (d *adoption) resume(ctx context.Context, left Left) (StepResult, error) {
	plan, err := d.planFor(ctx, left)
	switch {
	case errors.Is(context.Cause(ctx), executor.ErrLeft):
		d.orphan.Release()
		return StepResult{}, activity.ErrResultPending
	case err != nil || ctx.Err() != nil:
		_, endErr := d.orphan.End(context.WithoutCancel(ctx))
		if ctx.Err() != nil {
			err = d.attemptFailed(ctx, endErr, stepGivesUpAt, StepFailed{})
		}
		return StepResult{}, err
	}
	// Where the store cannot be asked, the claim is the dead worker's still: the
	// activity is the same.
	done, release, err := d.begin(ctx, left.Input, left.owner(), false)
	if err == nil && done != nil {
		_, _ = d.orphan.End(context.WithoutCancel(ctx))
		return *done, nil
	}
	s := plan.step(left.Input)
	attempt := step.Attempt{Plan: plan.Plan, Step: s, Number: left.Attempt, Inputs: values(s, left.Input.Inputs), Token: left.token(), Metric: d.live.hear}
	if d.Room != nil {
		attempt.Ended = func() { d.Room.Free(left.Share) }
	}
	var sum metricSum
	attempt.Metric, sum = d.listen(ctx, left, attempt.Metric)
	ran, err := d.orphan.Resume(ctx, attempt)
	ran.Metrics = sum(ran.Metrics)
	d.look(ctx) // once more, before it counts
	if !d.wanted() {
		err = errUnwanted
	}
	result, err := d.settle(context.WithoutCancel(ctx), ctx, s, d.now(), ran, err)
	release(err)
	return result, err
}

// planFor waits until the store can be asked for the plan.
func (d *adoption) planFor(ctx context.Context, left Left) (*indexed, error) {
	for {
		plan, err := d.planOf(ctx, left.Input.Plan, left.Input.Job, left.Input.Root)
		if _, final := errors.AsType[*temporal.ApplicationError](err); err == nil || final {
			return plan, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(glance):
		}
	}
}

// glance is the time between two looks whether a program is still wanted.
const glance = time.Second

// watch looks again and again.
func (d *adoption) watch() {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-d.running.Done():
			return
		case <-tick.C:
			d.look(d.running)
		}
	}
}

// look tells Temporal that the attempt is alive, and ends the program if it is
// not wanted. Where Temporal does not answer, that is not known.
func (d *adoption) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	left := d.now()
	d.mu.Lock()
	attached, givenUp := d.attached, d.givenUp
	d.mu.Unlock()
	if attached {
		return // the activity does all this
	}
	if !givenUp {
		err := d.Temporal.RecordActivityHeartbeat(ctx, left.Task, Beat{Worker: d.Identity, Metrics: d.live.now()})
		_, gone := errors.AsType[*serviceerror.NotFound](err)
		switch {
		case temporal.IsCanceledError(err):
			d.end(context.Canceled)
			return
		case !gone:
			return
		}
		d.mu.Lock()
		d.givenUp = true
		d.mu.Unlock()
	}
	if wanted, err := d.Wanted(ctx, left); err == nil && !wanted {
		d.end(errUnwanted)
	}
}

// answerWithin bounds questions to Temporal.
const answerWithin = 10 * time.Second

// Wanted reports whether the program of an attempt may still be of use: Temporal
// counts on that very attempt, as it does for a while after its worker has ended;
// or it has given it up, and the step waits to be run again, or is about to be by
// this worker.
func (a *Activities) Wanted(ctx context.Context, left Left) (bool, error) {
	e, err := a.Temporal.DescribeWorkflowExecution(ctx, left.Workflow, left.Run)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether step %s of job %s is wanted: %w", left.Input.Name, left.Input.Job, err)
	}
	if e.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false, nil
	}
	for _, p := range e.GetPendingActivities() {
		if p.GetActivityId() != left.Activity {
			continue
		}
		switch p.GetState() {
		case enumspb.PENDING_ACTIVITY_STATE_STARTED:
			return int(p.GetAttempt()) == left.Attempt || p.GetLastWorkerIdentity() == a.Identity, nil
		case enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
			return p.GetLastWorkerIdentity() == a.Identity, nil
		}
		return true, nil
	}
	return false, nil
}

// now is the attempt as it is known now.
func (d *adoption) now() Left {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left
}

// attach has an activity wait for the program of an earlier attempt at it. It
// reports false where there is no such program any more, and the activity has to
// run its own.
func (d *adoption) attach(ctx context.Context, left Left) (result StepResult, ok bool, err error) {
	d.mu.Lock()
	same := d.left.Input.Key == left.Input.Key
	if same && !d.attached {
		d.left.Task, d.left.Attempt = left.Task, left.Attempt
		d.attached = true
		close(d.taken)
	}
	left.Share = d.left.Share
	d.mu.Unlock()
	if same {
		_ = d.orphan.Keep(left.token()) // it may have ended already
	} else {
		d.end(errUnwanted)
	}
	select {
	case <-d.done:
	case <-ctx.Done():
		d.end(context.Cause(ctx))
		<-d.done
	}
	if !d.wanted() || !same {
		return StepResult{}, false, nil
	}
	return d.result, true, d.err
}

// report tells Temporal how the program ended.
func (d *adoption) report(ctx context.Context) {
	for {
		d.mu.Lock()
		left, givenUp, attached := d.left, d.givenUp, d.attached
		d.mu.Unlock()
		switch {
		case attached, errors.Is(d.err, activity.ErrResultPending), !d.wanted():
			return
		case !givenUp:
			if d.complete(ctx, left) {
				return
			}
		}
		// An activity may come and ask, or nobody may want to know any more.
		select {
		case <-d.taken:
		case <-ctx.Done():
			return
		case <-time.After(glance):
		}
	}
}

// wanted reports whether nobody has found that the program is not.
func (d *adoption) wanted() bool { return !errors.Is(context.Cause(d.running), errUnwanted) }

// complete ends the attempt, and reports whether there is nothing more to say.
func (d *adoption) complete(ctx context.Context, left Left) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	var result any
	if d.err == nil {
		result = d.result
	}
	err := d.Temporal.CompleteActivity(ctx, left.Task, result, d.err)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		d.mu.Lock()
		d.givenUp = true
		d.mu.Unlock()
		return false
	}
	return err == nil
}
