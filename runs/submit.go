package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// Submission is a job to run.
type Submission struct {
	// Plan is what a dialect compiled; Submit pins it in place.
	Plan *pipeline.Plan
	// Definition is the text of the file, File its path.
	Definition, File string
	// Source is what the plan was compiled from. It is kept in a form that needs
	// no files, so that the job can be cloned; nil keeps nothing.
	Source *azureml.Job
}

// maxGraph bounds the workflow's input, in bytes: Temporal takes 2 MB. A step
// takes about a hundred.
const maxGraph = 1_900_000

// Submit pins what floats (local folders and code go into the store, computes
// become queues), records the job, and starts it.
func (s *Service) Submit(ctx context.Context, sub Submission) (*Job, error) {
	plan := sub.Plan
	if s.Temporal == nil {
		return nil, fmt.Errorf("submit job %s: %w", plan.Name, ErrNoServer)
	}
	if err := record.CheckName(plan.Name); err != nil {
		return nil, err
	}
	if _, err := s.records.Submitted(ctx, plan.Name); err == nil {
		return nil, fmt.Errorf("job %s: %w", plan.Name, ErrExists)
	}
	if err := s.prepare(ctx, plan); err != nil {
		return nil, err
	}
	var closed pipeline.Digest
	if sub.Source != nil {
		var err error
		if closed, err = s.keepClosed(ctx, sub.Source, plan); err != nil {
			return nil, fmt.Errorf("submit job %s: %w", plan.Name, err)
		}
	}
	data, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("submit job %s: %w", plan.Name, err)
	}
	stored, err := s.Store.PutBytes(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("submit job %s: %w", plan.Name, err)
	}
	submitted := record.Submitted{
		Name: plan.Name, Type: plan.Type, Plan: stored.Digest, Closed: closed, Definition: sub.Definition, File: sub.File,
		Created: time.Now().UTC(), CreatedBy: whoami(),
		DisplayName: plan.DisplayName, Experiment: plan.Experiment, Compute: plan.Settings.DefaultCompute,
		Description: plan.Description, Tags: plan.Tags,
	}
	if err := s.records.Submit(ctx, submitted); err != nil {
		return nil, err
	}
	if err := s.start(ctx, submitted, plan); err != nil {
		if refused(err) {
			// Or it would stand in every list as a job that nothing carries on.
			err = errors.Join(err, s.records.Withdraw(context.WithoutCancel(ctx), submitted))
		}
		return nil, err
	}
	return s.describe(submitted, plan), nil
}

// refused reports whether the server has answered that it does not start a job
// and never will. Of any other error nobody knows: the job may have begun. So it
// may where one of that name runs already, for a server that carries open jobs
// on could have been quicker.
func refused(err error) bool {
	switch serviceerror.ToStatus(err).Code() {
	case codes.NotFound, codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated:
		return true
	}
	return false
}

// Resume makes sure that a submitted job goes on. Temporal does that by itself
// as soon as a worker serves it, unless the process was killed between the
// record of the job and its start. A job that was canceled is started again:
// what is finished is reused. A job that is Completed or Failed stays so.
func (s *Service) Resume(ctx context.Context, name string) (*Job, error) {
	job, err := s.Show(ctx, name)
	if err != nil {
		return nil, err
	}
	if job.Status == pipeline.Completed || job.Status == pipeline.Failed {
		return job, nil
	}
	if job.Parent != "" {
		return nil, fmt.Errorf("job %s is a part of job %s, and goes on with that", name, job.Parent)
	}
	if s.Temporal == nil {
		return nil, fmt.Errorf("resume job %s: %w", name, ErrNoServer)
	}
	d, err := s.Temporal.DescribeWorkflowExecution(ctx, name, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); err != nil && !gone {
		return nil, fmt.Errorf("resume job %s: %w", name, err)
	}
	if d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		if !d.GetWorkflowExtendedInfo().GetCancelRequested() {
			return job, nil
		}
		// It must have ended before it can begin again. How is no matter.
		_ = s.Temporal.GetWorkflow(ctx, name, "").Get(ctx, nil)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if err := s.records.Reopen(ctx, name); err != nil {
		return nil, err
	}
	submitted, err := s.records.Submitted(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx, submitted, job.Plan); err != nil {
		return nil, err
	}
	return s.Show(ctx, name)
}

// start starts the workflow of a job. One that failed or was canceled before
// may be started again; whoever must not do that asks the records first.
func (s *Service) start(ctx context.Context, submitted record.Submitted, plan *pipeline.Plan) error {
	launch := workflows.NewLaunch(plan, submitted.Plan, submitted.File)
	_, err := s.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       plan.Name,
		TaskQueue:                workflows.PipelinesQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowTaskTimeout:      workflows.JobTaskTimeout,
		StaticSummary:            launch.Summary,
		StaticDetails:            launch.Details,
		Memo:                     launch.Memo(),
		TypedSearchAttributes:    launch.Attributes(),
	}, workflows.PipelineType, launch.Input)
	if err != nil {
		return fmt.Errorf("start job %s: %w", plan.Name, err)
	}
	return nil
}

func whoami() string { return asset.Whoami() }
