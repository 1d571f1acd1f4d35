package runs

import (
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// mergePrepare is merge for the first of the steps that wait for an environment:
// it says how far that has come.
func mergePrepare(state *pipeline.StepState, p *workflowpb.PendingActivityInfo) {
	switch last := p.GetLastFailure(); {
	case p.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED:
		var beat activities.Beat
		details := p.GetHeartbeatDetails()
		if details != nil && converter.GetDefaultDataConverter().FromPayloads(details, &beat) == nil && beat.Waiting != "" {
			state.Waiting = beat.Waiting
		}
	case last != nil:
		state.Waiting = "its environment will be made again: " + last.GetMessage()
	case p.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED:
		state.Waiting = "waits for a slot on queue " + state.Queue + ", to have its environment made"
	}
}
