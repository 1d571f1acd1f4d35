package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// do names the activities; it is never called.
var do *activities.Activities

// forever is for activities whose end nobody can foretell: Temporal asks for a
// bound, limits.timeout is kept by the worker.
const forever = 10 * 365 * 24 * time.Hour

// patience is for failures that lie outside the user's program.
var patience = temporal.RetryPolicy{
	InitialInterval:    500 * time.Millisecond,
	BackoffCoefficient: 2,
	MaximumInterval:    time.Minute,
}

// awaiting is for activities that choose the delay between two looks themselves.
var awaiting = temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1}

func (e *execution) activity(id, queue, summary string, policy temporal.RetryPolicy) workflow.Context {
	return workflow.WithActivityOptions(e.running, activityOptions(id, queue, summary, policy))
}

func activityOptions(id, queue, summary string, policy temporal.RetryPolicy) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		ActivityID:          id,
		TaskQueue:           queue,
		StartToCloseTimeout: forever,
		HeartbeatTimeout:    30 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &policy,
		Summary:             summary,
	}
}

func local(ctx workflow.Context, summary string) workflow.Context {
	policy := patience
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Minute,
		RetryPolicy:         &policy,
		Summary:             summary,
	})
}

// later starts an activity's bookkeeping: done is called with its future.
func (e *execution) later(f workflow.Future, done func(workflow.Future)) {
	e.inFlight++
	e.selector.AddFuture(f, func(f workflow.Future) {
		e.inFlight--
		done(f)
	})
}

// resolve asks the cache for steps, many at once. The answer also covers steps
// that become ready through hits, so that a pipeline that is wholly reused
// takes one question.
func (e *execution) resolve(ask []activities.Ready) {
	var answer activities.ResolveResult
	summary := fmt.Sprintf("look up %d steps in the cache", len(ask))
	if len(ask) == 1 {
		summary = "look up " + e.nodes[ask[0].Step].Name + " in the cache"
	}
	err := workflow.ExecuteLocalActivity(local(e.running, summary), do.Resolve,
		activities.ResolveInput{Job: e.in.Job, Plan: e.in.Plan, Ready: ask, Values: e.in.Values}).Get(e.running, &answer)
	if err != nil {
		for _, r := range ask {
			e.ready = append(e.ready, r.Step)
		}
		e.abort(err)
		return
	}
	// What was found ahead is kept until its node is ready.
	asked := make(map[int]bool, len(ask))
	for _, r := range ask {
		asked[r.Step] = true
	}
	for i := range answer.Steps {
		if r := &answer.Steps[i]; !asked[r.Step] && r.Unprepared == "" {
			e.resolved[r.Step] = r
		}
	}
	e.mark(answer.Steps)
	for _, r := range answer.Steps {
		if asked[r.Step] {
			e.apply(r)
		}
	}
}

// mark puts the reused steps on the timeline of the Temporal UI, which knows of
// nothing but events: an empty side effect has a line to say it in.
func (e *execution) mark(answers []activities.Resolved) {
	var reused []string
	for _, r := range answers {
		if r.From != nil {
			reused = append(reused, fmt.Sprintf("%s from %s", e.nodes[r.Step].Name, r.From.Job))
		}
	}
	if len(reused) == 0 {
		return
	}
	workflow.SideEffectWithOptions(e.ctx, workflow.SideEffectOptions{Summary: "reused " + names(reused)},
		func(workflow.Context) any { return nil })
}

// apply moves a node on by what the cache said of it.
func (e *execution) apply(r activities.Resolved) {
	i := r.Step
	if r.Unprepared != "" {
		e.prepare(i, r.Unprepared)
		return
	}
	state := &e.steps[i]
	state.Key, state.Warning = r.Key, r.Note
	state.Inputs = e.inputs(i)
	if r.From != nil {
		e.reuse(i, *r.From, r.Outputs, r.Reported)
		return
	}
	if e.nodes[i].Reusable {
		if first, ok := e.computing[r.Key]; ok && first != i {
			e.held[first] = append(e.held[first], i)
			state.Status = pipeline.Queued
			state.Waiting = "waits for " + e.nodes[first].Name + ", which computes the same"
			e.touch(i)
			return
		}
		e.computing[r.Key] = i
	}
	e.run(i)
}

