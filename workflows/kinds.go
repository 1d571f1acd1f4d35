package workflows

import (
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// perform moves on a node that is not just a program, once its inputs are known.
// In the end it publishes or fails, as every node does.
func (e *execution) perform(i int) {
	e.steps[i].Inputs = e.inputs(i)
	switch kind := e.nodes[i].Kind; kind {
	case pipeline.SweepKind:
		e.sweep(i)
	case pipeline.ParallelKind:
		e.parallel(i)
	case pipeline.DoWhile, pipeline.ParallelFor:
		e.loop(i)
	case pipeline.ApprovalKind:
		e.approve(i)
	case pipeline.TransferKind:
		e.transfer(i)
	default:
		e.fail(i, pipeline.Failure{Kind: pipeline.Invalid, Message: fmt.Sprintf("this Millrace does not know steps of the kind %q", kind)})
	}
}

// PartsID is the id of the workflow that runs the parts of a job's step: its
// trials, or its mini-batches.
func PartsID(job, step string) string { return job + "-" + strings.ReplaceAll(step, ".", "-") }
