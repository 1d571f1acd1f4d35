package workers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/activities"
)

// server is a Temporal server with one job on each of two pages.
type server struct {
	client.Client
	pending   map[string][]*workflowpb.PendingActivityInfo
	completed map[string]error // by "job activity"
}

func (s *server) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	answer := &workflowservice.ListWorkflowExecutionsResponse{}
	job := "second"
	if len(r.NextPageToken) == 0 {
		job, answer.NextPageToken = "first", []byte("more")
	}
	answer.Executions = []*workflowpb.WorkflowExecutionInfo{{Execution: &commonpb.WorkflowExecution{WorkflowId: job}}}
	return answer, nil
}

func (s *server) DescribeWorkflowExecution(_ context.Context, job, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: s.pending[job]}, nil
}

func (s *server) CompleteActivityByID(_ context.Context, _, job, _, activity string, _ any, err error) error {
	s.completed[job+" "+activity] = err
	return nil
}

func TestWhatEndedWorkersHadTakenIsGivenBack(t *testing.T) {
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf("cpu@%s#%d", hostname(), ended.Process.Pid)
	details := func(worker string) *commonpb.Payloads {
		p, err := converter.GetDefaultDataConverter().ToPayloads(activities.Beat{Worker: worker})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	living := fmt.Sprintf("cpu@%s#%d", hostname(), os.Getppid())
	activity := func(id, worker string, state enumspb.PendingActivityState) *workflowpb.PendingActivityInfo {
		return &workflowpb.PendingActivityInfo{ActivityId: id, LastWorkerIdentity: worker, State: state}
	}
	const started, scheduled, canceled = enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
	s := &server{completed: map[string]error{}, pending: map[string][]*workflowpb.PendingActivityInfo{
		"first": {
			activity("taken", gone, started),
			activity("waiting", gone, scheduled),
			activity("elsewhere", fmt.Sprintf("cpu@not-%s#%d", hostname(), ended.Process.Pid), started),
			activity("alive", fmt.Sprintf("cpu@%s#%d", hostname(), os.Getppid()), started),
			activity("unnamed", "", started),
			activity("strange", "cpu@"+hostname()+"#-1", started),
		},
		"second": {
			activity("canceled", gone, canceled),
			activity("adopted here", gone, started),
			{ActivityId: "adopted by another", LastWorkerIdentity: gone, State: started, HeartbeatDetails: details(living)},
		},
	}}
	adopted := func(a attempt) bool { return a == attempt{job: "second", activity: "adopted here"} }
	if err := giveBack(context.Background(), Options{Temporal: s, Namespace: "default"}, adopted); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range []string{"first taken", "second canceled"} {
		err, ok := s.completed[name]
		var failure *temporal.ApplicationError
		if ok && errors.As(err, &failure) && failure.Type() == activities.WorkerLost && !failure.NonRetryable() {
			names = append(names, name)
		}
	}
	if diff := cmp.Diff([]string{"first taken", "second canceled"}, names); diff != "" || len(s.completed) != 2 {
		t.Errorf("given back: %v\n%s", s.completed, diff)
	}
}
