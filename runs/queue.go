package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// Route gives every step the queue that its attempts are taken from.
func (s *Service) Route(ctx context.Context, plan *pipeline.Plan) error {
	kept, err := asset.All[Compute](ctx, asset.New(s.Store), computeShelf)
	some, ok := errors.AsType[*asset.Damaged](err)
	if err != nil && !ok {
		return fmt.Errorf("find the queues of job %s: %w", plan.Name, err)
	}
	for _, step := range plan.AllSteps() {
		if ok && some.Records[step.Compute] != nil {
			return fmt.Errorf("find the queue of step %s: %w", step.Name, some.Records[step.Compute])
		}
		step.Queue = s.queue(step, kept)
		if step.Kind == pipeline.ApprovalKind {
			step.Queue = workflows.PipelinesQueue // nothing of it runs elsewhere
		}
	}
	return nil
}

// StepQueues are the queues whose steps one machine serves: cpu, gpu, and those
// that computes name. Lending are the ones whose steps get a GPU: gpu, and the
// ones of computes whose machines have GPUs.
func (s *Service) StepQueues(ctx context.Context) (plain, lending []string, err error) {
	kept, err := asset.All[Compute](ctx, asset.New(s.Store), computeShelf)
	if asset.IgnoreDamaged(err) != nil {
		return nil, nil, fmt.Errorf("find the queues of computes: %w", err)
	}
	gpus := map[string]bool{workflows.CPUQueue: false, workflows.GPUQueue: true}
	for _, queue := range s.Queues {
		gpus[queue] = gpus[queue] || strings.Contains(strings.ToLower(queue), "gpu")
	}
	for _, c := range kept {
		if c.Queue != "" && c.Queue != workflows.CPUQueue {
			gpus[c.Queue] = gpus[c.Queue] || fromSize(c.Size) == workflows.GPUQueue || strings.Contains(strings.ToLower(c.Queue), "gpu")
		}
	}
	delete(gpus, workflows.PipelinesQueue)
	for _, queue := range slices.Sorted(maps.Keys(gpus)) {
		if gpus[queue] {
			lending = append(lending, queue)
		} else {
			plain = append(plain, queue)
		}
	}
	return plain, lending, nil
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
	// Without a compute of its own, the GPUs that a step asks for, or
	// the type of machine, say what is needed.
	case (step.Compute == "" || step.Compute == "serverless") &&
		(step.Resources.GPUs > 0 || fromSize(step.Resources.InstanceType) == workflows.GPUQueue):
		return workflows.GPUQueue
	case known:
		return q
	case strings.Contains(strings.ToLower(step.Compute), "gpu"):
		return workflows.GPUQueue
	}
	return workflows.CPUQueue
}
