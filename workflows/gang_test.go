package workflows

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// crew stands in for the instances of a step: by try and instance, how each of
// them ends. "" completes, "hang" runs until it is canceled. (The environment of
// these tests does not wait for activities that are canceled, as Temporal does.)
type crew struct {
	scripted
	ends map[string]string

	mu       sync.Mutex
	began    []string // "TRY.INSTANCE"
	gathered []activities.GatherInput
}

func newCrew(ends map[string]string) *crew {
	c := &crew{ends: ends}
	c.graph = graph("train", "after < train")
	c.graph.Nodes[0].Instances = 3
	return c
}

func (c *crew) instance(ctx context.Context, in activities.InstanceInput) (activities.StepResult, error) {
	name := fmt.Sprintf("%d.%d", in.Try, in.Instance)
	c.mu.Lock()
	c.began = append(c.began, name)
	c.mu.Unlock()
	details := activities.StepFailed{
		Outputs: map[string]pipeline.Artifact{pipeline.Artifacts: {Digest: pipeline.Digest("logs of " + name)}},
		Attempt: activities.Attempt{Worker: "worker of " + name, Number: in.Try},
	}
	switch c.ends[name] {
	case "hang":
		<-ctx.Done()
		return activities.StepResult{}, temporal.NewCanceledError(details)
	case "fails":
		details.Failure = pipeline.Failure{Kind: pipeline.UserFailure, Message: "process 1 ended with exit code 3", ExitCode: new(3)}
		return activities.StepResult{}, temporal.NewNonRetryableApplicationError(details.Failure.Message, "user", nil, details)
	case "trouble":
		details.Failure = pipeline.Failure{Kind: pipeline.Infrastructure, Message: "the disk is full"}
		return activities.StepResult{}, temporal.NewNonRetryableApplicationError(details.Failure.Message, "infrastructure", nil, details)
	case "stopped":
		return activities.StepResult{}, temporal.NewApplicationError("the worker stopped", activities.WorkerLost, details)
	case "busy":
		return activities.StepResult{Busy: &pipeline.Origin{Job: "other", Step: in.Name}}, nil
	}
	if in.Instance > 0 {
		return activities.StepResult{}, nil
	}
	return activities.StepResult{Outputs: output(in.Name), Attempt: activities.Attempt{Number: in.Try, ExitCode: new(0)}}, nil
}

func (c *crew) play(t *testing.T, prepare ...func(*testsuite.TestWorkflowEnvironment)) error {
	t.Helper()
	return c.run(t, append(prepare, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterActivityWithOptions(c.instance, activity.RegisterOptions{Name: "Instance"})
		env.RegisterActivityWithOptions(func(_ context.Context, in activities.GatherInput) (activities.GatherResult, error) {
			c.gathered = append(c.gathered, in)
			return activities.GatherResult{Artifacts: pipeline.Artifact{Digest: "logs of all"}}, nil
		}, activity.RegisterOptions{Name: "Gather"})
	})...)
}

func TestAllInstancesOfAStepRunAtOnce(t *testing.T) {
	c := newCrew(nil)
	if err := c.play(t); err != nil {
		t.Fatal(err)
	}
	c.want(t, pipeline.Completed, map[string]string{"train": "Completed", "after": "Completed"})
	if got := c.inputs["after"]["in0"].Artifact.Digest; got != "made by train" {
		t.Errorf("what comes after got %q", got)
	}
}

