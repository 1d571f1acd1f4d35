package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// ScheduledType is the name of the workflow Scheduled in Temporal.
const ScheduledType = "Scheduled"

// ScheduledInput is the input of the workflow Scheduled.
type ScheduledInput struct {
	Schedule string `json:"schedule"`
	// Making is the digest of what the schedule makes, in the store.
	Making pipeline.Digest `json:"making"`
}

// ScheduledOutcome is what the Temporal UI shows as the result.
type ScheduledOutcome struct {
	Job string `json:"job,omitempty"`
	// Pass says why there was no job to run.
	Pass string `json:"pass,omitempty"`
}

// triggered is an [activities.TriggerResult], with what only workflows know how
// to read.
type triggered struct {
	Pass   string `json:"pass"`
	Job    string `json:"job"`
	Launch Launch `json:"launch"`
}

// firedAt is the attribute in which Temporal says for which time a schedule has
// fired.
var firedAt = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// JobTaskTimeout is when the task of a killed process is given to the next one.
const JobTaskTimeout = 5 * time.Second

// Scheduled is what a schedule starts. It has the job made that is due, runs it
// as any other job, under the job's own name, and lasts as long as that: by which
// Temporal knows that the schedule's last job is still running. Canceling it
// cancels the job.
func Scheduled(ctx workflow.Context, in ScheduledInput) (*ScheduledOutcome, error) {
	at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(firedAt)
	if !ok {
		return nil, temporal.NewNonRetryableApplicationError("this workflow is started by schedules only", string(pipeline.Invalid), nil)
	}
	var made triggered
	ask := activities.TriggerInput{Making: in.Making, Time: at}
	summary := "make the job for " + at.UTC().Format(time.RFC3339)
	if err := workflow.ExecuteLocalActivity(local(ctx, summary), do.Trigger, ask).Get(ctx, &made); err != nil {
		return nil, err
	}
	outcome := &ScheduledOutcome{Job: made.Job, Pass: made.Pass}
	if made.Pass != "" {
		workflow.SetCurrentDetails(ctx, made.Pass)
		return outcome, nil
	}
	launch := made.Launch
	workflow.SetCurrentDetails(ctx, "runs job **"+made.Job+"**")
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            launch.Input.Job,
		TaskQueue:             PipelinesQueue,
		WorkflowTaskTimeout:   JobTaskTimeout,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:         launch.Summary,
		StaticDetails:         launch.Details,
		Memo:                  launch.Memo(),
		TypedSearchAttributes: launch.Attributes(),
		// A job ends as jobs do, with a record, also where this workflow does not.
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
	})
	err := workflow.ExecuteChildWorkflow(child, PipelineType, launch.Input).Get(ctx, nil)
	switch _, runs := errors.AsType[*temporal.ChildWorkflowExecutionAlreadyStartedError](err); {
	case runs:
		outcome.Pass = "the job for this time is on its way already"
		workflow.SetCurrentDetails(ctx, outcome.Pass)
		return outcome, nil
	case temporal.IsCanceledError(err):
		return nil, workflow.ErrCanceled
	case err != nil:
		return nil, fmt.Errorf("job %s: %w", made.Job, err)
	}
	workflow.SetCurrentDetails(ctx, "job **"+made.Job+"** has completed")
	return outcome, nil
}
