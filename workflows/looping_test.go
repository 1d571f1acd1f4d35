package workflows

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// looped runs the workflow Loop on a body that does what it is told, over so many
// items, and returns the result and the iterations it began.
type looped struct {
	in    LoopInput
	items int
	body  func(ctx workflow.Context, in PipelineInput) (*Outcome, error)
	// cancelAfter cancels the loop; 0 never.
	cancelAfter time.Duration

	began []string
}

func (l *looped) run(t *testing.T) (LoopResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterWorkflowWithOptions(Loop, workflow.RegisterOptions{Name: LoopType})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in PipelineInput) (*Outcome, error) {
		l.began = append(l.began, in.Job)
		return l.body(ctx, in)
	}, workflow.RegisterOptions{Name: PipelineType})
	env.RegisterActivityWithOptions(func(_ context.Context, in activities.UnrollInput) (activities.UnrollResult, error) {
		r := activities.UnrollResult{Values: map[string]pipeline.Value{"n": pipeline.Text("1")}, Total: l.items}
		for i := in.From; i < min(in.From+in.Most, l.items); i++ {
			r.Items = append(r.Items, activities.UnrolledItem{Name: strconv.Itoa(i + 1), Values: map[string]pipeline.Value{"x": pipeline.Text(strconv.Itoa(i))}})
		}
		return r, nil
	}, activity.RegisterOptions{Name: "Unroll"})
	env.RegisterActivityWithOptions(func(context.Context, activities.AggregateInput) (activities.AggregateResult, error) {
		return activities.AggregateResult{Values: map[string]string{"all": "[]"}}, nil
	}, activity.RegisterOptions{Name: "Aggregate"})
	if l.cancelAfter > 0 {
		env.RegisterDelayedCallback(env.CancelWorkflow, l.cancelAfter)
	}
	l.in.Job, l.in.Root = "job-loop", "job"
	env.ExecuteWorkflow(LoopType, l.in)
	if !env.IsWorkflowCompleted() {
		t.Fatal("the loop did not end")
	}
	var result LoopResult
	err := env.GetWorkflowError()
	if err == nil {
		err = env.GetWorkflowResult(&result)
	}
	return result, err
}

func numberOf(in PipelineInput) int {
	n, _ := strconv.Atoi(*in.Values["n"].Literal)
	return n
}

// counting is a body that counts up to a number.
func counting(to int) func(workflow.Context, PipelineInput) (*Outcome, error) {
	return func(_ workflow.Context, in PipelineInput) (*Outcome, error) {
		n, on := numberOf(in), "True"
		if n >= to {
			on = "False"
		}
		return &Outcome{Values: map[string]string{"next": strconv.Itoa(n + 1), "on": on}, AllReused: n == 1}, nil
	}
}

func whileLoop(most int) LoopInput {
	return LoopInput{Kind: pipeline.DoWhile, Loop: LoopGraph{Condition: "on", Most: most, Mapping: []Carry{{Output: "next", Input: "n", Literal: true}}}}
}

func TestADoWhileGoesOnWhileItsConditionHolds(t *testing.T) {
	l := &looped{in: whileLoop(10), body: counting(3)}
	result, err := l.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"job-loop-1", "job-loop-2", "job-loop-3"}, l.began); diff != "" {
		t.Errorf("iterations (-want +got):\n%s", diff)
	}
	want := LoopResult{Values: map[string]string{"next": "4", "on": "False"}, Parts: pipeline.Parts{What: "iterations", Completed: 3, Reused: 1}}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestADoWhileEndsAtItsLimit(t *testing.T) {
	l := &looped{in: whileLoop(4), body: counting(100)}
	if result, err := l.run(t); err != nil || result.Parts.Completed != 4 {
		t.Errorf("ended with %+v, %v; want 4 iterations", result, err)
	}
}

// A loop with many iterations goes on in a new run, with what the last iteration
// of this one made.
func TestALongLoopGoesOnInANewRun(t *testing.T) {
	l := &looped{in: whileLoop(3000), body: counting(3000)}
	_, err := l.run(t)
	if !workflow.IsContinueAsNewError(err) {
		t.Fatalf("ended with %v, want a new run", err)
	}
	if len(l.began) != iterationsPerRun {
		t.Errorf("began %d iterations in one run, want %d", len(l.began), iterationsPerRun)
	}
	rest := &looped{in: whileLoop(1000), body: counting(1000)}
	rest.in.Carried = &LoopState{Next: 998, Values: map[string]pipeline.Value{"n": pipeline.Text("998")}, Parts: pipeline.Parts{What: "iterations", Completed: 997}}
	result, err := rest.run(t)
	if err != nil || result.Parts.Completed != 1000 || result.Values["next"] != "1001" {
		t.Errorf("the rest ended with %+v, %v", result, err)
	}
}