func TestOneInstanceThatFailsEndsTheOthers(t *testing.T) {
	c := newCrew(map[string]string{"1.0": "hang", "1.1": "fails", "1.2": "hang"})
	if err := c.play(t); err == nil {
		t.Fatal("the job completed")
	}
	c.want(t, pipeline.Failed, map[string]string{"train": "Failed", "after": "NotStarted"})
	state := c.finished.Steps[0]
	if *state.Failure.ExitCode != 3 || state.Worker != "worker of 1.1" || state.Outputs[pipeline.Artifacts].Digest != "logs of all" {
		t.Errorf("the step ended as %+v", state)
	}
	if len(c.gathered) != 1 || c.gathered[0].State.Status != pipeline.Failed {
		t.Fatalf("gathered %+v", c.gathered)
	}
	want := []pipeline.Artifact{{Digest: "logs of 1.1"}}
	if diff := cmp.Diff(want, c.gathered[0].Parts); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func TestALostWorkerHasAllInstancesRunAgain(t *testing.T) {
	for name, ends := range map[string]map[string]string{
		"stopped":      {"1.0": "hang", "1.1": "stopped", "1.2": "hang"},
		"out of order": {"1.0": "hang", "1.1": "trouble", "1.2": "hang"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrew(ends)
			if err := c.play(t); err != nil {
				t.Fatal(err)
			}
			c.want(t, pipeline.Completed, map[string]string{"train": "Completed", "after": "Completed"})
			if got := c.finished.Steps[0].Attempts; got != 2 {
				t.Errorf("%d attempts, want 2", got)
			}
		})
	}
}

// When a worker is lost, the processes that talk to it fail, and that is known
// first.
func TestALostWorkerCountsBeforeWhatFailsThrough(t *testing.T) {
	user := temporal.NewNonRetryableApplicationError("process 0 ended with exit code 1", "user", nil)
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"its heartbeats stopped": {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil), true},
		"it said so":             {temporal.NewApplicationError("stopped", activities.WorkerLost), true},
		"it was canceled":        {temporal.NewCanceledError(), false},
		"it waited still":        {temporal.NewApplicationError("waits", activities.Waiting), false},
		"it failed, too":         {user, false},
	} {
		g := gang{errs: []error{user, tt.err}}
		if got := g.lost(); got != tt.want {
			t.Errorf("%s: lost is %v, want %v", name, got, tt.want)
		}
	}
}

func TestInstancesThatNeverGetThroughAreGivenUp(t *testing.T) {
	ends := make(map[string]string)
	for try := range 2 * maxTries {
		ends[fmt.Sprintf("%d.0", try+1)] = "trouble"
	}
	c := newCrew(ends)
	if err := c.play(t); err == nil {
		t.Fatal("the job completed")
	}
	if last := fmt.Sprintf("%d.0", maxTries); !slices.Contains(c.began, last) || slices.Contains(c.began, fmt.Sprintf("%d.0", maxTries+1)) || c.finished.Failure.Message != "the disk is full" {
		t.Errorf("began %v, the job failed with %+v", c.began, c.finished.Failure)
	}
}

func TestCancelEndsAllInstances(t *testing.T) {
	c := newCrew(map[string]string{"1.0": "hang", "1.1": "hang", "1.2": "hang"})
	err := c.play(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Second)
	})
	if !temporal.IsCanceledError(err) {
		t.Errorf("the workflow ended with %v, want a canceled error", err)
	}
	c.want(t, pipeline.Canceled, map[string]string{"train": "Canceled", "after": "Canceled"})
}

func TestInstancesAreNotRunWhereAnotherJobComputesTheSame(t *testing.T) {
	c := newCrew(map[string]string{"1.0": "busy", "1.1": "hang", "1.2": "hang"})
	c.outcome = map[string]string{}
	err := c.play(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			if info.ActivityType.Name == "Await" {
				c.outcome["train"] = "hit"
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	c.want(t, pipeline.Completed, map[string]string{"train": "reused", "after": "Completed"})
}

func TestOnlyADistributionMakesSeveralInstances(t *testing.T) {
	step := func(instances int, d *pipeline.Distribution) pipeline.Step {
		return pipeline.Step{Name: "a", Queue: "gpu", Distribution: d, Resources: pipeline.Resources{InstanceCount: instances}}
	}
	torch := &pipeline.Distribution{Type: "pytorch"}
	for _, tt := range []struct {
		step pipeline.Step
		want int
	}{
		{step(0, torch), 0},
		{step(1, torch), 0},
		{step(4, nil), 0},
		{step(4, torch), 4},
		{step(maxInstances+1, torch), 0},
	} {
		if got := NewGraph(&pipeline.Plan{Steps: []pipeline.Step{tt.step}}).Nodes[0].Instances; got != tt.want {
			t.Errorf("%+v makes %d instances, want %d", tt.step.Resources, got, tt.want)
		}
	}
}
