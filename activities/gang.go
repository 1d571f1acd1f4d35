package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/gang"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// Instance runs one instance of a step that has several, all at once on as many
// slots. Until all have one it is tried again and again, and holds its slot only
// for a little each time. After that, whatever happens to one of them is for the
// workflow to judge: nothing is retried here.
//
// The first instance leads. It claims the step's key, gathers what the others
// have made, and remembers the result when all have succeeded.
func (a *Activities) Instance(ctx context.Context, in InstanceInput) (result StepResult, err error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, in.Root)
	if err != nil {
		return StepResult{}, err
	}
	info := activity.GetInfo(ctx)
	if in.Instance == 0 {
		var ended func(StepResult, error)
		ctx, ended = a.observe(ctx, in.StepInput, &plan.Steps[in.Step], in.Try)
		defer func() { ended(result, err) }()
		done, release, err := a.begin(ctx, in.StepInput, cache.Owner{
			Workflow: info.WorkflowExecution.ID, Run: info.WorkflowExecution.RunID, Activity: info.ActivityID,
			Job: in.Job, Step: in.Name, Since: time.Now(),
		}, in.Try > 1)
		if err != nil {
			return StepResult{}, a.failed(err, StepFailed{})
		}
		defer release(nil)
		if done != nil {
			return *done, nil
		}
	}
	running, over := a.untilStoppedForGood(ctx)
	defer over()
	i := &instance{Activities: a, in: in, step: &plan.Steps[in.Step], plan: plan.Plan, info: info}
	stop := beat(ctx, i.says)
	defer stop()
	return i.run(ctx, running)
}

// untilStoppedForGood is untilStopped for programs that no later worker takes
// over: the others do not wait for it.
func (a *Activities) untilStoppedForGood(ctx context.Context) (running context.Context, over func()) {
	running, cancel := context.WithCancelCause(ctx)
	if a.Stopping == nil {
		return running, func() { cancel(nil) }
	}
	off := context.AfterFunc(a.Stopping, func() { cancel(ErrStopping) })
	return running, func() { off(); cancel(nil) }
}

// instance is one attempt of an instance.
type instance struct {
	*Activities
	in   InstanceInput
	plan *pipeline.Plan
	step *pipeline.Step
	info activity.Info
	told live
	// found is how many instances are there while the gang forms; -1 when it
	// has formed.
	found atomic.Int32
}

// says is what the instance tells while it waits.
func (i *instance) says() any {
	var b Beat
	if found := i.found.Load(); found >= 0 {
		b.Waiting = i.waits(int(found))
	}
	b.Metrics = i.told.now()
	return b
}

// waits says what a gang waits for.
func (i *instance) waits(found int) string {
	text := fmt.Sprintf("waits for %d slots on queue %s at once", i.in.Instances, i.step.Queue)
	if found > 0 {
		text += fmt.Sprintf(": %d are there", found)
	}
	return text
}

func (i *instance) gang() gang.Gang {
	return gang.Gang{
		Queue: i.info.TaskQueue, ID: i.info.WorkflowExecution.RunID + " " + i.in.Name,
		Since: i.in.Since, Try: i.in.Try, Size: i.in.Instances,
	}
}

