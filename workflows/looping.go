package workflows

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// LoopType is the name of the workflow Loop in Temporal, LoopQuery that of the
// query which tells how far one is; the answer is a [LoopProgress].
const (
	LoopType  = "Loop"
	LoopQuery = "loop"
)

// LoopInput is the input of the workflow Loop.
type LoopInput struct {
	// Job is the name of the loop's own job, Parent that of the job that it is a step
	// of, Root that of the job that was
	// submitted.
	Job        string `json:"job"`
	Parent     string `json:"parent,omitempty"`
	Root       string `json:"root"`
	Experiment string `json:"experiment,omitempty"`
	// Plan and Step say where the loop stands.
	Plan pipeline.Digest `json:"plan"`
	Step int             `json:"step"`
	Kind pipeline.Kind   `json:"kind"`
	Loop LoopGraph       `json:"loop"`
	// Inputs are those of the step that the plan leaves open, Given those of the
	// loop around it, if there is one.
	Inputs            map[string]pipeline.Value `json:"inputs,omitempty"`
	Given             map[string]pipeline.Value `json:"given,omitempty"`
	ContinueOnFailure bool                      `json:"continue_on_step_failure"`
	// Carried is set when the loop goes on in a new run of the workflow, because
	// the history of the last one grew long.
	Carried *LoopState `json:"carried,omitempty"`
}

// LoopState is how far a loop is.
type LoopState struct {
	// Values are those of all iterations or, of a DoWhile, of the next one.
	Values map[string]pipeline.Value `json:"values,omitempty"`
	// Next is the number of the next iteration, from 1.
	Next  int            `json:"next"`
	Parts pipeline.Parts `json:"parts"`
	// Failure is that of the first iteration that failed.
	Failure *pipeline.Failure `json:"failure,omitempty"`
}

// LoopResult is what a loop has made.
type LoopResult struct {
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Values  map[string]string            `json:"values,omitempty"`
	Parts   pipeline.Parts               `json:"parts"`
}

// LoopFailed travels as the details of a failed loop's error.
type LoopFailed struct {
	activities.StepFailed
	Parts *pipeline.Parts `json:"parts,omitempty"`
}

// LoopProgress is how far a loop is.
type LoopProgress struct {
	Parts pipeline.Parts `json:"parts"`
	// Running are the names of jobs that are iterations, the first few of those
	// that run.
	Running []string `json:"running,omitempty"`
	// Number is that of the iteration begun last, Most the largest there can be.
	Number int `json:"number"`
	Most   int `json:"most,omitempty"`
}

const (
	// iterationsAtOnce bounds how many iterations run at the same time, and
	// iterationsPerRun how many one run of the workflow begins: an iteration costs
	// some 10 events and twice its values.
	iterationsAtOnce = 200
	iterationsPerRun = 1000
	maxLoopBytes     = 20 << 20
	// itemsPage is how many items are asked for at a time.
	itemsPage = 50
)

// looping is the state of one run of the workflow Loop.
type looping struct {
	in      LoopInput
	ctx     workflow.Context
	running workflow.Context // ends when a failure stops the other iterations
	stop    workflow.CancelFunc
	state   LoopState
	names   map[int]string // of the iterations that run, by number
	begun   int            // in this run of the workflow
	stopped bool           // by a failure
}

// Loop runs the body of a do_while or a parallel_for: each iteration is a job of
// its own. It ends with what the loop has made, with the failure of an iteration,
// or canceled.
func Loop(ctx workflow.Context, in LoopInput) (*LoopResult, error) {
	l := &looping{in: in, ctx: ctx, state: LoopState{Next: 1}, names: make(map[int]string)}
	l.running, l.stop = workflow.WithCancel(ctx)
	l.state.Parts.What = "iterations"
	if in.Carried != nil {
		l.state = *in.Carried
		l.state.Parts.Running = 0
	}
	if err := workflow.SetQueryHandler(ctx, LoopQuery, l.progress); err != nil {
		return nil, err
	}
	var result *LoopResult
	var err error
	if in.Kind == pipeline.DoWhile {
		result, err = l.doWhile()
	} else {
		result, err = l.parallelFor()
	}
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, workflow.ErrCanceled
	case err != nil:
		return nil, err
	case l.state.Failure != nil:
		return nil, l.failed()
	}
	return result, nil
}

func (l *looping) progress() (LoopProgress, error) {
	p := LoopProgress{Parts: l.state.Parts, Number: l.state.Next - 1, Most: l.in.Loop.Most}
	const most = 5
	for n := 1; n < l.state.Next && len(p.Running) < most; n++ {
		if name, ok := l.names[n]; ok {
			p.Running = append(p.Running, name)
		}
	}
	return p, nil
}