// fetch brings what a node reads from outside into the store.
func (e *execution) fetch(i int) {
	node := e.nodes[i]
	ctx := e.activity(node.Name+"/fetch", PipelinesQueue, "fetch the inputs of "+node.Name, patience)
	e.steps[i].Status, e.steps[i].Waiting = pipeline.Queued, "fetches its inputs"
	e.touch(i)
	e.later(workflow.ExecuteActivity(ctx, do.Fetch, activities.FetchInput{Job: e.in.Job, Plan: e.in.Plan, Step: i, Inputs: node.Sources, Addresses: e.addresses(i)}), func(f workflow.Future) {
		var result activities.FetchResult
		if err := f.Get(e.ctx, &result); err != nil {
			e.ended(i, err)
			return
		}
		e.steps[i].Waiting = ""
		if e.fetched[i] = result.Values; e.fetched[i] == nil {
			e.fetched[i] = map[string]pipeline.Value{}
		}
		e.ready = append(e.ready, i)
	})
}

// run has a worker run the step's program.
func (e *execution) run(i int) {
	node, state := e.nodes[i], &e.steps[i]
	if node.Kind == pipeline.ParallelKind {
		e.batches(i)
		return
	}
	if node.Instances > 1 {
		e.runTogether(i)
		return
	}
	id := node.Name
	if e.runs[i]++; e.runs[i] > 1 {
		id = fmt.Sprintf("%s#%d", node.Name, e.runs[i])
	}
	state.Status, state.Waiting = pipeline.Queued, ""
	e.touch(i)
	ctx := e.program(id, node, node.Summary, patience)
	e.later(workflow.ExecuteActivity(ctx, do.Step, e.stepInput(i)), func(f workflow.Future) {
		var result activities.StepResult
		if err := f.Get(e.ctx, &result); err != nil {
			if !e.retried(i, err) {
				e.ended(i, err)
			}
			return
		}
		e.ran(i, result)
	})
}

func (e *execution) stepInput(i int) activities.StepInput {
	node := e.nodes[i]
	return activities.StepInput{
		Job: e.in.Job, Root: e.rootOfPart(), Plan: e.in.Plan, Name: node.Name, Key: e.steps[i].Key, Reusable: node.Reusable,
		Tried: e.steps[i].Attempts,
		Ready: activities.Ready{Step: i, Inputs: e.steps[i].Inputs},
	}
}

// program is the context of an activity that runs a node's program.
func (e *execution) program(id string, node Node, summary string, policy temporal.RetryPolicy) workflow.Context {
	return workflow.WithPriority(e.activity(id, TaskQueue(node.Queue, node.GPUs), summary, policy), e.turn(node))
}

// ran moves a node on by what a worker said of it.
func (e *execution) ran(i int, result activities.StepResult) {
	switch {
	case result.Busy != nil:
		e.await(i, *result.Busy)
	case result.From != nil:
		e.reuse(i, *result.From, result.Outputs, result.Reported)
	default:
		e.attempted(i, result.Attempt)
		e.reported(i, result.Reported)
		e.publish(i, result.Outputs)
	}
}

// await waits for another job that computes the same; no slot is held.
func (e *execution) await(i int, busy pipeline.Origin) {
	node := e.nodes[i]
	words := "waits for " + busy.Job + "." + busy.Step + ", which computes the same"
	e.steps[i].Status, e.steps[i].Waiting = pipeline.Queued, words
	e.touch(i)
	ctx := e.activity(fmt.Sprintf("%s/await#%d", node.Name, e.runs[i]), PipelinesQueue, node.Name+" "+words, awaiting)
	in := activities.AwaitInput{Job: e.in.Job, Name: node.Name, Key: e.steps[i].Key}
	e.later(workflow.ExecuteActivity(ctx, do.Await, in), func(f workflow.Future) {
		if err := f.Get(e.ctx, nil); err != nil {
			e.ended(i, err)
			return
		}
		e.steps[i].Waiting = ""
		e.resolved[i] = nil // ask the cache again
		e.ready = append(e.ready, i)
	})
}

