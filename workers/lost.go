package workers

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/activities"
)

// giveBack tells Temporal of the activities that a worker of this machine had
// taken when its process ended: a step that it had not begun yet, or one that
// leaves nothing in a folder, as fetching an input does. Temporal would notice
// by itself, but only when their heartbeats have been missing for long. Those
// that a worker has adopted, or is about to, are not lost.
func giveBack(ctx context.Context, o Options, cared func(attempt) bool) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: o.Namespace,
		Query:     "ExecutionStatus = 'Running'",
	}
	for {
		open, err := o.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return err
		}
		for _, e := range open.GetExecutions() {
			job, run := e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId()
			d, err := o.Temporal.DescribeWorkflowExecution(ctx, job, run)
			if err != nil {
				return err
			}
			for _, a := range d.GetPendingActivities() {
				taken := a.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED || a.GetState() == enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
				if !taken || !hasEnded(holder(a)) || cared(attempt{job, run, a.GetActivityId()}) {
					continue
				}
				if err := lost(ctx, o, job, run, a.GetActivityId()); err != nil {
					return err
				}
			}
		}
		if request.NextPageToken = open.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// holder is who is at an activity: the worker that has taken it, or the one that
// has adopted it since.
func holder(a *workflowpb.PendingActivityInfo) string {
	var beat activities.Beat
	if converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &beat) == nil && beat.Worker != "" {
		return beat.Worker
	}
	return a.GetLastWorkerIdentity()
}

// lost has Temporal repeat an activity at once.
func lost(ctx context.Context, o Options, job, run, activity string) error {
	err := o.Temporal.CompleteActivityByID(ctx, o.Namespace, job, run, activity, nil,
		temporal.NewApplicationErrorWithOptions("the worker was lost while the step was running; it is run again",
			activities.WorkerLost, temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond}))
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return nil
	}
	return err
}

// hasEnded reports whether the worker of that identity was a process of this
// machine that is no more. Where that cannot be told, it has not.
func hasEnded(worker string) bool {
	_, place, _ := strings.Cut(worker, "@")
	host, number, _ := strings.Cut(place, "#")
	pid, err := strconv.Atoi(number)
	return err == nil && host == hostname() && ended(pid)
}

// ended reports whether a process of this machine is no more.
func ended(pid int) bool { return pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
