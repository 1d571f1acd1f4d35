package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/schedule"
)

// Trigger makes the job that a schedule makes for a time, once, however often it
// is asked. It passes over a time at which nothing is due, and over one whose job
// has ended already.
func (a *Activities) Trigger(ctx context.Context, in TriggerInput) (TriggerResult, error) {
	m, err := schedule.Read(ctx, a.Store, in.Making)
	switch {
	case errors.Is(err, artifact.ErrGone):
		return TriggerResult{}, invalid("what the schedule makes (%s) is not in the store any more: create the schedule again", in.Making)
	case err != nil:
		return TriggerResult{}, err
	}
	due, err := m.Due(in.Time)
	if err != nil {
		return TriggerResult{}, invalid("%v", err)
	}
	if !due {
		return TriggerResult{Pass: "nothing is due at this time"}, nil
	}
	result := TriggerResult{Job: schedule.JobName(m.Schedule, in.Time)}
	if end, err := a.Records.Ended(ctx, result.Job); err == nil {
		result.Pass = fmt.Sprintf("the job for this time is %s already", end.Status)
		return result, nil
	} else if !errors.Is(err, record.ErrNotFound) {
		return TriggerResult{}, err
	}
	maker := schedule.Maker{Store: a.Store, Records: a.Records}
	made, err := maker.Make(ctx, m, in.Time)
	switch {
	case errors.Is(err, asset.ErrNotFound):
		// The data is gone that the job reads. People look for that among the jobs.
		result.Pass = err.Error()
		return result, maker.Fail(ctx, m, in.Time, err)
	case errors.Is(err, schedule.ErrTaken):
		return TriggerResult{}, invalid("%v", err)
	case err != nil:
		return TriggerResult{}, err
	}
	result.Launch, err = a.Launch(made.Job, made.Plan)
	return result, err
}
