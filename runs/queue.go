package runs

import (
	"strings"

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

// queue is the task queue that a step's attempts are taken from. A compute that
// nobody has mapped goes by its name: files name clusters that exist only in
// some Azure workspace, and still have to run here.
func (s *Service) queue(step *pipeline.Step) string {
	if q, ok := s.Queues[step.Compute]; ok {
		return q
	}
	q, known := computes[step.Compute]
	switch {
	// Without a compute of its own, the type of machine says what is needed:
	// Azure's machines with GPUs are the N series.
	case (step.Compute == "" || step.Compute == "serverless") &&
		strings.HasPrefix(strings.ToLower(step.Resources.InstanceType), "standard_n"):
		return workflows.GPUQueue
	case known:
		return q
	case strings.Contains(strings.ToLower(step.Compute), "gpu"):
		return workflows.GPUQueue
	}
	return workflows.CPUQueue
}
