package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// maxPlan bounds what is read of a plan, in bytes.
const maxPlan = 256 << 20

// Show returns what is known of a job: from its records once it has ended, from
// Temporal before. Without a server, a job that has not ended is NotResponding.
func (s *Service) Show(ctx context.Context, name string) (*Job, error) {
	f, err := s.follow(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := f.look(ctx); err != nil {
		return nil, err
	}
	return f.job, nil
}

// List returns the most recently submitted jobs, without their steps.
func (s *Service) List(ctx context.Context, most int) ([]Job, error) {
	var names []string
	err := s.records.Recent(ctx, func(name string, _ time.Time) bool {
		names = append(names, name)
		return most <= 0 || len(names) < most
	})
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, 0, len(names))
	for _, name := range names {
		submitted, err := s.records.Submitted(ctx, name)
		if errors.Is(err, ErrNotFound) {
			continue // its submission was cut short
		}
		if err != nil {
			return nil, err
		}
		job := s.describe(ctx, submitted, nil, nil)
		if end, err := s.records.Ended(ctx, name); err == nil {
			job.end(end)
			job.Steps = nil
		} else if s.Temporal != nil {
			if err := s.glance(ctx, job); err != nil {
				return nil, err
			}
		}
		jobs = append(jobs, *job)
	}
	return jobs, nil
}

// describe makes a job from its first record.
func (s *Service) describe(_ context.Context, r record.Submitted, plan *pipeline.Plan, steps []pipeline.StepState) *Job {
	job := &Job{
		Name: r.Name, Type: r.Type, DisplayName: r.DisplayName, Experiment: r.Experiment,
		Created: r.Created, CreatedBy: r.CreatedBy, File: r.File, Definition: r.Definition,
		Status: pipeline.NotResponding, Plan: plan, Steps: steps, UI: s.page(r.Name), Compute: r.Compute,
	}
	if plan == nil {
		return job
	}
	job.Description, job.Tags = plan.Description, plan.Tags
	if job.Steps == nil {
		job.Steps = make([]pipeline.StepState, len(plan.Steps))
		for i := range plan.Steps {
			job.Steps[i] = pipeline.StepState{Name: plan.Steps[i].Name, Status: pipeline.NotStarted, Queue: plan.Steps[i].Queue}
		}
	}
	if s.Temporal != nil {
		job.Status = pipeline.Queued
	}
	return job
}

func (j *Job) end(e record.Ended) {
	j.Status, j.Started, j.Ended = e.Status, e.Started, e.Ended
	j.FailedStep, j.Failure, j.Steps, j.Assets = e.Step, e.Failure, e.Steps, e.Assets
}

// glance asks Temporal for the state of a job as a whole.
func (s *Service) glance(ctx context.Context, job *Job) error {
	d, err := s.Temporal.DescribeWorkflowExecution(ctx, job.Name, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		job.Status = pipeline.NotResponding
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask for job %s: %w", job.Name, err)
	}
	job.execution(d.GetWorkflowExecutionInfo())
	return nil
}

// execution takes over what Temporal says of the workflow.
func (j *Job) execution(info *workflowpb.WorkflowExecutionInfo) {
	if t := info.GetStartTime(); t != nil && j.Started.IsZero() {
		j.Started = t.AsTime()
	}
	if t := info.GetCloseTime(); t != nil {
		j.Ended = t.AsTime()
	}
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		j.Status = pipeline.Running
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		j.Status = pipeline.Completed
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		j.Status = pipeline.Canceled
	default:
		j.Status = pipeline.Failed
	}
}
