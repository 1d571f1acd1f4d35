package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// A failure outside the user's program is reported, instead of being retried
// again, at the tenth attempt of a step, some minutes after the first, and at
// the fifth of a transfer, some seconds after it: an address that cannot be
// reached is most often a wrong one.
const (
	stepGivesUpAt     = 10
	transferGivesUpAt = 5
)

// Left names a running attempt, so that the next worker of this home can go on
// with it, or tell Temporal that it was lost.
type Left struct {
	Workflow string `json:"workflow"`
	Run      string `json:"run"`
	Activity string `json:"activity"`
	// Together is set for one of several instances that run at once. Nobody
	// goes on with it: the others do not wait.
	Together bool `json:"together,omitempty"`
	// The following are there where the program may outlive its worker: the
	// attempt as Temporal knows it, what it was to do, and what it was lent.
	Task    []byte    `json:"task,omitempty"`
	Queue   string    `json:"queue,omitempty"` // Temporal's
	Attempt int       `json:"attempt,omitempty"`
	Input   StepInput `json:"input,omitzero"`
	Share   Share     `json:"share,omitzero"`
}

func (l Left) token() json.RawMessage {
	text, err := json.Marshal(l)
	if err != nil {
		return nil // it is made of values that JSON has
	}
	return text
}

func (l Left) owner() cache.Owner {
	return cache.Owner{
		Workflow: l.Workflow, Run: l.Run, Activity: l.Activity, Job: l.Input.Job, Step: l.Input.Name, Since: time.Now(),
	}
}

// Step runs one step's program, unless its result has appeared in the cache or
// somebody else is computing it right now.
func (a *Activities) Step(ctx context.Context, in StepInput) (result StepResult, err error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, in.Root)
	if err != nil {
		return StepResult{}, err
	}
	if in.Chunk != nil {
		if in, err = a.chunk(ctx, plan, in); err != nil {
			return StepResult{}, a.failed(err, StepFailed{})
		}
	}
	info := activity.GetInfo(ctx)
	ctx, ended := a.observe(ctx, in, plan.step(in), in.Tried+int(info.Attempt))
	defer func() { ended(result, err) }()
	left := Left{
		Workflow: info.WorkflowExecution.ID, Run: info.WorkflowExecution.RunID, Activity: info.ActivityID,
		Task: info.TaskToken, Queue: info.TaskQueue, Attempt: in.Tried + int(info.Attempt), Input: in,
	}
	if d := a.adoptions.of(left); d != nil {
		stop := beat(ctx, d.live.says)
		result, ok, err := d.attach(ctx, left)
		if stop(); ok {
			return result, err
		}
	}
	done, release, err := a.begin(ctx, in, left.owner(), info.Attempt > 1)
	if err != nil {
		return StepResult{}, a.failed(err, StepFailed{})
	}
	defer func() { release(err) }()
	if done != nil {
		return a.summarised(ctx, in, *done)
	}
	return a.run(ctx, plan, left)
}

// begin claims a step that is reusable, until release is called with how it has
// ended. It returns a result where there is nothing to run: somebody else is at
// the step, or it has been done, which a step that is begun again may find of
// itself.
func (a *Activities) begin(ctx context.Context, in StepInput, owner cache.Owner, again bool) (done *StepResult, release func(error), err error) {
	release = func(error) {}
	if in.Reusable {
		claim, holder, err := a.Cache.Claim(ctx, cache.Key(in.Key), owner, a.alive)
		if err != nil {
			return nil, release, err
		}
		if holder != nil {
			return &StepResult{Busy: &pipeline.Origin{Job: holder.Job, Step: holder.Step}}, release, nil
		}
		release = func(why error) {
			if !errors.Is(why, activity.ErrResultPending) { // the next worker goes on
				// Also a canceled attempt gives its claim back.
				_ = claim.Release(context.WithoutCancel(ctx))
			}
		}
	}
	if in.Reusable || again {
		done, err = a.recorded(ctx, in)
	}
	return done, release, err
}

