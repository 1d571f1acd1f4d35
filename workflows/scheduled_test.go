package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// fired runs the workflow Scheduled as a schedule starts it, with a job that does
// what it is told.
func fired(t *testing.T, made activities.TriggerResult, job func(workflow.Context, PipelineInput) (*Outcome, error), prepare ...func(*testsuite.TestWorkflowEnvironment)) (ScheduledOutcome, activities.TriggerInput, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	at := time.Date(2026, 3, 8, 10, 30, 0, 0, time.UTC)
	if err := env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(firedAt.ValueSet(at))); err != nil {
		t.Fatal(err)
	}
	env.RegisterWorkflowWithOptions(Scheduled, workflow.RegisterOptions{Name: ScheduledType})
	env.RegisterWorkflowWithOptions(job, workflow.RegisterOptions{Name: PipelineType})
	var asked activities.TriggerInput
	env.RegisterActivityWithOptions(func(_ context.Context, in activities.TriggerInput) (activities.TriggerResult, error) {
		asked = in
		return made, nil
	}, activity.RegisterOptions{Name: "Trigger"})
	for _, p := range prepare {
		p(env)
	}
	env.ExecuteWorkflow(ScheduledType, ScheduledInput{Schedule: "nightly", Making: "making"})
	if !env.IsWorkflowCompleted() {
		t.Fatal("the workflow did not end")
	}
	var outcome ScheduledOutcome
	if env.GetWorkflowError() == nil {
		if err := env.GetWorkflowResult(&outcome); err != nil {
			t.Fatal(err)
		}
	}
	return outcome, asked, env.GetWorkflowError()
}

const nightly = "nightly-20260308T103000Z"

// toLaunch is the answer that there is a job to run.
func toLaunch(t *testing.T) activities.TriggerResult {
	t.Helper()
	plan := &pipeline.Plan{Type: pipeline.PipelineJob, Name: nightly, DisplayName: nightly, Experiment: "nightly", Steps: []pipeline.Step{{Name: "a", Queue: CPUQueue}}}
	launch, err := json.Marshal(NewLaunch(plan, "plan", "nightly.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return activities.TriggerResult{Job: nightly, Launch: launch}
}

func TestAScheduleRunsTheJobUnderItsOwnName(t *testing.T) {
	var id string
	var got PipelineInput
	outcome, asked, err := fired(t, toLaunch(t), func(ctx workflow.Context, in PipelineInput) (*Outcome, error) {
		id, got = workflow.GetInfo(ctx).WorkflowExecution.ID, in
		return &Outcome{Status: pipeline.Completed}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked.Making != "making" || asked.Time.Format(time.RFC3339) != "2026-03-08T10:30:00Z" {
		t.Errorf("asked for %+v", asked)
	}
	if id != nightly || got.Job != nightly || got.Plan != "plan" || len(got.Graph.Nodes) != 1 {
		t.Errorf("started %q with %+v", id, got)
	}
	if outcome != (ScheduledOutcome{Job: nightly}) {
		t.Errorf("the outcome is %+v", outcome)
	}
}

func TestATimeWithoutAJobPasses(t *testing.T) {
	outcome, _, err := fired(t, activities.TriggerResult{Pass: "nothing is due"}, func(workflow.Context, PipelineInput) (*Outcome, error) {
		t.Error("a job was started")
		return nil, nil
	})
	if err != nil || outcome.Pass != "nothing is due" {
		t.Errorf("%+v, %v", outcome, err)
	}
}

func TestTheScheduledWorkflowFailsWithItsJob(t *testing.T) {
	_, _, err := fired(t, toLaunch(t), func(workflow.Context, PipelineInput) (*Outcome, error) {
		return nil, temporal.NewNonRetryableApplicationError("step a failed: exit code 3", string(pipeline.UserFailure), nil)
	})
	if application, ok := errors.AsType[*temporal.ApplicationError](err); !ok || application.Type() != string(pipeline.UserFailure) && application.NonRetryable() {
		t.Errorf("ended with %v", err)
	}
}

func TestCancelingTheScheduledWorkflowCancelsItsJob(t *testing.T) {
	ended := false
	_, _, err := fired(t, toLaunch(t), func(ctx workflow.Context, _ PipelineInput) (*Outcome, error) {
		_ = workflow.Sleep(ctx, 24*time.Hour)
		ended = ctx.Err() != nil
		return nil, workflow.ErrCanceled
	}, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	})
	if !ended || !temporal.IsCanceledError(err) {
		t.Errorf("the job was canceled: %v; ended with %v", ended, err)
	}
}

func TestOnlySchedulesStartTheScheduledWorkflow(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(Scheduled, workflow.RegisterOptions{Name: ScheduledType})
	env.ExecuteWorkflow(ScheduledType, ScheduledInput{Schedule: "nightly"})
	if err := env.GetWorkflowError(); err == nil {
		t.Error("it ran")
	}
}