// run takes what the instance needs, waits for the others, and runs with them.
func (i *instance) run(ctx, running context.Context) (StepResult, error) {
	share, give, err := i.share(running)
	if err != nil {
		return StepResult{}, i.notFormed(running, err)
	}
	defer give()
	formed, err := i.form(running)
	if err != nil {
		return StepResult{}, i.notFormed(running, err)
	}
	i.found.Store(-1)
	activity.RecordHeartbeat(ctx, Beat{})
	if formed.Alone && i.in.Instance > 0 {
		return StepResult{}, nil // the first one runs them all
	}
	if i.in.Instance == 0 {
		defer formed.Forget(context.WithoutCancel(ctx), i.gang())
	}
	inputs := values(i.step, i.in.Inputs)
	attempt := step.Attempt{
		Plan: i.plan, Step: i.step, Number: i.in.Try, Inputs: inputs, Env: share.variables(), Gang: i.among(formed), Metric: i.told.hear,
	}
	if attempt.Token, err = json.Marshal(Left{
		Workflow: i.info.WorkflowExecution.ID, Run: i.info.WorkflowExecution.RunID, Activity: i.info.ActivityID, Together: true,
	}); err != nil {
		return StepResult{}, err
	}
	if i.Room != nil {
		attempt.Ended = func() { i.Room.Free(share) }
	}
	result, err := i.Runner.Run(running, attempt)
	number := Attempt{Worker: i.Identity, Number: i.in.Try, Started: result.Started, Ended: result.Ended}
	if !result.Started.IsZero() {
		number.ExitCode = &result.ExitCode
	}
	if err != nil {
		_ = i.Cache.Note(context.WithoutCancel(ctx), cache.Ingredients(i.step, inputs, i.Host()))
		return StepResult{}, i.broken(running, err, StepFailed{Outputs: result.Outputs, Reported: reported(result), Attempt: number})
	}
	if i.in.Instance > 0 {
		if err := formed.Say(running, "end", i.in.Instance, result.Outputs); err != nil {
			return StepResult{}, i.broken(running, err, StepFailed{Outputs: result.Outputs, Attempt: number})
		}
		return StepResult{Attempt: number}, nil
	}
	outputs, err := i.gather(running, formed, result.Outputs)
	if err == nil && !formed.Alone {
		result.Values, err = i.Runner.Values(running, i.step, outputs)
	}
	if err != nil {
		return StepResult{}, i.broken(running, err, StepFailed{Outputs: result.Outputs, Attempt: number})
	}
	number.Ended = time.Now()
	result.Outputs = outputs
	return i.record(ctx, i.step, i.in.StepInput, result, number)
}

// share takes what the instance needs of the worker. It does not wait longer
// than for the others: they hold their slots.
func (i *instance) share(ctx context.Context) (share Share, give func(), err error) {
	if i.Room == nil {
		return share, func() {}, nil
	}
	waiting, cancel := context.WithTimeout(ctx, i.patience())
	defer cancel()
	share, err = i.Room.Take(waiting, i.step.Resources)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		err = &gang.NotFormed{Size: i.in.Instances}
	}
	return share, func() { i.Room.Return(share) }, err
}

// patience is how long the first instance waits for the others: longer from time
// to time, for slots that come free seldom.
func (i *instance) patience() time.Duration {
	return min(5*time.Second+time.Duration(i.info.Attempt)*5*time.Second, time.Minute)
}

// form waits until all instances are there.
func (i *instance) form(ctx context.Context) (*gang.Formed, error) {
	gangs, g := gang.New(i.Store), i.gang()
	if i.in.Instance == 0 && i.alone(ctx) {
		return gangs.Alone(ctx, g, int(i.info.Attempt))
	}
	ports, err := step.Ports(i.step, i.in.Instance, i.in.Instances)
	if err != nil {
		return nil, err
	}
	address := i.Address
	if address == "" {
		address = gang.Address()
	}
	me := gang.Member{Worker: i.Identity, Host: gang.Host(), Address: address, Ports: ports}
	if i.in.Instance > 0 {
		return gangs.Join(ctx, g, i.in.Instance, me)
	}
	return gangs.Lead(ctx, g, int(i.info.Attempt), me, i.patience(), func(found int) { i.found.Store(int32(found)) })
}

// among is the gang as the processes of this instance see it; nil where all run
// here.
func (i *instance) among(formed *gang.Formed) *step.Gang {
	if formed.Alone {
		return nil
	}
	g := &step.Gang{Instance: i.in.Instance}
	near := gang.OnOneHost(formed.Members)
	for _, m := range formed.Members {
		if near {
			m.Address = "127.0.0.1"
		}
		g.Members = append(g.Members, step.Member{Address: m.Address, Ports: m.Ports})
	}
	if step.Serves(i.step) {
		g.Meet = func(ctx context.Context) error {
			if err := formed.Say(ctx, "met", i.in.Instance, true); err != nil {
				return err
			}
			return formed.Heard(ctx, "met", i.in.Instance, func(int, []byte) error { return nil })
		}
	}
	return g
}

