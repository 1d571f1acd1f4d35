package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// BatchesInput is the input of the workflow Batches.
type BatchesInput struct {
	Job string `json:"job"`
	// Root is the job that was submitted, where this is a part of it.
	Root string          `json:"root,omitempty"`
	Plan pipeline.Digest `json:"plan"`
	// Step is the index of the step in the plan; Node is what the workflow has
	// to know of it.
	Step       int                       `json:"step"`
	Node       Node                      `json:"node"`
	Key        string                    `json:"key"`
	Inputs     map[string]pipeline.Value `json:"inputs,omitempty"`
	Experiment string                    `json:"experiment,omitempty"`
	// Carried is set when the work goes on in a new workflow run.
	Carried *BatchesState `json:"carried,omitempty"`
}

// BatchesOutcome is how a step ended whose mini-batches have been run.
type BatchesOutcome struct {
	Result  activities.StepResult `json:"result"`
	Parts   pipeline.Parts        `json:"parts"`
	Warning string                `json:"warning,omitempty"`
}

// BatchesState is how far the work has come.
type BatchesState struct {
	Started time.Time              `json:"start_time"`
	Cut     activities.SplitResult `json:"cut"`
	// Waiting are the mini-batches that no chunk has, Chunks how many chunks there
	// were.
	Waiting []span                `json:"waiting,omitempty"`
	Chunks  int                   `json:"chunks"`
	Ran     []activities.RanChunk `json:"ran,omitempty"`
	// Done counts the mini-batches that have ended, FailedItems what is missing
	// in what they returned.
	Done        int                      `json:"done"`
	Failed      int                      `json:"failed,omitempty"`
	FailedItems int                      `json:"failed_items,omitempty"`
	Errors      []activities.FailedBatch `json:"errors,omitempty"`
}

// span is a stretch of the mini-batches that are to be run.
type span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

const (
	// chunksARun is how many chunks a run of the workflow has at most; then it
	// goes on in a new one. A chunk costs about ten events.
	chunksARun = 250
	// maxErrors bounds the mini-batches that are remembered to say what failed.
	maxErrors = 3
)

// Batches runs the mini-batches of a step: it has its input cut, runs chunks of
// mini-batches, as many at once as the step has instances, and has their results
// put together. What a mini-batch made is in the store; here they are only
// counted.
func Batches(ctx workflow.Context, in BatchesInput) (*BatchesOutcome, error) {
	b := &batching{in: in, ctx: ctx, selector: workflow.NewSelector(ctx)}
	b.running, b.stop = workflow.WithCancel(ctx)
	if in.Carried != nil {
		b.BatchesState = *in.Carried
	} else {
		b.Started = workflow.Now(ctx)
		if err := b.cut(); err != nil {
			return nil, b.ended(err)
		}
		if b.Cut.Todo > 0 {
			b.Waiting = []span{{To: b.Cut.Todo}}
		}
	}
	if b.Cut.Busy != nil {
		return &BatchesOutcome{Result: activities.StepResult{Busy: b.Cut.Busy}}, nil
	}
	b.report(true)
	b.run()
	switch {
	case ctx.Err() != nil:
		return nil, b.ended(ctx.Err())
	case b.failure != nil || b.err != nil:
		return nil, b.ended(b.err)
	case len(b.Waiting) > 0:
		next := in
		next.Carried = &b.BatchesState
		return nil, workflow.NewContinueAsNewError(ctx, BatchesType, next)
	}
	return b.finish()
}

// batching is the state of one run of the workflow.
type batching struct {
	BatchesState
	in  BatchesInput
	ctx workflow.Context
	// running ends when nothing more is to be run.
	running  workflow.Context
	stop     workflow.CancelFunc
	selector workflow.Selector
	inFlight int // chunks
	flying   int // mini-batches in them
	begun    int // chunks of this run
	failure  *pipeline.Failure
	err      error
	reported time.Time
}

