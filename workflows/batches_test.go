package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// batchWork stands in for the activities of a step that works on mini-batches.
type batchWork struct {
	cut activities.SplitResult
	// most is how many a chunk works on before it leaves the rest; failing are
	// the mini-batches that fail.
	most    int
	failing []int
	hang    bool

	mu     sync.Mutex
	ran    map[int]int // how often each was run
	chunks int
	joined []activities.JoinInput
}

func (w *batchWork) split(_ context.Context, in activities.SplitInput) (activities.SplitResult, error) {
	if w.cut.Table && !in.Pieces.IsZero() {
		cut := w.cut
		cut.Table = false
		return cut, nil
	}
	return w.cut, nil
}

func (w *batchWork) step(ctx context.Context, in activities.StepInput) (activities.StepResult, error) {
	if w.hang {
		<-ctx.Done()
		return activities.StepResult{}, temporal.NewCanceledError()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chunks++
	result := activities.StepResult{Outputs: map[string]pipeline.Artifact{
		activities.ResultsOutput: {Digest: pipeline.Digest("results of " + in.Name), Tree: true}, pipeline.Artifacts: {Digest: "log"},
	}}
	if in.Chunk.List == "" {
		return result, nil
	}
	s := activities.Summary{Processes: 2}
	for i := in.Chunk.From; i < in.Chunk.To; i++ {
		if s.Batches >= max(w.most, in.Chunk.Least) && w.most > 0 {
			s.Left++
			continue
		}
		w.ran[i]++
		s.Batches++
		s.Items++
		if slices.Contains(w.failing, i) {
			s.Failed++
			s.FailedItems++
			s.Errors = append(s.Errors, activities.FailedBatch{Number: i, Files: []string{"file"}, Error: "Traceback\nValueError: bad"})
		}
	}
	result.Summary = &s
	return result, nil
}

func (w *batchWork) join(_ context.Context, in activities.JoinInput) (activities.StepResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.joined = append(w.joined, in)
	return activities.StepResult{Outputs: map[string]pipeline.Artifact{"rows": {Digest: "rows"}}}, nil
}

// run runs the workflow, through all its runs.
func (w *batchWork) run(t *testing.T, in BatchesInput, ahead func(*testsuite.TestWorkflowEnvironment)) (*BatchesOutcome, error) {
	t.Helper()
	w.ran = map[int]int{}
	if in.Node.Name == "" {
		in.Node = Node{Name: "score", Queue: CPUQueue, Slots: 2, Reusable: true}
	}
	for range 100 {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(5 * time.Minute)
		env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // of a machine that is busy
		env.RegisterWorkflowWithOptions(Batches, workflow.RegisterOptions{Name: BatchesType})
		for name, f := range map[string]any{"Split": w.split, "Step": w.step, "Join": w.join} {
			env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
		}
		if ahead != nil {
			ahead(env)
		}
		env.ExecuteWorkflow(Batches, in)
		err := env.GetWorkflowError()
		if next, ok := errors.AsType[*workflow.ContinueAsNewError](err); ok {
			if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		outcome := new(BatchesOutcome)
		if err := env.GetWorkflowResult(outcome); err != nil {
			t.Fatal(err)
		}
		return outcome, nil
	}
	t.Fatal("it does not come to an end")
	return nil, nil
}

func policyOf(failed int) pipeline.Parallel {
	return pipeline.Parallel{MaxFailedBatches: failed, MaxFailedItems: -1, MaxFailedPercent: 100}
}

func cutInto(batches, todo int) activities.SplitResult {
	return activities.SplitResult{List: "list", Batches: batches, Todo: todo, Policy: policyOf(-1)}
}

// Every mini-batch is run once, whatever chunks leave to others.
func TestEveryMiniBatchIsRunOnce(t *testing.T) {
	for _, c := range []struct{ batches, todo, most, slots int }{
		{10, 10, 0, 1}, {1000, 1000, 7, 2}, {1000, 990, 33, 3}, {1, 1, 1, 4}, {20_000, 20_000, 10, 5},
	} {
		t.Run(fmt.Sprintf("%d in chunks of %d on %d slots", c.todo, c.most, c.slots), func(t *testing.T) {
			w := &batchWork{cut: cutInto(c.batches, c.todo), most: c.most}
			outcome, err := w.run(t, BatchesInput{Node: Node{Name: "score", Queue: CPUQueue, Slots: c.slots}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.todo {
				if w.ran[i] != 1 {
					t.Fatalf("mini-batch %d was run %d times", i, w.ran[i])
				}
			}
			want := pipeline.Parts{What: "mini-batches", Total: c.batches, Completed: c.batches, Reused: c.batches - c.todo}
			if diff := cmp.Diff(want, outcome.Parts); diff != "" {
				t.Error(diff)
			}
			if len(w.joined) != 1 || len(w.joined[0].Ran) != w.chunks {
				t.Errorf("%d chunks were joined as %+v", w.chunks, w.joined)
			}
			if w.chunks > 2*mostChunks {
				t.Errorf("there were %d chunks", w.chunks)
			}
		})
	}
}

func TestNothingToRunIsJoined(t *testing.T) {
	w := &batchWork{cut: cutInto(5, 0)}
	outcome, err := w.run(t, BatchesInput{}, nil)
	if err != nil || w.chunks != 0 || outcome.Parts.Reused != 5 || outcome.Result.Outputs["rows"].Digest != "rows" {
		t.Errorf("got %+v, %v after %d chunks", outcome, err, w.chunks)
	}
}

func TestATableIsCutByAProgram(t *testing.T) {
	w := &batchWork{cut: cutInto(5, 5)}
	w.cut.Table = true
	outcome, err := w.run(t, BatchesInput{}, nil)
	if err != nil || len(w.ran) != 5 || len(w.joined[0].Ran) != w.chunks-1 {
		t.Errorf("got %+v, %v; ran %v", outcome, err, w.ran)
	}
}

func TestAnotherJobAtItIsTold(t *testing.T) {
	w := &batchWork{cut: activities.SplitResult{Busy: &pipeline.Origin{Job: "other", Step: "score"}}}
	outcome, err := w.run(t, BatchesInput{}, nil)
	if err != nil || outcome.Result.Busy == nil || outcome.Result.Busy.Job != "other" {
		t.Errorf("got %+v, %v", outcome, err)
	}
}

// The thresholds say when a step has failed; what was made is remembered.
func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy pipeline.Parallel
		want   string // "" completes
	}{
		{"any number", policyOf(-1), ""},
		{"as many as fail", policyOf(3), ""},
		{"fewer", policyOf(2), "3 of 50 mini-batches failed, and mini_batch_error_threshold allows 2"},
		{"fewer items", pipeline.Parallel{MaxFailedBatches: -1, MaxFailedItems: 0, MaxFailedPercent: 100}, "items are missing in what run() returned, and error_threshold allows 0"},
		{"fewer of a hundred", pipeline.Parallel{MaxFailedBatches: -1, MaxFailedItems: -1, MaxFailedPercent: 5}, "--allowed_failed_percent allows 5"},
		{"enough of a hundred", pipeline.Parallel{MaxFailedBatches: -1, MaxFailedItems: -1, MaxFailedPercent: 6}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &batchWork{cut: cutInto(50, 50), failing: []int{1, 2, 3}}
			w.cut.Policy = c.policy
			outcome, err := w.run(t, BatchesInput{}, nil)
			if c.want == "" {
				if err != nil || outcome.Parts.Failed != 3 || !strings.Contains(outcome.Warning, "3 of 50 mini-batches failed") || !strings.Contains(outcome.Warning, "ValueError: bad") {
					t.Errorf("got %+v, %v", outcome, err)
				}
				return
			}
			details, ok := detailsOf(err)
			if !ok || details.Failure.Kind != pipeline.UserFailure || !strings.Contains(details.Failure.Message, c.want) || !slices.Contains(details.Failure.LogTail, "ValueError: bad") {
				t.Errorf("got %v, %+v; want %q", err, details.Failure, c.want)
			}
			if len(w.joined) != 1 || w.joined[0].Failure == nil {
				t.Errorf("remembered was %+v", w.joined)
			}
			if parts := partsOf(err); parts == nil || parts.Failed != 3 {
				t.Errorf("the parts are %+v", parts)
			}
		})
	}
}

func TestMiniBatchesAreCanceled(t *testing.T) {
	w := &batchWork{cut: cutInto(50, 50), hang: true}
	_, err := w.run(t, BatchesInput{}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Second)
	})
	if !temporal.IsCanceledError(err) {
		t.Errorf("got %v", err)
	}
}

func TestChunkSizes(t *testing.T) {
	for _, c := range []struct{ waiting, total, slots, least, size int }{
		{10, 10, 1, 1, 10}, {9, 9, 2, 1, 5}, {4, 9, 2, 1, 2}, {100_000, 100_000, 1, 67, 5000}, {30, 100_000, 4, 67, 30},
		{1_000_000, 1_000_000, 8, 667, 5000}, {10_000_000, 10_000_000, 8, 6667, 5000},
	} {
		if least, size := chunkSize(c.waiting, c.total, c.slots); least != c.least || size != c.size {
			t.Errorf("chunkSize(%d, %d, %d) = %d, %d; want %d, %d", c.waiting, c.total, c.slots, least, size, c.least, c.size)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := counted(n); got != want {
			t.Errorf("counted(%d) = %q, want %q", n, got, want)
		}
	}
}
