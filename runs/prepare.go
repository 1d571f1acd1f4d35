package runs

import (
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// mergePrepare is merge for the first of the steps that wait for an environment:
// it says how far that has come, and why it is made again.
func mergePrepare(state *pipeline.StepState, p *workflowpb.PendingActivityInfo) {
	var line string
	if p.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED {
		var beat activities.Beat
		details := p.GetHeartbeatDetails()
		if details != nil && converter.GetDefaultDataConverter().FromPayloads(details, &beat) == nil {
			line = beat.Waiting
		}
	}
	last := p.GetLastFailure()
	switch {
	case last != nil && !strings.HasPrefix(line, "making "):
		// What was said may be of the attempt before, which failed.
		state.Waiting, state.Making = "its environment is made again: "+last.GetMessage(), true
	case line != "":
		state.Waiting, state.Making = line, true
	case p.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED:
		state.Waiting = "waits for a slot on queue " + state.Queue + ", to have its environment made"
	}
}
