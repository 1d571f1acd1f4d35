package activities

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
)

// alone reports whether this worker is the only one of its queue and has fewer
// slots than the step has instances. They can never run in a slot each; so they
// all run in one, as they would on a laptop with Azure's own tools.
func (i *instance) alone(ctx context.Context) bool {
	if i.Slots == 0 || i.Slots >= i.in.Instances || i.Temporal == nil {
		return false
	}
	queue, err := i.Temporal.DescribeTaskQueue(ctx, i.info.TaskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return false // nobody knows: wait for the others
	}
	for _, poller := range queue.GetPollers() {
		if poller.GetIdentity() != i.Identity {
			return false
		}
	}
	return true
}
