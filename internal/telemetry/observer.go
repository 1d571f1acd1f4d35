package telemetry

import (
	"context"
	"log/slog"
	"time"
)

// Observer tells of steps by what it holds; each part may be nil.
type Observer struct {
	Metrics *Metrics
	Traces  *Traces
	Log     *slog.Logger
}

// Attempt is one attempt of a step, as people speak of it.
type Attempt struct {
	Job, Step, Queue string
	Number           int
}

type attemptKey struct{}

// Began is told that an attempt of a step begins, and after how long in its
// queue, which is 0 where it is not known. The function that it returns is told
// the outcome: completed, reused, failed, cancelled or given_back; "" if it was
// none, since somebody else is at the same step. Kind says whose failure it
// was. The context is for all that belongs to the attempt.
func (o *Observer) Began(ctx context.Context, job, step, queue string, number int, waited time.Duration) (context.Context, func(outcome, kind string, err error)) {
	if o == nil {
		return ctx, func(string, string, error) {}
	}
	at := Attempt{Job: job, Step: step, Queue: queue, Number: number}
	ctx = context.WithValue(ctx, attemptKey{}, at)
	begin := time.Now()
	o.Metrics.waited(queue, waited)
	o.Traces.describe(ctx, at)
	log := o.attemptLog(at)
	log.InfoContext(ctx, "step begins")
	return ctx, func(outcome, kind string, err error) {
		took := time.Since(begin)
		if outcome != "" {
			o.Metrics.ended(queue, outcome, kind, took)
		}
		o.say(ctx, log, outcome, kind, took, err)
	}
}

func (o *Observer) attemptLog(at Attempt) *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log.With("job", at.Job, "step", at.Step, "queue", at.Queue, "attempt", at.Number)
}

func (o *Observer) say(ctx context.Context, log *slog.Logger, outcome, kind string, took time.Duration, err error) {
	log = log.With("took", took.Round(time.Millisecond).String())
	switch outcome {
	case "":
		log.InfoContext(ctx, "step goes on elsewhere: in another job that runs the same, or with the next worker")
	case "failed":
		log.WarnContext(ctx, "step failed", "kind", kind, "error", err)
	case "given_back":
		log.WarnContext(ctx, "step was given back", "error", err)
	default:
		log.InfoContext(ctx, "step "+outcome)
	}
}

// Reused is told that a step's outputs were taken from the cache, without an
// attempt.
func (o *Observer) Reused(job, step, queue string) {
	if o == nil {
		return
	}
	o.Metrics.ended(queue, "reused", "", 0)
	o.attemptLog(Attempt{Job: job, Step: step, Queue: queue}).Debug("step reused")
}

// Phase is told that an attempt begins to stage its inputs, to run its program
// or to commit its outputs; what it returns is told the end.
func (o *Observer) Phase(ctx context.Context, name string) (end func(error)) {
	if o == nil {
		return func(error) {}
	}
	at, _ := ctx.Value(attemptKey{}).(Attempt)
	begin := time.Now()
	_, over := o.Traces.Start(ctx, name)
	return func(err error) {
		over(err)
		o.Metrics.phase(at.Queue, name, time.Since(begin))
	}
}

// Prepared is told how long it took to make an environment ready, or to find
// that it is.
func (o *Observer) Prepared(queue string, took time.Duration, err error) {
	if o == nil {
		return
	}
	o.Metrics.prepared(queue, took, err)
	if err != nil && o.Log != nil {
		o.Log.Warn("environment could not be made", "queue", queue, "error", err)
	}
}

// Environ is what a program is given, so that what it tells of itself becomes
// part of the step's trace.
func (o *Observer) Environ(ctx context.Context) []string {
	if o == nil {
		return nil
	}
	return o.Traces.environ(ctx)
}
