package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/batch"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// Chunk is some of the mini-batches of a step, which one start of its program
// works on.
type Chunk struct {
	// List is the blob with all mini-batches. Where it is missing, the chunk
	// cuts a table.
	List pipeline.Digest `json:"list,omitempty"`
	// From and To are places among those that are to be run.
	From int `json:"from"`
	To   int `json:"to"`
	// Least is how many of them are run at least, whatever time they take.
	Least int `json:"least,omitempty"`
	// Most is how many may still fail.
	Most Limits `json:"most,omitzero"`
}

// Limits are how many mini-batches and items may still fail; -1 is any number.
type Limits = batch.Limits

// Summary is how a chunk went.
type Summary = batch.Summary

// FailedBatch is a mini-batch that failed.
type FailedBatch = batch.Failed

// SplitInput has the input of a step cut into mini-batches.
type SplitInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	Ready
	Key      string `json:"key"`
	Reusable bool   `json:"reusable"`
	// Pieces are what a chunk has cut a table into; zero at first.
	Pieces pipeline.Artifact `json:"pieces,omitzero"`
}

// SplitResult is the list of mini-batches.
type SplitResult struct {
	// Busy names the step of another job that does the same right now.
	Busy *pipeline.Origin `json:"busy,omitempty"`
	// Table is set where a chunk has to cut the input first.
	Table bool            `json:"table,omitempty"`
	List  pipeline.Digest `json:"list,omitempty"`
	// Batches is how many there are, Todo of how many no result is known.
	Batches int `json:"batches"`
	Todo    int `json:"todo"`
	// Policy is what the workflow has to know of the step.
	Policy pipeline.Parallel `json:"policy"`
}

// JoinInput has what all chunks have made put together.
type JoinInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	Ready
	Key  string          `json:"key"`
	List pipeline.Digest `json:"list"`
	// Ran are the chunks that have been run, in order.
	Ran     []RanChunk `json:"ran"`
	Started time.Time  `json:"start_time"`
	// Failed is how many mini-batches failed. Failure is why the step has, if it
	// has; then only what is to be remembered is kept.
	Failed  int               `json:"failed,omitempty"`
	Failure *pipeline.Failure `json:"error,omitempty"`
}

// RanChunk is what a chunk has left in the store.
type RanChunk struct {
	Results   pipeline.Digest `json:"results"`
	Artifacts pipeline.Digest `json:"artifacts,omitempty"`
}

// Split cuts the input of a step, and claims the step for this job.
func (a *Activities) Split(ctx context.Context, in SplitInput) (SplitResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return SplitResult{}, err
	}
	defer beat(ctx)()
	s := &plan.Steps[in.Step]
	result := SplitResult{Policy: *s.Parallel}
	result.Policy.Arguments = nil
	if in.Reusable {
		_, holder, err := a.Cache.Claim(ctx, cache.Key(in.Key), a.batchOwner(ctx, in.Job, s.Name), a.alive)
		if err != nil {
			return result, a.failed(err, StepFailed{})
		}
		if holder != nil {
			result.Busy = &pipeline.Origin{Job: holder.Job, Step: holder.Step}
			return result, nil
		}
	}
	list, err := a.split(ctx, s, in)
	if err != nil {
		return result, a.failed(err, StepFailed{})
	}
	if list == nil {
		result.Table = true
		return result, nil
	}
	result.Batches, result.Todo = len(list.Batches), len(list.Unknown())
	if result.List, err = list.Put(ctx, a.Store); err != nil {
		return result, a.failed(err, StepFailed{})
	}
	return result, nil
}

// split makes the list; nil where a chunk has to cut a table first.
func (a *Activities) split(ctx context.Context, s *pipeline.Step, in SplitInput) (*batch.List, error) {
	known := &batch.Memory{}
	var err error
	if in.Reusable {
		if known, err = batch.Recall(ctx, a.Store, a.memoryKey(ctx, s, in.Inputs)); err != nil {
			return nil, err
		}
	}
	if !in.Pieces.IsZero() {
		return batch.SplitTable(ctx, a.Store, in.Pieces, known)
	}
	source, err := a.source(ctx, s, in.Inputs)
	if err != nil || source.Tabular() {
		return nil, err
	}
	return source.Split(s.Parallel, known)
}

