package runs

import (
	"context"
	"errors"
	"fmt"

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

// List returns the most recently submitted jobs, archived ones too, without
// their steps. With 0 it returns all.
func (s *Service) List(ctx context.Context, most int) ([]Job, error) {
	return s.Select(ctx, Selection{Most: most, Archived: TakeIn})
}

// state adds what has become of a job as a whole.
func (s *Service) state(ctx context.Context, job *Job) error {
	end, err := s.records.Ended(ctx, job.Name)
	switch {
	case err == nil:
		job.end(end)
		job.Steps = nil
		return nil
	case s.Temporal != nil:
		return s.glance(ctx, job)
	}
	return nil
}

// describe makes a job from its first record.
func (s *Service) describe(r record.Submitted, plan *pipeline.Plan) *Job {
	job := &Job{
		Name: r.Name, Type: r.Type, DisplayName: r.DisplayName, Experiment: r.Experiment,
		Created: r.Created, CreatedBy: r.CreatedBy, File: r.File, Definition: r.Definition,
		Status: pipeline.NotResponding, Plan: plan, UI: s.page(r.Name), Compute: r.Compute,
		Description: r.Description, Tags: r.Tags, Schedule: r.Schedule, Parent: r.Parent,
	}
	if plan == nil {
		return job
	}
	job.Description, job.Tags = plan.Description, plan.Tags
	job.Steps = make([]pipeline.StepState, len(plan.Steps))
	for i := range plan.Steps {
		job.Steps[i] = pipeline.StepState{Name: plan.Steps[i].Name, Status: pipeline.NotStarted, Queue: plan.Steps[i].Queue}
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
