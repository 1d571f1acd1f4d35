package workflows

import (
	"errors"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// BatchesType is the name of the workflow Batches in Temporal.
const BatchesType = "Batches"

// PartsSignal is the name of the signal by which a step that is made of parts
// tells its job how far it is: a [PartsNews].
const PartsSignal = "parts"

// PartsNews is how far a step is.
type PartsNews struct {
	Step  int            `json:"step"`
	Parts pipeline.Parts `json:"parts"`
	// Note is the same in words, with the rate and the time that is left.
	Note string `json:"note,omitempty"`
}

// parallel moves on a node that works on mini-batches: like that of any program,
// its result may be in the cache, and its environment has to be there.
func (e *execution) parallel(i int) {
	if r := e.resolved[i]; r != nil {
		e.apply(*r)
		return
	}
	e.resolve([]activities.Ready{{Step: i, Inputs: e.inputs(i)}})
}

// batches runs the mini-batches of a node, in a workflow with a history of its
// own.
func (e *execution) batches(i int) {
	node, state := e.nodes[i], &e.steps[i]
	e.runs[i]++
	state.Status, state.Waiting, state.Started = pipeline.Running, "cuts its input into mini-batches", workflow.Now(e.ctx)
	state.Parts = &pipeline.Parts{What: "mini-batches"}
	e.touch(i)
	child := workflow.WithChildOptions(e.running, workflow.ChildWorkflowOptions{
		WorkflowID:            PartsID(e.in.Job, node.Name),
		TaskQueue:             PipelinesQueue,
		WorkflowTaskTimeout:   JobTaskTimeout,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "mini-batches of " + cut(node.Name, 150),
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
	})
	in := BatchesInput{Job: e.in.Job, Root: e.rootOfPart(), Plan: e.in.Plan, Step: i, Node: node, Key: state.Key, Inputs: state.Inputs, Experiment: e.in.Experiment}
	e.later(workflow.ExecuteChildWorkflow(child, BatchesType, in), func(f workflow.Future) {
		var outcome BatchesOutcome
		state := &e.steps[i]
		started := state.Started
		if err := f.Get(e.ctx, &outcome); err != nil {
			state.Parts = partsOf(err)
			e.ended(i, err)
			if state.Started.IsZero() {
				state.Started = started
			}
			e.touch(i)
			return
		}
		state.Waiting = ""
		if outcome.Parts.What != "" {
			state.Parts = &outcome.Parts
		}
		if outcome.Warning != "" {
			state.Warning = outcome.Warning
		}
		e.ran(i, outcome.Result)
	})
}

// partsOf is what a step that is made of parts told of them when it ended without
// success.
func partsOf(err error) *pipeline.Parts {
	var parts pipeline.Parts
	var details activities.StepFailed
	if canceled, ok := errors.AsType[*temporal.CanceledError](err); ok && canceled.HasDetails() {
		_ = canceled.Details(&details, &parts)
	} else if application, ok := errors.AsType[*temporal.ApplicationError](err); ok && application.HasDetails() {
		_ = application.Details(&details, &parts)
	}
	if parts.What == "" {
		return nil
	}
	return &parts
}

// hear takes in what steps that are made of parts tell of themselves.
func (e *execution) hear() {
	workflow.Go(e.ctx, func(ctx workflow.Context) {
		news := workflow.GetSignalChannel(ctx, PartsSignal)
		for {
			var n PartsNews
			if !news.Receive(ctx, &n) {
				return
			}
			if n.Step < 0 || n.Step >= len(e.steps) || e.steps[n.Step].Status != pipeline.Running {
				continue
			}
			e.steps[n.Step].Parts, e.steps[n.Step].Waiting = &n.Parts, n.Note
			e.touch(n.Step)
		}
	})
}