func TestADoWhileWithoutItsConditionFails(t *testing.T) {
	l := &looped{in: whileLoop(4), body: func(workflow.Context, PipelineInput) (*Outcome, error) { return &Outcome{}, nil }}
	if _, err := l.run(t); err == nil || !strings.Contains(err.Error(), `iteration 1 did not say whether to go on: the step that makes output "on" was skipped`) {
		t.Errorf("ended with %v", err)
	}
}

func broken(message string) error {
	f := pipeline.Failure{Kind: pipeline.UserFailure, Message: "step train: " + message, LogTail: []string{"no such column"}}
	return temporal.NewNonRetryableApplicationError(f.Message, "user", nil, activities.StepFailed{Failure: f})
}

// The failure of an iteration is that of the loop, with its name, what its step
// said, and the end of its log.
func TestAFailedIterationFailsItsLoop(t *testing.T) {
	for name, test := range map[string]struct {
		goOn bool
		want int
	}{"others go on": {true, 6}, "others end": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			l := &looped{items: 6, in: LoopInput{Kind: pipeline.ParallelFor, Loop: LoopGraph{AtOnce: 1}, ContinueOnFailure: test.goOn}}
			l.body = func(_ workflow.Context, in PipelineInput) (*Outcome, error) {
				if in.Job == "job-loop-2" {
					return nil, broken("exit code 1")
				}
				return &Outcome{}, nil
			}
			_, err := l.run(t)
			var details LoopFailed
			if application, ok := errors.AsType[*temporal.ApplicationError](err); !ok || application.Details(&details) != nil {
				t.Fatalf("ended with %v", err)
			}
			if want := "iteration 2 (job job-loop-2) failed: step train: exit code 1"; details.Failure.Message != want {
				t.Errorf("failed with %q, want %q", details.Failure.Message, want)
			}
			if diff := cmp.Diff([]string{"no such column"}, details.Failure.LogTail); diff != "" {
				t.Error(diff)
			}
			if len(l.began) != test.want || details.Parts.Failed != 1 {
				t.Errorf("began %v, counted %+v; want %d", l.began, details.Parts, test.want)
			}
		})
	}
}

// Every item is an iteration, and no more run at once than may.
// A job that a user named as an iteration would be called, and that runs.
func TestAnIterationWhoseNameIsTakenSaysSo(t *testing.T) {
	err := fmt.Errorf("begin: %w", &temporal.ChildWorkflowExecutionAlreadyStartedError{})
	f := iterationFailure(2, "job-loop-2", err)
	want := "iteration 2 (job job-loop-2) failed: another job that runs is called job-loop-2, as this part of the job is to be"
	if f.Message != want || f.Kind != pipeline.UserFailure || f.Hint == "" {
		t.Errorf("got %+v, want %q, as a mistake of the user with a hint", f, want)
	}
}

func TestAParallelForRunsEveryItem(t *testing.T) {
	running, most := 0, 0
	seen := map[string]bool{}
	l := &looped{items: 3*itemsPage + 7, in: LoopInput{Kind: pipeline.ParallelFor, Loop: LoopGraph{AtOnce: 5}}}
	l.body = func(ctx workflow.Context, in PipelineInput) (*Outcome, error) {
		running++
		most = max(most, running)
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return nil, err
		}
		running--
		seen[*in.Values["x"].Literal] = true
		if *in.Values["n"].Literal != "1" || in.Iteration.Of != "job-loop" || in.Iteration.Root != "job" {
			return nil, fmt.Errorf("iteration %s was given %+v", in.Job, in)
		}
		return &Outcome{}, nil
	}
	result, err := l.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != l.items || most != 5 || result.Values["all"] != "[]" {
		t.Errorf("ran %d items, %d at once, and made %+v; want %d, 5", len(seen), most, result, l.items)
	}
	if want := (pipeline.Parts{What: "iterations", Total: l.items, Completed: l.items}); result.Parts != want {
		t.Errorf("counted %+v, want %+v", result.Parts, want)
	}
}

func TestALoopOverNothingCompletes(t *testing.T) {
	l := &looped{in: LoopInput{Kind: pipeline.ParallelFor}, body: counting(1)}
	if result, err := l.run(t); err != nil || len(l.began) != 0 || result.Values["all"] != "[]" {
		t.Errorf("ended with %+v, %v, after %v", result, err, l.began)
	}
}

func TestACancelEndsAllIterations(t *testing.T) {
	ended := 0
	l := &looped{items: 300, in: LoopInput{Kind: pipeline.ParallelFor}, cancelAfter: time.Minute}
	l.body = func(ctx workflow.Context, _ PipelineInput) (*Outcome, error) {
		err := workflow.Sleep(ctx, time.Hour)
		ended++
		return nil, err
	}
	_, err := l.run(t)
	if !temporal.IsCanceledError(err) {
		t.Errorf("ended with %v, want canceled", err)
	}
	if len(l.began) != iterationsAtOnce || ended != iterationsAtOnce {
		t.Errorf("began %d, and %d ended; want %d at once", len(l.began), ended, iterationsAtOnce)
	}
}
