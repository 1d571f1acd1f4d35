package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// NoticeType is the name of the workflow Notice in Temporal.
const NoticeType = "Notice"

// NoticeInput is the input of the workflow Notice.
type NoticeInput struct {
	activities.Notice
	// Notify names the notifications that are to go out.
	Notify []string `json:"notify"`
}

// NoticeOutcome is what the Temporal UI shows as the result.
type NoticeOutcome struct {
	Delivered []string `json:"delivered"`
}

// Delivery is tried for a day, with growing pauses: receivers are sometimes away
// over night.
const (
	noticePatience = 24 * time.Hour
	noticeTry      = 2 * time.Minute
)

var noticePolicy = temporal.RetryPolicy{
	InitialInterval:    2 * time.Second,
	BackoffCoefficient: 2,
	MaximumInterval:    10 * time.Minute,
}

// Notice tells people of an event, each in their way. It runs beside the job
// that it tells of, and outlives it: whether a message arrives is nothing to the
// job.
func Notice(ctx workflow.Context, in NoticeInput) (*NoticeOutcome, error) {
	sent := make([]workflow.Future, len(in.Notify))
	for i, name := range in.Notify {
		policy := noticePolicy
		options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			ActivityID:             name,
			TaskQueue:              PipelinesQueue,
			ScheduleToCloseTimeout: noticePatience,
			StartToCloseTimeout:    noticeTry,
			RetryPolicy:            &policy,
			Summary:                fmt.Sprintf("tell %s: %s", name, in.Event),
		})
		sent[i] = workflow.ExecuteActivity(options, do.Notify, activities.NotifyInput{Notice: in.Notice, Name: name})
	}
	outcome := &NoticeOutcome{}
	var failed []string
	for i, name := range in.Notify {
		switch err := sent[i].Get(ctx, nil); {
		case err == nil:
			outcome.Delivered = append(outcome.Delivered, name)
		case temporal.IsCanceledError(err):
			return nil, workflow.ErrCanceled
		default:
			failed = append(failed, name+": "+innermost(err))
		}
	}
	if len(failed) > 0 {
		return nil, temporal.NewNonRetryableApplicationError("not delivered to "+strings.Join(failed, "; "), string(pipeline.Infrastructure), nil)
	}
	return outcome, nil
}

// innermost is what an activity's error says, without what Temporal adds.
func innermost(err error) string {
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return application.Message()
	}
	return err.Error()
}

// NoticeID is the name of the workflow that tells of an event: of a run of a
// job's workflow, or of a step in it.
func NoticeID(job, run string, event pipeline.Event, step string) string {
	id := strings.Join([]string{job, "notice", run, string(event)}, "/")
	if step != "" {
		id += "/" + step
	}
	return id
}

// notify has people told of an event, if any want to be: of a node, or of the
// job where i is negative. It waits only until that is on its way.
func (e *execution) notify(event pipeline.Event, i int, names []string) {
	if len(names) == 0 {
		return
	}
	in := NoticeInput{Notify: names, Notice: activities.Notice{Job: e.in.Job, Event: event, Time: workflow.Now(e.ctx)}}
	if i >= 0 {
		in.Step, in.Question = e.nodes[i].Name, e.steps[i].Question
	}
	in.ID = NoticeID(e.in.Job, workflow.GetInfo(e.ctx).WorkflowExecution.RunID, event, in.Step)
	// It is told of a canceled job, too.
	ctx, _ := workflow.NewDisconnectedContext(e.ctx)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            in.ID,
		TaskQueue:             PipelinesQueue,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         fmt.Sprintf("%s of %s", event, e.in.Job),
	})
	child := workflow.ExecuteChildWorkflow(ctx, NoticeType, in)
	if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("could not tell anybody", "event", event, "error", err)
	}
}
