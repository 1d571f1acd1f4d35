package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/pipeline"
)

// Observer is told what becomes of steps. Its methods may be called from any
// goroutine.
type Observer interface {
	// Began is called when an attempt of a step begins, with the time that it
	// waited in its queue, or 0 where that is not known. What it returns is
	// called with the outcome: completed, reused, failed, cancelled or
	// given_back, "" where the step is to be asked for again; a failure also
	// has a kind. The context is for all that belongs to the attempt.
	Began(ctx context.Context, job, step, queue string, number int, waited time.Duration) (_ context.Context, ended func(outcome, kind string, err error))
	// Reused is called for a step whose outputs the cache has.
	Reused(job, step, queue string)
	// Prepared is called when an environment is ready, or cannot be made so.
	Prepared(queue string, took time.Duration, err error)
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Began(ctx context.Context, _, _, _ string, _ int, _ time.Duration) (context.Context, func(string, string, error)) {
	return ctx, func(string, string, error) {}
}
func (nobody) Reused(string, string, string)         {}
func (nobody) Prepared(string, time.Duration, error) {}

func (a *Activities) observer() Observer {
	if a.Observer == nil {
		return nobody{}
	}
	return a.Observer
}

// observe tells the observer of an attempt, and of its end.
func (a *Activities) observe(ctx context.Context, in StepInput, s *pipeline.Step, number int) (context.Context, func(StepResult, error)) {
	info := activity.GetInfo(ctx)
	var waited time.Duration
	if info.Attempt == 1 { // Temporal tells the others since the first
		waited = info.StartedTime.Sub(info.ScheduledTime)
	}
	ctx, ended := a.observer().Began(ctx, in.Job, in.Name, s.Queue, number, waited)
	return ctx, func(result StepResult, err error) {
		outcome, kind := outcomeOf(result, err)
		if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
			err = errors.New(failure.Message()) // without what Temporal adds
		}
		ended(outcome, kind, err)
	}
}

// outcomeOf says in a word how an attempt ended.
func outcomeOf(result StepResult, err error) (outcome, kind string) {
	failure, coded := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case err == nil && result.Busy != nil, errors.Is(err, activity.ErrResultPending):
		return "", ""
	case err == nil && result.From != nil:
		return "reused", ""
	case err == nil:
		return "completed", ""
	case temporal.IsCanceledError(err):
		return "cancelled", ""
	case !coded:
		return "failed", string(pipeline.Infrastructure)
	}
	switch kind := failure.Type(); kind {
	case WorkerLost:
		return "given_back", ""
	case string(pipeline.UserFailure), string(pipeline.Timeout), string(pipeline.Infrastructure), string(pipeline.Invalid):
		return "failed", kind
	}
	return "", "" // an instance that waits for the others
}
