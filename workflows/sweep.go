package workflows

import (
	"errors"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// SweepType is the name of the workflow Sweep in Temporal.
const SweepType = "Sweep"

// SweepInput is the input of the workflow Sweep.
type SweepInput struct {
	Job string `json:"job"`
	// Root is the job that was submitted, where this is a part of it.
	Root string          `json:"root,omitempty"`
	Plan pipeline.Digest `json:"plan"`
	// Step is the index of the sweep in the plan; Node is what the workflow has
	// to know of it.
	Step       int                       `json:"step"`
	Node       Node                      `json:"node"`
	Inputs     map[string]pipeline.Value `json:"inputs,omitempty"`
	Experiment string                    `json:"experiment,omitempty"`
	// Carried is set when the sweep goes on in a new workflow run.
	Carried pipeline.Digest `json:"carried,omitempty"`
}

// SweepOutcome is how a sweep ended that has a best trial.
type SweepOutcome struct {
	// Best is the best trial, with what it made.
	Best    activities.Best `json:"best"`
	Parts   pipeline.Parts  `json:"parts"`
	Warning string          `json:"warning,omitempty"`
}

// sweepOf is what the workflow has to know of a step's sweep: all but the search
// space, which may be large.
func sweepOf(step *pipeline.Step) *pipeline.Sweep {
	if step.Sweep == nil {
		return nil
	}
	known := *step.Sweep
	known.Space = nil
	return &known
}

// sampledOf are the inputs of a step that a sweep samples.
func sampledOf(step *pipeline.Step) (names []string) {
	if step.Sweep == nil {
		return nil
	}
	var add func(dims []pipeline.Dimension)
	add = func(dims []pipeline.Dimension) {
		for _, d := range dims {
			if step.Input(d.Name) != nil && !slices.Contains(names, d.Name) {
				names = append(names, d.Name)
			}
			for _, v := range d.Values {
				add(v.Nested)
			}
		}
	}
	add(step.Sweep.Space)
	return names
}

// sweep runs the trials of a node, in a workflow with a history of its own. The
// node's outputs are those of the best trial.
func (e *execution) sweep(i int) {
	node, state := e.nodes[i], &e.steps[i]
	state.Status, state.Waiting, state.Started = pipeline.Running, "", workflow.Now(e.ctx)
	state.Parts = &pipeline.Parts{What: "trials", Total: node.Sweep.Limits.MaxTrials}
	e.touch(i)
	child := workflow.WithChildOptions(e.running, workflow.ChildWorkflowOptions{
		WorkflowID:            PartsID(e.in.Job, node.Name),
		TaskQueue:             PipelinesQueue,
		WorkflowTaskTimeout:   JobTaskTimeout,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "trials of " + cut(node.Name, 150),
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
	})
	in := SweepInput{Job: e.in.Job, Root: e.rootOfPart(), Plan: e.in.Plan, Step: i, Node: node, Inputs: state.Inputs, Experiment: e.in.Experiment}
	e.later(workflow.ExecuteChildWorkflow(child, SweepType, in), func(f workflow.Future) {
		var outcome SweepOutcome
		if err := f.Get(e.ctx, &outcome); err != nil {
			e.sweepEnded(i, err)
			return
		}
		best := outcome.Best.Trial
		state := &e.steps[i]
		state.Parts, state.Warning = &outcome.Parts, outcome.Warning
		state.Key, state.Worker, state.ExitCode = best.Key, best.Worker, best.ExitCode
		state.Ended = workflow.Now(e.ctx)
		e.reported(i, outcome.Best.Reported)
		e.publish(i, outcome.Best.Outputs)
	})
}

// sweepEnded settles a node whose sweep has no best trial.
func (e *execution) sweepEnded(i int, err error) {
	var parts pipeline.Parts
	var details activities.StepFailed
	has := false
	if canceled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		has = canceled.HasDetails() && canceled.Details(&details, &parts) == nil
	} else if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		has = application.HasDetails() && application.Details(&details, &parts) == nil
	}
	started := e.steps[i].Started
	if has && parts.What != "" {
		e.steps[i].Parts = &parts
	}
	e.ended(i, err)
	state := &e.steps[i]
	state.Started = started
	if state.Ended.IsZero() {
		state.Ended = workflow.Now(e.ctx)
	}
	e.touch(i)
}

// Sweep runs the trials of a sweep: at most so many at once, each an activity
// like that of any step, until there are enough of them. What is known of trials
// that have ended goes into the store page by page, and the workflow on in a new
// run when its history has grown long.
func Sweep(ctx workflow.Context, in SweepInput) (*SweepOutcome, error) {
	s := newSweeping(ctx, in)
	if err := workflow.SetQueryHandler(ctx, TrialsQuery, s.progress); err != nil {
		return nil, err
	}
	if err := s.restore(); err != nil {
		return nil, err
	}
	s.limitTime()
	s.listen()
	for {
		if s.move() {
			continue
		}
		if s.inFlight == 0 {
			break
		}
		s.selector.Select(ctx)
	}
	if s.mustContinue && s.unfinished() {
		return nil, s.continueAsNew()
	}
	return s.finish()
}

const (
	// A run of the workflow goes on in a new one well before Temporal ends it:
	// all trials have to end first, and those that run may have much to tell.
	maxSweepEvents  = 16_000
	maxSweepBytes   = 12 << 20
	maxSweepSignals = 5_000
	// maxAtOnce bounds the trials that run at once, as window does in a job.
	maxAtOnce = 500
	// sampledAhead is how many trials are sampled with one look at the cache,
	// where they do not depend on each other.
	sampledAhead = 100
	// learningAtOnce is how many trials run at once where later ones learn from
	// them, and the file does not say.
	learningAtOnce = 4
	// trialsOnPage is how many trials are kept together in the store.
	trialsOnPage = 250
	// hopeless is how many trials must have completed without the metric for
	// the sweep to end: a name is wrong.
	hopeless = 5
	// topTrials is how many the Temporal UI shows.
	topTrials = 20
)

// reportShare bounds how often a trial tells how it stands, the less often the
// more run at once: a workflow takes 10,000 signals.
func reportShare(atOnce int) int { return min(max(1000/max(atOnce, 1), 2), 100) }

// atOnce is how many trials of a sweep run at once.
func atOnce(s *pipeline.Sweep) int {
	n := s.Limits.MaxConcurrent
	if n == 0 {
		if n = s.Limits.MaxTrials; s.Sampling.Type == "bayesian" {
			n = learningAtOnce
		}
	}
	return min(max(n, 1), max(s.Limits.MaxTrials, 1), maxAtOnce)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
