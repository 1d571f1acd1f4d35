package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// Maker makes the jobs of schedules.
type Maker struct {
	Store   *artifact.Store
	Records *record.Records
}

// maxPlan bounds what is read of a plan, in bytes.
const maxPlan = 256 << 20

// Made is a job of a schedule.
type Made struct {
	Job  record.Submitted
	Plan *pipeline.Plan
	// Before is set where the job was made before.
	Before bool
}

// Make writes the record of the job that a schedule makes for a time, with its
// plan. Where that was done before, it returns what there is. Data that is given
// by a name alone, or by a label, is looked up anew.
func (k Maker) Make(ctx context.Context, m *Making, t time.Time) (Made, error) {
	name := JobName(m.Schedule, t)
	if there, err := k.Records.Submitted(ctx, name); err == nil {
		return k.existing(ctx, m, there)
	} else if !errors.Is(err, record.ErrNotFound) {
		return Made{}, err
	}
	submitted, plan, err := k.new(ctx, m, name, t)
	if err != nil {
		return Made{}, fmt.Errorf("make job %s: %w", name, err)
	}
	err = k.Records.Submit(ctx, submitted)
	if errors.Is(err, record.ErrExists) { // somebody was quicker
		there, err := k.Records.Submitted(ctx, name)
		if err != nil {
			return Made{}, err
		}
		return k.existing(ctx, m, there)
	}
	return Made{Job: submitted, Plan: plan}, err
}

// Fail writes the record of a job that could not be made, and that it has failed.
func (k Maker) Fail(ctx context.Context, m *Making, t time.Time, why error) error {
	name := JobName(m.Schedule, t)
	template, err := k.plan(ctx, m.Plan)
	if err != nil {
		return err
	}
	submitted, plan, err := k.record(ctx, m, name, t, template)
	if err == nil {
		err = k.Records.Submit(ctx, submitted)
	}
	if err != nil && !errors.Is(err, record.ErrExists) {
		return fmt.Errorf("record job %s: %w", name, err)
	}
	steps := make([]pipeline.StepState, len(plan.Steps))
	for i := range steps {
		steps[i] = pipeline.StepState{Name: plan.Steps[i].Name, Status: pipeline.NotStarted, Queue: plan.Steps[i].Queue}
	}
	now := time.Now().UTC()
	return k.Records.End(ctx, name, record.Ended{
		Status: pipeline.Failed, Started: now, Ended: now, Steps: steps,
		Failure: &pipeline.Failure{Kind: pipeline.UserFailure, Message: why.Error()},
	})
}

func (k Maker) existing(ctx context.Context, m *Making, there record.Submitted) (Made, error) {
	if there.Schedule != m.Schedule {
		return Made{}, fmt.Errorf("job %s: %w", there.Name, ErrTaken)
	}
	plan, err := k.plan(ctx, there.Plan)
	return Made{Job: there, Plan: plan, Before: true}, err
}

func (k Maker) plan(ctx context.Context, d pipeline.Digest) (*pipeline.Plan, error) {
	data, err := k.Store.ReadAll(ctx, d, maxPlan)
	plan := new(pipeline.Plan)
	if err == nil {
		err = json.Unmarshal(data, plan)
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan %s: %w", d, err)
	}
	if plan.Schema != pipeline.PlanSchema {
		return nil, fmt.Errorf("the plan %s has schema %d; this Millrace knows schema %d", d, plan.Schema, pipeline.PlanSchema)
	}
	return plan, nil
}

// new makes a job of the template.
func (k Maker) new(ctx context.Context, m *Making, name string, t time.Time) (record.Submitted, *pipeline.Plan, error) {
	template, err := k.plan(ctx, m.Plan)
	if err != nil {
		return record.Submitted{}, nil, err
	}
	if err := k.refresh(ctx, template); err != nil {
		return record.Submitted{}, nil, err
	}
	return k.record(ctx, m, name, t, template)
}

// record fills a template, and says what there is to say of the job.
func (k Maker) record(ctx context.Context, m *Making, name string, t time.Time, template *pipeline.Plan) (record.Submitted, *pipeline.Plan, error) {
	moment := t.UTC().Format(time.RFC3339)
	plan := template.Fill(name, moment)
	// What people see tells the jobs of a schedule apart.
	plan.DisplayName = name
	if plan.Experiment == "" {
		plan.Experiment = m.Schedule
	}
	closed, err := k.closed(ctx, m, moment)
	if err != nil {
		return record.Submitted{}, nil, err
	}
	data, err := json.Marshal(plan)
	if err != nil {
		return record.Submitted{}, nil, err
	}
	stored, err := k.Store.PutBytes(ctx, data)
	if err != nil {
		return record.Submitted{}, nil, err
	}
	return record.Submitted{
		Name: name, Type: plan.Type, Plan: stored.Digest, Closed: closed, Schedule: m.Schedule,
		Definition: pipeline.FillTriggerTime(m.Definition, moment), File: m.File, Created: time.Now().UTC(), CreatedBy: m.CreatedBy,
		DisplayName: plan.DisplayName, Experiment: plan.Experiment, Compute: plan.Settings.DefaultCompute,
		Description: plan.Description, Tags: plan.Tags,
	}, plan, nil
}

// closed keeps the form of the job that needs no files.
func (k Maker) closed(ctx context.Context, m *Making, moment string) (pipeline.Digest, error) {
	if m.Closed == "" {
		return "", nil
	}
	text, err := k.Store.ReadAll(ctx, m.Closed, maxMaking)
	if err != nil {
		return "", err
	}
	kept, err := k.Store.PutBytes(ctx, []byte(pipeline.FillTriggerTime(string(text), moment)))
	return kept.Digest, err
}