// reuse takes a node's outputs from the cache.
func (e *execution) reuse(i int, from pipeline.Origin, outputs map[string]pipeline.Artifact, told activities.Reported) {
	now := workflow.Now(e.ctx)
	e.steps[i].Reused = &from
	e.steps[i].Started, e.steps[i].Ended = now, now
	e.reported(i, told)
	e.publish(i, outputs)
}

// publish writes the outputs to the datastore paths that the file names, if it
// names any, and completes the step.
func (e *execution) publish(i int, outputs map[string]pipeline.Artifact) {
	complete := func() {
		e.steps[i].Status, e.steps[i].Waiting = pipeline.Completed, ""
		e.steps[i].Outputs = outputs
		e.settled(i)
	}
	node := e.nodes[i]
	if !node.Publishes {
		complete()
		return
	}
	e.steps[i].Status, e.steps[i].Waiting = pipeline.Finalizing, "publishes its outputs"
	e.touch(i)
	ctx := e.activity(fmt.Sprintf("%s/publish#%d", node.Name, e.runs[i]), PipelinesQueue, "publish the outputs of "+node.Name, patience)
	in := activities.PublishInput{Job: e.in.Job, Plan: e.in.Plan, Step: i, Outputs: outputs}
	e.later(workflow.ExecuteActivity(ctx, do.Publish, in), func(f workflow.Future) {
		if err := f.Get(e.ctx, nil); err != nil {
			e.steps[i].Outputs = outputs
			e.ended(i, err)
			return
		}
		complete()
	})
}

// ended settles a node whose activity did not succeed.
func (e *execution) ended(i int, err error) {
	state := &e.steps[i]
	state.Waiting = ""
	if temporal.IsCanceledError(err) || lostWhileEnding(err) {
		state.Status = pipeline.Canceled
		if e.ctx.Err() != nil {
			e.canceled, e.stopping = true, true
		}
		var canceled *temporal.CanceledError
		var details activities.StepFailed
		if errors.As(err, &canceled) && canceled.HasDetails() && canceled.Details(&details) == nil {
			e.attempted(i, details.Attempt)
			e.reported(i, details.Reported)
			state.Outputs = details.Outputs
		}
		e.settled(i)
		return
	}
	failure := pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		failure.Message = application.Message()
		var details activities.StepFailed
		if application.HasDetails() && application.Details(&details) == nil {
			failure = details.Failure
			e.attempted(i, details.Attempt)
			e.reported(i, details.Reported)
			if details.Outputs != nil {
				state.Outputs = details.Outputs
			}
		}
	}
	if f := nameTaken(err, PartsID(e.in.Job, e.nodes[i].Name)); f != nil {
		failure = *f
	}
	if state.Ended.IsZero() {
		state.Ended = workflow.Now(e.ctx)
	}
	if r := e.nodes[i].Retry; r != nil && e.failures[i] > 1 {
		failure.Message = fmt.Sprintf("%s (attempt %d of %d)", failure.Message, e.failures[i], r.Attempts)
	}
	e.fail(i, failure)
}

// nameTaken is the failure of what is a job of its own, and could not begin because
// another job that has its name runs; nil where err says something else.
func nameTaken(err error, name string) *pipeline.Failure {
	if _, taken := errors.AsType[*temporal.ChildWorkflowExecutionAlreadyStartedError](err); !taken {
		return nil
	}
	return &pipeline.Failure{
		Kind: pipeline.UserFailure, Hint: "submit this job again under another name, or when that one has ended",
		Message: "another job that runs is called " + name + ", as this part of the job is to be",
	}
}

// lostWhileEnding reports whether an activity that was asked to end lost its
// worker instead. Nobody repeats it: it has ended, as it was asked to.
func lostWhileEnding(err error) bool {
	var activity *temporal.ActivityError
	return errors.As(err, &activity) && activity.RetryState() == enumspb.RETRY_STATE_CANCEL_REQUESTED
}

func (e *execution) attempted(i int, a activities.Attempt) {
	state := &e.steps[i]
	state.Worker, state.Attempts = a.Worker, a.Number
	state.Started, state.Ended, state.ExitCode = a.Started, a.Ended, a.ExitCode
}

func (e *execution) reported(i int, told activities.Reported) {
	e.steps[i].Values, e.steps[i].Metrics, e.steps[i].Models = told.Values, told.Metrics, told.Models
}
