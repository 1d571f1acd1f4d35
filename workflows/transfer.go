package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// transfer has a worker move the data of a node. What it leaves in the store is
// published like every output; the rest it has brought to its place itself.
func (e *execution) transfer(i int) {
	node, state := e.nodes[i], &e.steps[i]
	id := node.Name
	if e.runs[i]++; e.runs[i] > 1 {
		id = fmt.Sprintf("%s#%d", node.Name, e.runs[i])
	}
	state.Status, state.Waiting = pipeline.Queued, ""
	e.touch(i)
	ctx := e.program(id, node, node.Summary, patience)
	e.later(workflow.ExecuteActivity(ctx, do.Transfer, e.stepInput(i)), func(f workflow.Future) {
		var result activities.StepResult
		if err := f.Get(e.ctx, &result); err != nil {
			e.ended(i, err)
			return
		}
		e.ran(i, result)
	})
}
