package workflows

import (
	"strconv"

	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/pipeline"
)

// The task queues that every installation has. Further queues carry the names
// that computes give them.
const (
	PipelinesQueue = "pipelines"
	CPUQueue       = "cpu"
	GPUQueue       = "gpu"
)

// TaskQueue is what Temporal knows the steps of a queue by that ask for so many
// GPUs. Those that want several have task queues of their own, "gpu:2": so that
// only a worker that has so many takes them, and only when they are free.
func TaskQueue(queue string, gpus int) string {
	if gpus <= 1 {
		return queue
	}
	return queue + ":" + strconv.Itoa(gpus)
}

// The priorities of Temporal, 1 the highest, with room on both sides.
const (
	highPriority = 2
	lowPriority  = 4
)

// priority is what a step's priority is to Temporal; 0 leaves it in the middle.
func priority(p pipeline.Priority) int {
	switch p {
	case pipeline.High:
		return highPriority
	case pipeline.Low:
		return lowPriority
	}
	return 0
}

// turn says when a step's task has its turn among those that wait for the same
// queue: by its priority and, of equal ones, the experiments by turns, so that
// one with many steps does not keep the others waiting.
func (e *execution) turn(n Node) temporal.Priority {
	return temporal.Priority{PriorityKey: n.Priority, FairnessKey: cut(e.in.Experiment, maxFairnessKey)}
}

// maxFairnessKey is Temporal's bound, in bytes.
const maxFairnessKey = 64
