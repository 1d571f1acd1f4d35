package runs

import (
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAStepSaysHowFarItsEnvironmentHasCome(t *testing.T) {
	const (
		started   = enumspb.PENDING_ACTIVITY_STATE_STARTED
		scheduled = enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	)
	refused := &failurepb.Failure{Message: "connection refused"}
	for name, c := range map[string]struct {
		state enumspb.PendingActivityState
		line  string
		last  *failurepb.Failure
		want  string
	}{
		"nobody has begun":            {scheduled, "", nil, "waits for a slot on queue cpu, to have its environment made"},
		"nothing was said yet":        {started, "", nil, "waits for its environment to be made"},
		"a line":                      {started, "resolving environment tools", nil, "resolving environment tools"},
		"it failed":                   {scheduled, "resolving environment tools", refused, "its environment is made again: connection refused"},
		"it is tried again":           {started, "resolving environment tools", refused, "its environment is made again: connection refused"},
		"it is past what had failed":  {started, "making environment tools", refused, "making environment tools"},
		"it failed while it was made": {scheduled, "making environment tools", refused, "its environment is made again: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var beat *commonpb.Payloads
			if c.line != "" {
				var err error
				if beat, err = converter.GetDefaultDataConverter().ToPayloads(activities.Beat{Waiting: c.line}); err != nil {
					t.Fatal(err)
				}
			}
			f := &follower{job: &Job{Steps: make([]pipeline.StepState, 1)}, at: map[string]int{"in/train": 0}}
			f.reported = []pipeline.StepState{{Name: "in/train", Status: pipeline.Queued, Queue: "cpu", Waiting: "waits for its environment to be made"}}
			f.merge([]*workflowpb.PendingActivityInfo{{
				ActivityId: "in/train/prepare#2", ActivityType: &commonpb.ActivityType{Name: "Prepare"},
				State: c.state, HeartbeatDetails: beat, LastFailure: c.last,
			}})
			if got := f.job.Steps[0].Waiting; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
