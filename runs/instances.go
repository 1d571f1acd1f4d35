package runs

import (
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// mergeInstance is merge for the first instance of a step that has several. It
// has a slot before it runs, while it waits for the others.
func mergeInstance(state *pipeline.StepState, p *workflowpb.PendingActivityInfo) {
	switch p.GetState() {
	case enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
		state.Status = pipeline.CancelRequested
		return
	case enumspb.PENDING_ACTIVITY_STATE_STARTED:
		var beat activities.Beat
		details := p.GetHeartbeatDetails()
		if details == nil || converter.GetDefaultDataConverter().FromPayloads(details, &beat) != nil {
			break
		}
		if state.Waiting = beat.Waiting; beat.Waiting == "" {
			state.Status = pipeline.Running
			state.Worker = p.GetLastWorkerIdentity()
			state.Started = p.GetLastStartedTime().AsTime()
			state.Metrics = beat.Metrics
		}
		return
	}
	if last := p.GetLastFailure(); last.GetApplicationFailureInfo().GetType() == activities.Waiting {
		state.Waiting = last.GetMessage()
	} else if last != nil {
		state.Waiting = "will be run again: " + last.GetMessage()
	}
}