// gather waits until all other instances have succeeded, and joins what they
// have made with what this one has.
func (i *instance) gather(ctx context.Context, formed *gang.Formed, mine map[string]pipeline.Artifact) (map[string]pipeline.Artifact, error) {
	if formed.Alone {
		return mine, nil
	}
	parts := make([]map[string]pipeline.Artifact, i.in.Instances)
	parts[0] = mine
	err := formed.Heard(ctx, "end", 0, func(n int, text []byte) error { return json.Unmarshal(text, &parts[n]) })
	if err != nil {
		return nil, err
	}
	return i.Runner.Gather(ctx, i.step, parts)
}

// notFormed is for an instance that gives its slot back before the gang has
// formed.
func (i *instance) notFormed(ctx context.Context, err error) error {
	again := func(words string, delay time.Duration) error {
		return temporal.NewApplicationErrorWithOptions(words, Waiting, temporal.ApplicationErrorOptions{NextRetryDelay: delay})
	}
	var none *gang.NotFormed
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrStopping):
		return again(i.waits(0), time.Millisecond) // by another worker
	case ctx.Err() != nil:
		return temporal.NewCanceledError(StepFailed{})
	case errors.Is(err, gang.ErrMissed):
		return lost(StepFailed{})
	case errors.As(err, &none):
		return again(i.waits(none.Found), i.pause(none))
	}
	return i.failed(err, StepFailed{})
}

// pause is until the next time. The first instance waits ever longer, so that
// others get the slots, and the others look ever less often whether it is there;
// but more often than it is.
func (i *instance) pause(why *gang.NotFormed) time.Duration {
	first, longest := 500*time.Millisecond, 4*time.Second
	if i.in.Instance == 0 && !why.Older {
		first, longest = 3*time.Second, 30*time.Second
	}
	delay := min(float64(first)*float64(i.info.Attempt), float64(longest))
	return time.Duration(delay * (0.7 + 0.6*rand.Float64())) // two gangs should not keep step
}

// broken is for an instance that has ended the gang.
func (i *instance) broken(ctx context.Context, err error, details StepFailed) error {
	failure, theirs := errors.AsType[*pipeline.Failure](err)
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrStopping):
		return lost(details)
	case ctx.Err() != nil:
		return temporal.NewCanceledError(details)
	case theirs:
		details.Failure = *failure
	default:
		details.Failure = pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
	}
	return temporal.NewNonRetryableApplicationError(details.Failure.Message, string(details.Failure.Kind), nil, details)
}

// lost says that an instance is gone, which is the end of its gang.
func lost(details StepFailed) error {
	const words = "a worker stopped while it ran an instance of the step; all are run again"
	details.Failure = pipeline.Failure{Kind: pipeline.Infrastructure, Message: words}
	return temporal.NewNonRetryableApplicationError(words, WorkerLost, nil, details)
}

// Gather joins what is kept of the instances of a step that failed, and notes
// how it ended.
func (a *Activities) Gather(ctx context.Context, in GatherInput) (GatherResult, error) {
	parts := make([]map[string]pipeline.Artifact, len(in.Parts))
	for i, part := range in.Parts {
		parts[i] = map[string]pipeline.Artifact{pipeline.Artifacts: part}
	}
	kept, err := a.Runner.GatherLogs(ctx, parts, nil)
	if err != nil {
		return GatherResult{}, a.failed(err, StepFailed{})
	}
	if !kept.IsZero() {
		in.State.Outputs = map[string]pipeline.Artifact{pipeline.Artifacts: kept}
	}
	_ = a.Records.Note(ctx, in.Job, in.State.Name, []pipeline.StepState{in.State})
	return GatherResult{Artifacts: kept}, nil
}