// unroll asks what iterations are given.
func (l *looping) unroll(from, most int) (activities.UnrollResult, error) {
	var result activities.UnrollResult
	in := activities.UnrollInput{
		Job: l.in.Job, Parent: l.in.Parent, Plan: l.in.Plan, Step: l.in.Step, Inputs: l.in.Inputs, Given: l.in.Given, From: from, Most: most,
	}
	err := workflow.ExecuteLocalActivity(local(l.ctx, "find what the iterations are given"), do.Unroll, in).Get(l.ctx, &result)
	return result, err
}

// full reports whether this run of the workflow has begun enough.
func (l *looping) full() bool {
	return l.begun >= iterationsPerRun || workflow.GetInfo(l.ctx).GetCurrentHistorySize() > maxLoopBytes
}

func (l *looping) continueAsNew() error {
	next := l.in
	next.Carried = &l.state
	return workflow.NewContinueAsNewError(l.ctx, Loop, next)
}

// iterate begins an iteration.
func (l *looping) iterate(number int, name string, values map[string]pipeline.Value) workflow.ChildWorkflowFuture {
	job := l.in.Job + "-" + name
	l.begun++
	l.names[number] = job
	l.state.Next = number + 1
	l.state.Parts.Running++
	in := PipelineInput{
		Job: job, Plan: l.in.Loop.Content, Graph: l.in.Loop.Body, Experiment: l.in.Experiment, Values: values,
		Iteration: &Iteration{Of: l.in.Job, Number: number, Root: l.in.Root},
	}
	ctx := workflow.WithChildOptions(l.running, workflow.ChildWorkflowOptions{
		WorkflowID:          job,
		TaskQueue:           PipelinesQueue,
		WorkflowTaskTimeout: JobTaskTimeout,
		StaticSummary:       cut("iteration "+name+" of "+l.in.Job, 200),
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(attributeType).ValueSet("iteration"),
			temporal.NewSearchAttributeKeyKeyword(attributeExperiment).ValueSet(l.in.Experiment),
			temporal.NewSearchAttributeKeyKeyword(attributeStatus).ValueSet(string(pipeline.Running)),
			temporal.NewSearchAttributeKeyInt64(attributeSteps).ValueSet(int64(len(l.in.Loop.Body.Nodes))),
		),
	})
	return workflow.ExecuteChildWorkflow(ctx, PipelineType, in)
}

// ended takes the result of an iteration, and reports whether it completed.
func (l *looping) ended(number int, f workflow.Future) (Outcome, bool) {
	var outcome Outcome
	err := f.Get(l.ctx, &outcome)
	job := l.names[number]
	delete(l.names, number)
	l.state.Parts.Running--
	switch {
	case err == nil:
		l.state.Parts.Completed++
		if outcome.AllReused {
			l.state.Parts.Reused++
		}
		return outcome, true
	case temporal.IsCanceledError(err) && (l.stopped || l.ctx.Err() != nil):
		l.state.Parts.Stopped++
	default:
		l.state.Parts.Failed++
		if l.state.Failure == nil {
			l.state.Failure = iterationFailure(number, job, err)
		}
	}
	return outcome, false
}

// iterationFailure is the failure of an iteration as that of its loop.
func iterationFailure(number int, job string, err error) *pipeline.Failure {
	f := pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
	if temporal.IsCanceledError(err) {
		f = pipeline.Failure{Kind: pipeline.Cancelled, Message: "it was canceled by itself"}
	}
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		f.Message = application.Message()
		var details activities.StepFailed
		if application.HasDetails() && application.Details(&details) == nil && details.Failure.Message != "" {
			f = details.Failure
		}
	}
	if taken := nameTaken(err, job); taken != nil {
		f = *taken
	}
	f.Message = fmt.Sprintf("iteration %d (job %s) failed: %s", number, job, f.Message)
	return &f
}

// failed is the error of a loop of which an iteration failed.
func (l *looping) failed() error {
	parts := l.state.Parts
	return temporal.NewNonRetryableApplicationError(l.state.Failure.Message, string(l.state.Failure.Kind), nil,
		LoopFailed{StepFailed: activities.StepFailed{Failure: *l.state.Failure}, Parts: &parts})
}