// cut has the input cut into mini-batches. A table is cut by a program.
func (b *batching) cut() error {
	in := activities.SplitInput{
		Job: b.in.Job, Plan: b.in.Plan, Ready: activities.Ready{Step: b.in.Step, Inputs: b.in.Inputs},
		Key: b.in.Key, Reusable: b.in.Node.Reusable,
	}
	name := b.in.Node.Name
	ask := func(id string) error {
		ctx := b.activity(id, PipelinesQueue, "cut the input of "+name+" into mini-batches")
		return workflow.ExecuteActivity(ctx, do.Split, in).Get(ctx, &b.Cut)
	}
	if err := ask("split"); err != nil || !b.Cut.Table {
		return err
	}
	var pieces activities.StepResult
	ctx := b.program(name+".table", name+": read the table, and cut it into mini-batches")
	if err := workflow.ExecuteActivity(ctx, do.Step, b.chunk(name+".table", activities.Chunk{})).Get(ctx, &pieces); err != nil {
		return err
	}
	b.ran(pieces)
	b.Ran = nil // it holds no results
	in.Pieces = pieces.Outputs[activities.ResultsOutput]
	return ask("split-table")
}

// run runs chunks until all mini-batches have been run, or too many have failed,
// or the history has grown long.
func (b *batching) run() {
	for {
		for b.running.Err() == nil && len(b.Waiting) > 0 && b.inFlight < max(1, b.in.Node.Slots) && b.begun < chunksARun {
			b.begin()
		}
		if b.inFlight == 0 {
			return
		}
		b.selector.Select(b.ctx)
	}
}

// begin has a worker run the next chunk.
func (b *batching) begin() {
	least, size := chunkSize(b.waiting(), b.Cut.Todo, max(1, b.in.Node.Slots))
	first := &b.Waiting[0]
	size = min(size, first.To-first.From)
	c := activities.Chunk{List: b.Cut.List, From: first.From, To: first.From + size, Least: least, Most: b.left()}
	if first.From += size; first.From == first.To {
		b.Waiting = b.Waiting[1:]
	}
	b.Chunks++
	b.begun++
	b.inFlight++
	b.flying += size
	name := fmt.Sprintf("%s.%d", b.in.Node.Name, b.Chunks)
	ctx := b.program(name, fmt.Sprintf("mini-batches %d to %d of %d", c.From+1, c.To, b.Cut.Todo))
	b.selector.AddFuture(workflow.ExecuteActivity(ctx, do.Step, b.chunk(name, c)), func(f workflow.Future) {
		b.inFlight--
		b.flying -= size
		var result activities.StepResult
		err := f.Get(b.ctx, &result)
		switch {
		case err == nil && result.Summary == nil:
			err = errors.New("a chunk of mini-batches has ended without a summary")
			fallthrough
		case err != nil:
			if b.err == nil && b.failure == nil {
				b.err = err
			}
			b.stop()
			return
		}
		b.ran(result)
		if left := min(result.Summary.Left, size); left > 0 {
			b.Waiting = append(b.Waiting, span{c.To - left, c.To})
		}
		b.judge()
		b.report(b.inFlight == 0 && len(b.Waiting) == 0)
	})
}

func (b *batching) chunk(name string, c activities.Chunk) activities.StepInput {
	return activities.StepInput{
		Job: b.in.Job, Root: b.in.Root, Plan: b.in.Plan, Ready: activities.Ready{Step: b.in.Step, Inputs: b.in.Inputs}, Name: name, Key: b.in.Key, Chunk: &c,
	}
}

// ran takes in how a chunk went.
func (b *batching) ran(result activities.StepResult) {
	b.Ran = append(b.Ran, activities.RanChunk{
		Results: result.Outputs[activities.ResultsOutput].Digest, Artifacts: result.Outputs[pipeline.Artifacts].Digest,
	})
	s := result.Summary
	if s == nil {
		return
	}
	b.Done += s.Batches
	b.Failed += s.Failed
	b.FailedItems += s.FailedItems
	for _, e := range s.Errors {
		if len(b.Errors) < maxErrors {
			b.Errors = append(b.Errors, e)
		}
	}
}