// recorded returns the result that the cache has, if any: from another job, or
// from an attempt of this very step whose worker died before it could report.
func (a *Activities) recorded(ctx context.Context, in StepInput) (*StepResult, error) {
	entry, err := a.Cache.Lookup(ctx, cache.Key(in.Key))
	if err != nil || entry == nil {
		return nil, err
	}
	if entry.Job == in.Job && entry.Step == in.Name {
		code := entry.ExitCode
		return &StepResult{Outputs: entry.Outputs, Reported: Reported{entry.Values, entry.Metrics, entry.Models}, Attempt: Attempt{
			Worker: entry.Worker, Number: entry.Attempt, ExitCode: &code, Started: entry.Created.Add(-entry.Duration), Ended: entry.Created,
		}}, nil
	}
	if !in.Reusable {
		return nil, nil
	}
	return &StepResult{From: &pipeline.Origin{Job: entry.Job, Step: entry.Step}, Outputs: entry.Outputs, Reported: Reported{entry.Values, entry.Metrics, entry.Models}}, nil
}

// ErrStopping as the cause of [Activities.Stopping] has running steps given
// back: their programs are ended, and they are run again. [executor.ErrLeft] as
// the cause has their programs go on, for the next worker to adopt; only steps
// that have not got as far as that are given back.
var ErrStopping = errors.New("the worker is stopping")

// run makes one attempt.
func (a *Activities) run(ctx context.Context, plan *indexed, left Left) (StepResult, error) {
	in, s := left.Input, plan.step(left.Input)
	told := new(live)
	attempt := step.Attempt{Plan: plan.Plan, Step: s, Number: left.Attempt, Inputs: values(s, in.Inputs), Metric: told.hear}
	stop := beat(ctx, told.says)
	defer stop()
	running, stopped := a.untilStopped(ctx)
	defer stopped()
	if a.Room != nil {
		share, err := a.Room.Take(running, s.Resources)
		if err != nil {
			return StepResult{}, a.attemptFailed(running, err, stepGivesUpAt, StepFailed{})
		}
		defer a.Room.Return(share)
		attempt.Ended = func() { a.Room.Free(share) }
		attempt.Env = append(attempt.Env, share.variables()...)
		left.Share = share
	}
	attempt.Token = left.token()
	var sum metricSum
	attempt.Metric, sum = a.listen(running, left, attempt.Metric)
	result, err := a.Runner.Run(running, attempt)
	result.Metrics = sum(result.Metrics)
	return a.settle(ctx, running, s, left, result, err)
}

// settle tells everybody who is to know how an attempt has ended.
func (a *Activities) settle(ctx, running context.Context, s *pipeline.Step, left Left, result step.Result, err error) (StepResult, error) {
	if errors.Is(err, executor.ErrLeft) {
		return StepResult{}, activity.ErrResultPending
	}
	in := left.Input
	number := Attempt{Worker: a.Identity, Number: left.Attempt, Started: result.Started, Ended: result.Ended}
	if !result.Started.IsZero() {
		number.ExitCode = &result.ExitCode
	}
	if err == nil {
		return a.record(ctx, s, in, result, number)
	}
	// What was tried is wanted by whoever asks why it ran again.
	_ = a.Cache.Note(context.WithoutCancel(ctx), a.tried(context.WithoutCancel(ctx), s, values(s, in.Inputs)))
	if failure, ok := errors.AsType[*pipeline.Failure](err); ok && running.Err() == nil && failure.Kind != pipeline.Infrastructure {
		state := stateOf(s, in, result, number)
		state.Status, state.Failure = pipeline.Failed, failure
		a.note(ctx, in, state)
	}
	return StepResult{}, a.attemptFailed(running, err, in.Tried+stepGivesUpAt, StepFailed{Outputs: result.Outputs, Reported: reported(result), Attempt: number})
}

func reported(result step.Result) Reported {
	return Reported{Values: result.Values, Metrics: result.Metrics, Models: result.Models}
}

// untilStopped is a context that also ends when the worker stops, with the same
// cause. The caller says when that does not matter any more.
func (a *Activities) untilStopped(ctx context.Context) (running context.Context, over func()) {
	running, cancel := context.WithCancelCause(ctx)
	if a.Stopping == nil {
		return running, func() { cancel(nil) }
	}
	off := context.AfterFunc(a.Stopping, func() { cancel(context.Cause(a.Stopping)) })
	return running, func() { off(); cancel(nil) }
}

