package runs

import (
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestAWorkerThatDoesNotAnswerACancelIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []pipeline.StepState{{Name: "a", Status: pipeline.Running}}
		f := &follower{job: &Job{Steps: steps}, at: map[string]int{"a": 0}, reported: steps}
		ahead := time.Now().Add(time.Hour) // the clock of the server
		waiting := func(beats time.Duration) string {
			f.merge([]*workflowpb.PendingActivityInfo{{
				ActivityId: "a", ActivityType: &commonpb.ActivityType{Name: "Step"},
				State:             enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
				LastHeartbeatTime: timestamppb.New(ahead.Add(beats)),
			}})
			return f.job.Steps[0].Waiting
		}
		for beat := time.Duration(0); beat < 20*time.Second; beat += time.Second {
			if said := waiting(beat); said != "" {
				t.Fatalf("a worker that beats is said to be silent: %s", said)
			}
			time.Sleep(3 * time.Second)
		}
		time.Sleep(3 * time.Second)
		if waiting(19*time.Second) == "" {
			t.Error("nothing is said of a worker that is silent")
		}
		if waiting(20*time.Second) != "" {
			t.Error("a worker that is back is said to be silent")
		}
	})
}
