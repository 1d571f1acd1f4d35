package workflows

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// LoopGraph is what the workflow has to know of a loop. See [pipeline.Loop].
type LoopGraph struct {
	Body      Graph           `json:"body"`
	Content   pipeline.Digest `json:"content,omitempty"`
	Condition string          `json:"condition,omitempty"`
	Mapping   []Carry         `json:"mapping,omitempty"`
	Most      int             `json:"most,omitempty"`
	AtOnce    int             `json:"at_once,omitempty"`
}

// Carry is an output of an iteration that becomes an input of the next.
type Carry struct {
	Output string `json:"output"`
	Input  string `json:"input"`
	// Literal inputs take the value of a control output, not its file.
	Literal bool `json:"literal,omitempty"`
}

// Made is an output of a body, and the node that makes it.
type Made struct {
	Name   string `json:"name"`
	Node   int    `json:"node"`
	Output string `json:"output"`
}

// Iteration says which iteration of a loop a job is.
type Iteration struct {
	// Of is the name of the loop's own job, and Number counts from 1.
	Of     string `json:"of"`
	Number int    `json:"number"`
	// Root is the job that was submitted.
	Root string `json:"root"`
}

// newLoopGraph makes what the workflow knows of a loop.
func newLoopGraph(loop *pipeline.Loop) *LoopGraph {
	if loop == nil || loop.Body == nil {
		return nil
	}
	g := &LoopGraph{Body: NewGraph(loop.Body), Content: loop.Content, Condition: loop.Condition, Most: loop.Most, AtOnce: loop.AtOnce}
	index := make(map[string]int, len(loop.Body.Steps))
	for i := range loop.Body.Steps {
		index[loop.Body.Steps[i].Name] = i
	}
	for _, out := range loop.Body.Outputs {
		if out.From != nil {
			g.Body.Outputs = append(g.Body.Outputs, Made{Name: out.Name, Node: index[out.From.Step], Output: out.From.Output})
		}
	}
	literal := make(map[string]bool, len(loop.Body.Inputs))
	for _, in := range loop.Body.Inputs {
		literal[in.Name] = in.Type.IsLiteral()
	}
	for _, pair := range loop.Mapping {
		g.Mapping = append(g.Mapping, Carry{Output: pair.Output, Input: pair.Input, Literal: literal[pair.Input]})
	}
	return g
}

// loop runs the body of a node again and again, in a workflow of its own.
func (e *execution) loop(i int) {
	node := e.nodes[i]
	plan := pipeline.Plan{Type: pipeline.PipelineJob, Name: e.in.Job}
	in := LoopInput{
		Job: plan.StepJobName(node.Name), Parent: e.in.Job, Root: e.root(), Experiment: e.in.Experiment, Kind: node.Kind, Plan: e.in.Plan, Step: i,
		Loop: *node.Loop, Inputs: e.steps[i].Inputs, Given: e.in.Values, ContinueOnFailure: e.in.Graph.ContinueOnFailure,
	}
	state := &e.steps[i]
	state.Status, state.Started = pipeline.Running, workflow.Now(e.ctx)
	e.touch(i)
	ctx := workflow.WithChildOptions(e.running, workflow.ChildWorkflowOptions{
		WorkflowID:          in.Job,
		TaskQueue:           PipelinesQueue,
		WorkflowTaskTimeout: JobTaskTimeout,
		StaticSummary:       cut("loop "+node.Name+" of "+e.in.Job, 200),
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
	})
	e.later(workflow.ExecuteChildWorkflow(ctx, LoopType, in), func(f workflow.Future) {
		var result LoopResult
		err := f.Get(e.ctx, &result)
		state := &e.steps[i]
		state.Ended = workflow.Now(e.ctx)
		if err != nil {
			var failed LoopFailed
			if application, ok := errors.AsType[*temporal.ApplicationError](err); ok && application.HasDetails() && application.Details(&failed) == nil {
				state.Parts = failed.Parts
			}
			e.ended(i, err)
			return
		}
		state.Parts, state.Values = &result.Parts, result.Values
		e.publish(i, result.Outputs)
	})
}

// addresses are those of data that a loop gives to a node, by input.
func (e *execution) addresses(i int) map[string]string {
	var found map[string]string
	for _, given := range e.nodes[i].Given {
		if v, ok := given.In(e.in.Values); ok && given.Fetched && v.URI != "" {
			if found == nil {
				found = make(map[string]string)
			}
			found[given.Input] = v.URI
		}
	}
	return found
}

// root is the job that was submitted.
func (e *execution) root() string {
	if e.in.Iteration != nil {
		return e.in.Iteration.Root
	}
	return e.in.Job
}

// rootOfPart is root where this job is another; "" otherwise.
func (e *execution) rootOfPart() string {
	if e.in.Iteration != nil {
		return e.in.Iteration.Root
	}
	return ""
}

// failure is how a job that is a part of another one has failed, for that.
func (e *execution) failure(end activities.FinishInput) activities.StepFailed {
	f := *end.Failure
	if end.Step != "" {
		f.Message = "step " + end.Step + ": " + f.Message
	}
	return activities.StepFailed{Failure: f}
}

// begin records a job that is a part of another one.
func (e *execution) begin() error {
	of := e.in.Iteration
	in := activities.BeginInput{
		Job: e.in.Job, Plan: e.in.Plan, Parent: of.Of, Number: of.Number, Root: of.Root, Values: e.in.Values, Experiment: e.in.Experiment,
	}
	return workflow.ExecuteLocalActivity(local(e.ctx, "record the beginning of the job"), do.Begin, in).Get(e.ctx, nil)
}

// made is what a job that is a part of another one hands to it.
func (e *execution) made(outcome *Outcome) {
	for _, out := range e.in.Graph.Outputs {
		from := &e.steps[out.Node]
		if content, ok := from.Outputs[out.Output]; ok {
			if outcome.Outputs == nil {
				outcome.Outputs = make(map[string]pipeline.Artifact)
			}
			outcome.Outputs[out.Name] = content
		}
		if text, ok := from.Values[out.Output]; ok {
			if outcome.Values == nil {
				outcome.Values = make(map[string]string)
			}
			outcome.Values[out.Name] = text
		}
	}
	outcome.AllReused = true
	for i := range e.steps {
		s := &e.steps[i]
		again := s.Reused != nil || s.Skipped != "" || s.Parts != nil && s.Parts.Completed == s.Parts.Reused
		outcome.AllReused = outcome.AllReused && again
	}
}