// finish has the results put together.
func (b *batching) finish() (*BatchesOutcome, error) {
	b.note(b.parts(), "puts the results together")
	ctx := b.activity("join", PipelinesQueue, "put together what the mini-batches of "+b.in.Node.Name+" made")
	outcome := &BatchesOutcome{}
	if err := workflow.ExecuteActivity(ctx, do.Join, b.join()).Get(ctx, &outcome.Result); err != nil {
		return nil, b.ended(err)
	}
	outcome.Parts = b.parts()
	warnings := outcome.Result.Notes
	if b.Failed > 0 {
		text := fmt.Sprintf("%s of %s mini-batches failed, as their thresholds allow", counted(b.Failed), counted(b.Cut.Batches))
		if len(b.Errors) > 0 {
			text += ": " + lastLine(b.Errors[0].Error)
		}
		warnings = append([]string{text}, warnings...)
	}
	outcome.Warning = cut(strings.Join(warnings, "; "), 1000)
	workflow.SetCurrentDetails(b.ctx, summed(outcome.Parts))
	return outcome, nil
}

func (b *batching) join() activities.JoinInput {
	return activities.JoinInput{
		Job: b.in.Job, Plan: b.in.Plan, Ready: activities.Ready{Step: b.in.Step, Inputs: b.in.Inputs}, Key: b.in.Key,
		List: b.Cut.List, Ran: b.Ran, Started: b.Started, Failed: b.Failed,
	}
}

// ended is the end of a step that did not succeed: because of too many
// mini-batches, of the error, or of a cancel. What has been made is remembered
// all the same.
func (b *batching) ended(err error) error {
	details, known := detailsOf(err)
	canceled := b.ctx.Err() != nil || temporal.IsCanceledError(err) && b.failure == nil
	switch {
	case canceled:
		details.Failure = pipeline.Failure{Kind: pipeline.Cancelled, Message: "cancelled"}
	case b.failure != nil:
		details = activities.StepFailed{Failure: *b.failure}
	case !known:
		details.Failure = pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
		if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
			details.Failure.Message = application.Message()
		}
	}
	if details.Started.IsZero() || len(b.Ran) > 0 {
		details.Started = b.Started
	}
	details.Ended = workflow.Now(b.ctx)
	if outputs := b.remember(details.Failure); outputs != nil {
		if log := details.Outputs[pipeline.Artifacts]; !known || log.IsZero() {
			details.Outputs = outputs
		}
	}
	if canceled {
		return temporal.NewCanceledError(details, b.parts())
	}
	return temporal.NewNonRetryableApplicationError(details.Failure.Message, string(details.Failure.Kind), nil, details, b.parts())
}

// remember keeps what the mini-batches made of a step that did not succeed. It
// may not take long: somebody waits for the end.
func (b *batching) remember(failure pipeline.Failure) map[string]pipeline.Artifact {
	if len(b.Ran) == 0 {
		return nil
	}
	ctx, cancel := workflow.NewDisconnectedContext(b.ctx)
	defer cancel()
	b.running = ctx
	in := b.join()
	in.Failure = &failure
	var result activities.StepResult
	options := workflow.GetActivityOptions(b.activity("remember", PipelinesQueue, "keep what the mini-batches made"))
	options.ScheduleToCloseTimeout = time.Minute
	if failure.Kind == pipeline.Cancelled {
		options.ScheduleToCloseTimeout = 5 * time.Second
	}
	ctx = workflow.WithActivityOptions(ctx, options)
	if err := workflow.ExecuteActivity(ctx, do.Join, in).Get(ctx, &result); err != nil {
		workflow.GetLogger(ctx).Warn("could not keep what the mini-batches made", "step", b.in.Node.Name, "error", err)
		return nil
	}
	return result.Outputs
}

func (b *batching) activity(id, queue, summary string) workflow.Context {
	policy := patience
	return workflow.WithActivityOptions(b.running, workflow.ActivityOptions{
		ActivityID:          id,
		TaskQueue:           queue,
		StartToCloseTimeout: forever,
		HeartbeatTimeout:    30 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &policy,
		Summary:             cut(summary, 300),
	})
}

// program is the context of an activity that runs the step's program.
func (b *batching) program(id, summary string) workflow.Context {
	node := b.in.Node
	return workflow.WithPriority(b.activity(id, TaskQueue(node.Queue, node.GPUs), summary),
		temporal.Priority{PriorityKey: node.Priority, FairnessKey: cut(b.in.Experiment, maxFairnessKey)})
}