// doWhile runs the body while its condition holds, one iteration after the other.
func (l *looping) doWhile() (*LoopResult, error) {
	if l.state.Values == nil {
		first, err := l.unroll(0, 0)
		if err != nil {
			return nil, err
		}
		l.state.Values = first.Values
	}
	for {
		if l.full() {
			return nil, l.continueAsNew()
		}
		number := l.state.Next
		outcome, ok := l.ended(number, l.iterate(number, strconv.Itoa(number), l.state.Values))
		if !ok {
			return nil, l.ctx.Err()
		}
		on := l.in.Loop.Condition == ""
		if text, known := outcome.Values[l.in.Loop.Condition]; known {
			on = text == truth
		} else if !on {
			l.state.Failure = &pipeline.Failure{Kind: pipeline.UserFailure, Message: fmt.Sprintf(
				"iteration %d did not say whether to go on: the step that makes output %q was skipped", number, l.in.Loop.Condition)}
			return nil, nil
		}
		if !on || number >= l.in.Loop.Most {
			return &LoopResult{Outputs: outcome.Outputs, Values: outcome.Values, Parts: l.state.Parts}, nil
		}
		next := maps.Clone(l.state.Values)
		for _, pair := range l.in.Loop.Mapping {
			if text, ok := outcome.Values[pair.Output]; ok && pair.Literal {
				next[pair.Input] = pipeline.Text(text)
			} else if content, ok := outcome.Outputs[pair.Output]; ok {
				next[pair.Input] = pipeline.Content(content)
			}
		}
		l.state.Values = next
	}
}

// parallelFor runs the body once for each item.
func (l *looping) parallelFor() (*LoopResult, error) {
	atOnce := iterationsAtOnce
	if l.in.Loop.AtOnce > 0 {
		atOnce = min(atOnce, l.in.Loop.AtOnce)
	}
	var page []activities.UnrolledItem
	total := -1
	selector := workflow.NewSelector(l.ctx)
	inFlight := 0
	for {
		more := total < 0 || l.state.Next <= total
		for more && inFlight < atOnce && !l.stopped && l.ctx.Err() == nil && !l.full() {
			if len(page) == 0 {
				answer, err := l.unroll(l.state.Next-1, itemsPage)
				if err != nil {
					return nil, l.drain(selector, &inFlight, err)
				}
				page, total, l.state.Values = answer.Items, answer.Total, answer.Values
				l.state.Parts.Total = total
				if more = l.state.Next <= total; !more {
					break
				}
			}
			item := page[0]
			page = page[1:]
			values := maps.Clone(l.state.Values)
			if values == nil {
				values = make(map[string]pipeline.Value, len(item.Values))
			}
			for _, name := range workflow.DeterministicKeys(item.Values) {
				values[name] = item.Values[name]
			}
			number := l.state.Next
			inFlight++
			selector.AddFuture(l.iterate(number, item.Name, values), func(f workflow.Future) {
				inFlight--
				if _, ok := l.ended(number, f); !ok && !l.in.ContinueOnFailure && !l.stopped {
					l.stopped = true
					l.stop()
				}
			})
			more = l.state.Next <= total
		}
		if inFlight > 0 {
			selector.Select(l.ctx)
			continue
		}
		switch {
		case l.ctx.Err() != nil:
			return nil, l.ctx.Err()
		case l.state.Failure != nil && (l.stopped || !more):
			return nil, nil // see Loop
		case l.stopped || !more:
			return l.aggregate()
		}
		l.state.Values = nil // asked for again
		return nil, l.continueAsNew()
	}
}

// drain waits for the iterations that run, before the loop ends with an error.
func (l *looping) drain(selector workflow.Selector, inFlight *int, err error) error {
	l.stopped = true
	l.stop()
	for *inFlight > 0 {
		selector.Select(l.ctx)
	}
	return err
}

// aggregate joins what the iterations have made.
func (l *looping) aggregate() (*LoopResult, error) {
	result := &LoopResult{Parts: l.state.Parts}
	ctx := workflow.WithActivityOptions(l.ctx, activityOptions("aggregate", PipelinesQueue, "join the outputs of the iterations", patience))
	in := activities.AggregateInput{UnrollInput: activities.UnrollInput{
		Job: l.in.Job, Parent: l.in.Parent, Plan: l.in.Plan, Step: l.in.Step, Inputs: l.in.Inputs, Given: l.in.Given,
	}}
	var made activities.AggregateResult
	if err := workflow.ExecuteActivity(ctx, do.Aggregate, in).Get(ctx, &made); err != nil {
		return nil, err
	}
	result.Outputs, result.Values = made.Outputs, made.Values
	return result, nil
}
