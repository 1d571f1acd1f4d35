package runs

import (
	"context"
	"fmt"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// AwaitNotice waits until people are told of the end of a job.
func (s *Service) AwaitNotice(ctx context.Context, job string, event pipeline.Event) error {
	if s.Temporal == nil {
		return ErrNoServer
	}
	d, err := s.Temporal.DescribeWorkflowExecution(ctx, job, "")
	if err != nil {
		return fmt.Errorf("ask for job %s: %w", job, err)
	}
	run := d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	return s.Temporal.GetWorkflow(ctx, workflows.NoticeID(job, run, event, ""), "").Get(ctx, nil)
}