// record keeps what a step has made, for this job and for all others.
func (a *Activities) record(ctx context.Context, s *pipeline.Step, in StepInput, result step.Result, number Attempt) (StepResult, error) {
	if in.Chunk != nil {
		return a.recordChunk(ctx, in, result, number)
	}
	ingredients := a.tried(ctx, s, values(s, in.Inputs))
	// By the wall clock, so that the start can be told from the two.
	duration := number.Ended.Round(0).Sub(number.Started.Round(0))
	err := step.Insist(ctx, duration, func() error {
		if !s.Deterministic {
			return a.Cache.Note(ctx, ingredients)
		}
		return a.Cache.Record(ctx, cache.Entry{
			Key: cache.Key(in.Key), Outputs: result.Outputs, Ingredients: ingredients,
			Values: result.Values, Metrics: result.Metrics, Models: result.Models,
			Job: in.Job, Step: in.Name, Worker: a.Identity, Attempt: number.Number, ExitCode: *number.ExitCode,
			Created: number.Ended, Duration: duration,
		})
	}, func(error) {})
	if err != nil {
		return StepResult{}, a.failed(err, StepFailed{Attempt: number})
	}
	a.note(ctx, in, stateOf(s, in, result, number))
	return StepResult{Outputs: result.Outputs, Reported: reported(result), Attempt: number}, nil
}

// note keeps how a step has ended, for whoever asks without a server.
func (a *Activities) note(ctx context.Context, in StepInput, state pipeline.StepState) {
	if in.Watch == nil && in.Chunk == nil { // a sweep has its own list of trials
		_ = a.Records.Note(ctx, in.Job, in.Name, []pipeline.StepState{state})
	}
}

// stateOf is what is noted of a step that has completed.
func stateOf(s *pipeline.Step, in StepInput, result step.Result, number Attempt) pipeline.StepState {
	return pipeline.StepState{
		Name: in.Name, Status: pipeline.Completed, Queue: s.Queue, Key: in.Key, Inputs: in.Inputs, Outputs: result.Outputs,
		Values: result.Values, Metrics: result.Metrics, Models: result.Models,
		Worker: number.Worker, Attempts: number.Number, Started: number.Started, Ended: number.Ended, ExitCode: number.ExitCode,
	}
}

// attemptFailed says whose failure it was.
func (a *Activities) attemptFailed(ctx context.Context, err error, givesUpAt int, details StepFailed) error {
	if ctx.Err() != nil {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, ErrStopping), errors.Is(cause, executor.ErrLeft), errors.Is(cause, errUnwanted):
			// Retried at once, by the worker that comes next.
			return temporal.NewApplicationErrorWithOptions("the worker stopped while the step was running; it will be run again",
				WorkerLost, temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond})
		}
		return temporal.NewCanceledError(details)
	}
	var failure *pipeline.Failure
	ours := !errors.As(err, &failure) || failure.Kind == pipeline.Infrastructure
	if ours && details.Number >= givesUpAt {
		details.Failure = pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
		if failure != nil {
			details.Failure = *failure
		}
		details.Failure.Message = fmt.Sprintf("given up after %d attempts: %s", details.Number, details.Failure.Message)
		return temporal.NewNonRetryableApplicationError(details.Failure.Message, string(pipeline.Infrastructure), nil, details)
	}
	return a.failed(err, details)
}

// alive reports whether the owner of a claim can still come to an end: its
// activity is pending, whether it runs or waits for a worker.
func (a *Activities) alive(ctx context.Context, owner cache.Owner) (bool, error) {
	d, err := a.Temporal.DescribeWorkflowExecution(ctx, owner.Workflow, owner.Run)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether %s of job %s still runs: %w", owner.Step, owner.Job, err)
	}
	if d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false, nil
	}
	if owner.Activity == "" {
		return true, nil // the whole workflow is at it
	}
	for _, p := range d.GetPendingActivities() {
		if p.GetActivityId() == owner.Activity {
			return true, nil
		}
	}
	return false, nil
}