// source is the input that is cut.
func (a *Activities) source(ctx context.Context, s *pipeline.Step, open map[string]pipeline.Value) (*batch.Source, error) {
	name := s.Parallel.Input
	port, value := s.Input(name), values(s, open)[name]
	if port == nil || value.Artifact == nil {
		return nil, &pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf("the input %q, which is to be cut into mini-batches, has no data", name)}
	}
	return batch.Open(ctx, a.Store, *value.Artifact, port.Type)
}

// memoryKey is the key of all that decides what a mini-batch makes, but for the
// mini-batch.
func (a *Activities) memoryKey(ctx context.Context, s *pipeline.Step, open map[string]pipeline.Value) string {
	each, policy := *s, *s.Parallel
	policy.MaxFailedBatches, policy.MaxFailedItems, policy.MaxFailedPercent = -1, -1, 100
	each.Parallel = &policy
	inputs := values(s, open)
	inputs[policy.Input] = pipeline.Text("mini-batches")
	return string(cache.KeyOf(a.tried(ctx, &each, inputs)))
}

// batchOwner is the workflow that runs the mini-batches of a step, whichever of
// its activities is at it.
func (a *Activities) batchOwner(ctx context.Context, job, name string) cache.Owner {
	return cache.Owner{Workflow: activity.GetInfo(ctx).WorkflowExecution.ID, Job: job, Step: name, Since: time.Now()}
}

// chunk fills in what the program of a chunk is given, and the chunk's key.
func (a *Activities) chunk(ctx context.Context, plan *indexed, in StepInput) (StepInput, error) {
	s := &plan.Steps[in.Step]
	var c batch.Chunk
	if in.Chunk.List == "" {
		source, err := a.source(ctx, s, in.Inputs)
		if err != nil {
			return in, err
		}
		if c, err = source.Pieces(ctx, a.Store, s); err != nil {
			return in, err
		}
	} else {
		l, err := a.lists.get(ctx, a.Store, in.Chunk.List)
		if err != nil {
			return in, err
		}
		if in.Chunk.From < 0 || in.Chunk.To > len(l.todo) || in.Chunk.From > in.Chunk.To {
			return in, invalid("there are no mini-batches %d to %d", in.Chunk.From, in.Chunk.To)
		}
		if c, err = l.Chunk(ctx, a.Store, l.tree, s, l.todo[in.Chunk.From:in.Chunk.To], in.Chunk.Least, in.Chunk.Most); err != nil {
			return in, err
		}
	}
	given := make(map[string]pipeline.Value, len(in.Inputs)+2)
	maps.Copy(given, in.Inputs)
	given[s.Parallel.Input], given[batch.RunnerInput] = pipeline.Content(c.Data), pipeline.Content(c.Runner)
	in.Inputs = given
	in.Key = string(cache.KeyOf([]cache.Ingredient{{Label: "step", Text: in.Key}, {Label: "mini-batches", Text: c.ID}}))
	return in, nil
}

// recordChunk keeps that a chunk has been run, for the case that this cannot be
// reported.
func (a *Activities) recordChunk(ctx context.Context, in StepInput, result step.Result, number Attempt) (StepResult, error) {
	duration := number.Ended.Round(0).Sub(number.Started.Round(0))
	err := step.Insist(ctx, duration, func() error {
		return a.Cache.Record(ctx, cache.Entry{
			Key: cache.Key(in.Key), Outputs: result.Outputs, Job: in.Job, Step: in.Name, Worker: a.Identity,
			Attempt: number.Number, ExitCode: *number.ExitCode, Created: number.Ended, Duration: duration,
		})
	}, func(error) {})
	if err != nil {
		return StepResult{}, a.failed(err, StepFailed{Attempt: number})
	}
	return a.summarised(ctx, in, StepResult{Outputs: result.Outputs, Attempt: number})
}

// summarised adds to the result of a chunk how it went.
func (a *Activities) summarised(ctx context.Context, in StepInput, result StepResult) (StepResult, error) {
	if in.Chunk == nil || in.Chunk.List == "" {
		return result, nil
	}
	s, err := batch.Summarise(ctx, a.Store, result.Outputs[batch.ResultsOutput])
	if err != nil {
		return StepResult{}, a.failed(err, StepFailed{Attempt: result.Attempt})
	}
	result.Summary = &s
	return result, nil
}

// ResultsOutput is the output of a chunk's program.
const ResultsOutput = batch.ResultsOutput

