package workflows

import (
	"fmt"
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// retried has a node's program run again after a failure that its file asks to
// try again, and reports whether it does. Failures that lie outside of the
// program are not its affair: Temporal repeats those by itself.
func (e *execution) retried(i int, err error) bool {
	r := e.nodes[i].Retry
	if r == nil || e.running.Err() != nil || temporal.IsCanceledError(err) {
		return false
	}
	details, ok := detailsOf(err)
	if !ok || !covers(r, details.Failure) {
		return false
	}
	e.failures[i]++
	if e.failures[i] >= r.Attempts {
		return false
	}
	state := &e.steps[i]
	e.attempted(i, details.Attempt)
	state.Tries = append(slices.Clip(state.Tries), tryOf(details))
	if many := len(state.Tries); many > pipeline.MaxTries {
		state.Tries = slices.Clone(state.Tries[many-pipeline.MaxTries:])
	}
	// What was of that attempt is kept with it.
	state.Started, state.Ended, state.ExitCode, state.Worker = time.Time{}, time.Time{}, nil, ""
	state.Status = pipeline.Queued
	delay := pause(r, e.failures[i])
	next := fmt.Sprintf("attempt %d of %d", e.failures[i]+1, r.Attempts)
	state.Waiting = fmt.Sprintf("%s in %s: %s", next, delay, details.Failure.Message)
	e.touch(i)
	if delay == 0 {
		e.resume(i)
		return true
	}
	options := workflow.TimerOptions{Summary: state.Name + " failed; " + next}
	e.later(workflow.NewTimerWithOptions(e.running, delay, options), func(f workflow.Future) {
		if err := f.Get(e.ctx, nil); err != nil {
			e.ended(i, err)
			return
		}
		e.resume(i)
	})
	return true
}

// resume runs a node again, or leaves that to the next run of the workflow.
func (e *execution) resume(i int) {
	if !e.mustContinue {
		e.run(i)
	}
}

// covers reports whether a failure is one of those that are tried again.
func covers(r *pipeline.Retry, f pipeline.Failure) bool {
	switch f.Kind {
	case pipeline.UserFailure:
		return len(r.ExitCodes) == 0 || f.ExitCode != nil && slices.Contains(r.ExitCodes, *f.ExitCode)
	case pipeline.Timeout:
		return r.OnTimeout
	}
	return false
}

// pause is how long to wait after so many failures.
func pause(r *pipeline.Retry, failures int) time.Duration {
	const most = 7 * 24 * 3600.0
	seconds := r.Delay * math.Pow(max(r.Factor, 1), float64(failures-1))
	if r.MaxDelay > 0 {
		seconds = min(seconds, r.MaxDelay)
	}
	return time.Duration(min(seconds, most) * float64(time.Second)).Round(time.Millisecond)
}

func tryOf(f activities.StepFailed) pipeline.Try {
	t := pipeline.Try{
		Number: f.Number, Worker: f.Worker, Started: f.Started, Ended: f.Ended, ExitCode: f.ExitCode, Message: f.Failure.Message,
	}
	if left, ok := f.Outputs[pipeline.Artifacts]; ok && !left.IsZero() {
		t.Artifacts = &left
	}
	return t
}

// begunAnew is the state of a node that a new run of the workflow takes up: what
// was asked stands, and so does how often its program has failed.
func (e *execution) begunAnew(i int) pipeline.StepState {
	was := e.steps[i]
	state := pipeline.StepState{Name: was.Name, Status: pipeline.NotStarted, Queue: was.Queue}
	if was.Question.Open() {
		state.Question = was.Question
	}
	if e.nodes[i].Retry != nil {
		state.Attempts, state.Tries = was.Attempts, was.Tries
		e.failures[i] = was.Attempts
	}
	return state
}
