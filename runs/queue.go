package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// computes are the names that exist from the start.
var computes = map[string]string{
	"cpu-cluster": workflows.CPUQueue,
	"gpu-cluster": workflows.GPUQueue,
	"local":       workflows.CPUQueue,
	"serverless":  workflows.CPUQueue,
	"":            workflows.CPUQueue,
}

// route gives every step the queue that its attempts are taken from.
func (s *Service) route(ctx context.Context, plan *pipeline.Plan) error {
	kept, err := asset.All[Compute](ctx, asset.New(s.Store), computeShelf)
	some, ok := errors.AsType[*asset.Damaged](err)
	if err != nil && !ok {
		return fmt.Errorf("find the queues of job %s: %w", plan.Name, err)
	}
	for i := range plan.Steps {
		if ok && some.Records[plan.Steps[i].Compute] != nil {
			return fmt.Errorf("find the queue of step %s: %w", plan.Steps[i].Name, some.Records[plan.Steps[i].Compute])
		}
		plan.Steps[i].Queue = s.queue(&plan.Steps[i], kept)
	}
	return nil
}

// queue is the task queue that a step's attempts are taken from. What was said
// of a compute in so many words comes first: with the compute itself, then in
// the configuration; then the size of its machines. One of which nobody has
// said anything goes by its name: files name clusters that exist only in some
// Azure workspace, and still have to run here.
func (s *Service) queue(step *pipeline.Step, kept map[string]Compute) string {
	c := kept[step.Compute]
	if c.Queue != "" {
		return c.Queue
	}
	if q, ok := s.Queues[step.Compute]; ok {
		return q
	}
	q, known := computes[step.Compute]
	switch {
	case c.Size != "":
		return fromSize(c.Size)
	// Without a compute of its own, the type of machine says what is needed.
	case (step.Compute == "" || step.Compute == "serverless") && fromSize(step.Resources.InstanceType) == workflows.GPUQueue:
		return workflows.GPUQueue
	case known:
		return q
	case strings.Contains(strings.ToLower(step.Compute), "gpu"):
		return workflows.GPUQueue
	}
	return workflows.CPUQueue
}