// Join puts together what all mini-batches have made, remembers it for later
// jobs, and gives the claim of the step back.
func (a *Activities) Join(ctx context.Context, in JoinInput) (StepResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return StepResult{}, err
	}
	defer beat(ctx)()
	s := &plan.Steps[in.Step]
	defer a.giveUpClaim(ctx, in.Key)
	number := Attempt{Number: 1, Started: in.Started, Ended: time.Now()}
	joined, err := a.join(ctx, s, in)
	if errors.Is(err, artifact.ErrGone) {
		// Nothing brings it back while this step waits; another job makes it anew.
		number.Number = int(activity.GetInfo(ctx).Attempt)
		err = fmt.Errorf("%w: submit the job again, which makes again what is gone", err)
		return StepResult{}, a.attemptFailed(ctx, err, transferGivesUpAt, StepFailed{Attempt: number})
	}
	if err != nil {
		return StepResult{}, a.failed(err, StepFailed{Attempt: number})
	}
	result := step.Result{Outputs: joined.Outputs, Started: number.Started, Ended: number.Ended}
	input := StepInput{Job: in.Job, Plan: in.Plan, Ready: in.Ready, Name: s.Name, Key: in.Key}
	if in.Failure != nil {
		state := stateOf(s, input, result, number)
		state.Status, state.Failure = pipeline.Failed, in.Failure
		a.note(ctx, input, state)
		return StepResult{Outputs: joined.Outputs, Attempt: number}, nil
	}
	number.ExitCode = &result.ExitCode
	if in.Failed > 0 {
		// What failed is tried again by the next job; so the whole is not reused.
		a.note(ctx, input, stateOf(s, input, result, number))
		return StepResult{Outputs: joined.Outputs, Attempt: number, Notes: joined.Notes}, nil
	}
	made, err := a.record(ctx, s, input, result, number)
	made.Notes = joined.Notes
	return made, err
}

func (a *Activities) join(ctx context.Context, s *pipeline.Step, in JoinInput) (*batch.Joined, error) {
	l, err := a.lists.get(ctx, a.Store, in.List)
	if err != nil {
		return nil, err
	}
	ran := make([]batch.Ran, len(in.Ran))
	for i, r := range in.Ran {
		ran[i] = batch.Ran{Results: pipeline.Artifact{Digest: r.Results, Tree: true}, Artifacts: pipeline.Artifact{Digest: r.Artifacts, Tree: true}}
	}
	joined, err := batch.Join(ctx, a.Store, l.List, s, ran, in.Failure != nil)
	if err != nil {
		return nil, err
	}
	if s.Deterministic && joined.Segment != nil && len(joined.Segment.Batches) > 0 {
		err = batch.Remember(ctx, a.Store, a.memoryKey(ctx, s, in.Inputs), joined.Segment, joined.Covered)
	}
	return joined, err
}

// giveUpClaim lets others have the step, if it is this workflow's.
func (a *Activities) giveUpClaim(ctx context.Context, key string) {
	ctx = context.WithoutCancel(ctx)
	holder, err := a.Cache.Holder(ctx, cache.Key(key))
	if err != nil || holder == nil || holder.Workflow != activity.GetInfo(ctx).WorkflowExecution.ID {
		return
	}
	// Claiming it again gives the right to release it.
	claim, _, err := a.Cache.Claim(ctx, cache.Key(key), *holder, a.alive)
	if err == nil && claim != nil {
		_ = claim.Release(ctx)
	}
}

// lists remembers the lists of mini-batches read last: every chunk asks for its
// own.
type lists struct {
	mu    sync.Mutex
	known []*openList
}

// openList is a list with what is needed to find one's way in it.
type openList struct {
	*batch.List
	digest pipeline.Digest
	tree   artifact.Tree
	todo   []int
}

const rememberedLists = 4

func (c *lists) get(ctx context.Context, store *artifact.Store, d pipeline.Digest) (*openList, error) {
	c.mu.Lock()
	defer c.mu.Unlock() // those who want the same one wait for it
	for _, l := range c.known {
		if l.digest == d {
			return l, nil
		}
	}
	list, err := batch.Get(ctx, store, d)
	if err != nil {
		return nil, err
	}
	tree, err := store.Manifest(ctx, list.Tree)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read what the mini-batches are made of"), err)
	}
	l := &openList{List: list, digest: d, tree: tree, todo: list.Unknown()}
	c.known = append(c.known, l)
	if len(c.known) > rememberedLists {
		c.known = c.known[1:]
	}
	return l, nil
}
