package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/schedule"
	"github.com/millrace-ml/millrace/pipeline"
)

// TriggerSchedule has a schedule make a job now, whether it is enabled or not, and
// whatever else of it is running.
func (s *Service) TriggerSchedule(ctx context.Context, name string) (*Job, error) {
	sc, err := s.knows(ctx, name)
	if err != nil {
		return nil, err
	}
	made, at, err := s.makeNow(ctx, &sc.Making)
	if err != nil {
		return nil, fmt.Errorf("trigger schedule %s: %w", name, err)
	}
	// The job is made; now the server is told to run it, as if it were its time.
	_, err = s.Temporal.WorkflowService().PatchSchedule(ctx, &workflowservice.PatchScheduleRequest{
		Namespace: s.Namespace, ScheduleId: name, Identity: whoami(), RequestId: made.Job.Name,
		Patch: &schedulepb.SchedulePatch{TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{
			OverlapPolicy: enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL, ScheduledTime: timestamppb.New(at),
		}},
	})
	if err != nil {
		err = fmt.Errorf("trigger schedule %s: %w", name, err)
		now := time.Now().UTC()
		return nil, errors.Join(err, s.records.End(ctx, made.Job.Name, record.Ended{
			Status: pipeline.Canceled, Started: now, Ended: now, Steps: s.describe(made.Job, made.Plan).Steps,
		}))
	}
	if err := s.started(ctx, made.Job.Name); err != nil {
		return nil, err
	}
	return s.Show(ctx, made.Job.Name)
}

// makeNow makes the job of a schedule for this second, or the next that is free:
// that nobody has taken yet, and at which the server would not wake anybody.
func (s *Service) makeNow(ctx context.Context, m *schedule.Making) (schedule.Made, time.Time, error) {
	const tries = 600
	at := time.Now().UTC().Truncate(time.Second)
	for range tries {
		if !m.Alarms.Match(at) {
			made, err := s.maker().Make(ctx, m, at)
			if err != nil || !made.Before {
				return made, at, err
			}
		}
		at = at.Add(time.Second)
	}
	return schedule.Made{}, at, fmt.Errorf("it has made %d jobs by hand within as many seconds", tries)
}

// started waits until a job runs that the server was told to run. The server needs
// a moment for it; a job without any worker stays queued.
func (s *Service) started(ctx context.Context, job string) error {
	for begin := time.Now(); time.Since(begin) < 10*time.Second; {
		_, err := s.Temporal.DescribeWorkflowExecution(ctx, job, "")
		if _, absent := errors.AsType[*serviceerror.NotFound](err); !absent {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// Slot is a moment at which a schedule was to make a job.
type Slot struct {
	Time time.Time
	Job  string
	// Before is set where there is such a job already.
	Before bool
	// Asked is set where there is none yet, and an earlier backfill has asked for it.
	Asked bool
}

// askedFor are the times that the server was asked for before, and those of the
// slots without a job, the last ones where they are many. What was asked for is
// asked for again, as it may have been lost, and no job is made twice.
func askedFor(before []time.Time, slots []Slot) []time.Time {
	asked := slices.DeleteFunc(slices.Clone(before), func(t time.Time) bool {
		return slices.ContainsFunc(slots, func(slot Slot) bool { return slot.Time.Equal(t) })
	})
	for _, slot := range slots {
		if !slot.Before {
			asked = append(asked, slot.Time.UTC())
		}
	}
	return asked[max(0, len(asked)-mostSlots):]
}

// mostSlots bounds a backfill: the server keeps as many waiting.
const mostSlots = 500

// BackfillSchedule has a schedule make the jobs of a time that is past, one after
// another, the earliest first. A moment whose job was made before is left out.
func (s *Service) BackfillSchedule(ctx context.Context, name string, from, to time.Time) ([]Slot, error) {
	sc, err := s.knows(ctx, name)
	if err != nil {
		return nil, err
	}
	spec, err := sc.Spec()
	if err != nil {
		return nil, err
	}
	if now := time.Now(); to.After(now) {
		to = now
	}
	var slots []Slot
	var missing []client.ScheduleBackfill
	for t := range spec.Times(from, to) {
		if len(slots) == mostSlots {
			return nil, fmt.Errorf("backfill schedule %s: it fires more than %d times in this time; take less of it at once", name, mostSlots)
		}
		slot := Slot{Time: t, Job: schedule.JobName(name, t)}
		switch _, err := s.records.Submitted(ctx, slot.Job); {
		case err == nil:
			slot.Before = true
		case errors.Is(err, ErrNotFound):
			slot.Asked = slices.ContainsFunc(sc.Asked, t.Equal)
			missing = append(missing, client.ScheduleBackfill{Start: t, End: t, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL})
		default:
			return nil, err
		}
		slots = append(slots, slot)
	}
	if len(missing) == 0 {
		return slots, nil
	}
	err = s.Temporal.ScheduleClient().GetHandle(ctx, name).Backfill(ctx, client.ScheduleBackfillOptions{Backfill: missing})
	if err != nil {
		return nil, fmt.Errorf("backfill schedule %s: %w", name, err)
	}
	// The record, and not sc: what the server says of now does not stay.
	r, err := schedule.Take(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	r.Asked = askedFor(r.Asked, slots)
	return slots, schedule.Put(ctx, s.Store, r)
}
