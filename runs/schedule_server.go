package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/internal/schedule"
	"github.com/millrace-ml/millrace/workflows"
)

// workflowPrefix keeps the workflows that schedules start apart from jobs, whose
// names have no slash. Temporal adds the time.
const workflowPrefix = "schedule/"

// firedForm is how Temporal writes that time after the name.
const firedForm = "-2006-01-02T15:04:05Z"

// jobOf is the name of the job that a schedule's workflow runs.
func jobOf(name, workflow string) (string, bool) {
	t, err := time.Parse(firedForm, strings.TrimPrefix(workflow, workflowPrefix+name))
	return schedule.JobName(name, t), err == nil
}

// action is what the server does each time.
func action(r *schedule.Record) *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID:                  workflowPrefix + r.Schedule,
		Workflow:            workflows.ScheduledType,
		Args:                []any{workflows.ScheduledInput{Schedule: r.Schedule, Making: r.Digest}},
		TaskQueue:           workflows.PipelinesQueue,
		WorkflowTaskTimeout: workflows.JobTaskTimeout,
		StaticSummary:       summary(r),
		StaticDetails:       details(r),
	}
}

// introduce tells the server of a schedule that it does not know. Where it does,
// the error is [temporal.ErrScheduleAlreadyRunning], and nothing has changed.
func (s *Service) introduce(ctx context.Context, r *schedule.Record) error {
	_, err := s.Temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: r.Schedule, Spec: serverSpec(r.Alarms), Action: action(r), Overlap: overlapPolicy(azureml.Overlap(r.Overlap)),
		CatchupWindow: r.CatchupWindow, Paused: r.Disabled, Note: noteOf(r),
	})
	return err
}

// tell has the server know a schedule as it is now, whatever it knew before.
func (s *Service) tell(ctx context.Context, r *schedule.Record) error {
	err := s.introduce(ctx, r)
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	spec := serverSpec(r.Alarms)
	return s.Temporal.ScheduleClient().GetHandle(ctx, r.Schedule).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			return &client.ScheduleUpdate{Schedule: &client.Schedule{
				Action: action(r), Spec: &spec,
				Policy: &client.SchedulePolicies{Overlap: overlapPolicy(azureml.Overlap(r.Overlap)), CatchupWindow: r.CatchupWindow},
				State:  &client.ScheduleState{Paused: r.Disabled, Note: noteOf(r)},
			}}, nil
		},
	})
}

func overlapPolicy(o azureml.Overlap) enumspb.ScheduleOverlapPolicy {
	switch o {
	case azureml.Skip:
		return enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
	case azureml.BufferOne:
		return enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE
	case azureml.BufferAll:
		return enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
	case azureml.CancelOther:
		return enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER
	case azureml.TerminateOther:
		return enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER
	}
	return enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
}

// serverSpec words alarms for the server. They are in UTC; see [recurrence.Alarms].
func serverSpec(a recurrence.Alarms) client.ScheduleSpec {
	spec := client.ScheduleSpec{StartAt: a.Start, EndAt: a.End, TimeZoneName: "UTC"}
	for _, c := range a.Calendars {
		spec.Calendars = append(spec.Calendars, client.ScheduleCalendarSpec{
			Comment: c.Comment, Second: ranges([]int{c.Second}), Minute: ranges(c.Minutes), Hour: ranges(c.Hours),
			DayOfMonth: ranges(or(c.MonthDays, 1, 31)), Month: ranges(or(c.Months, 1, 12)), DayOfWeek: ranges(or(c.WeekDays, 0, 6)),
		})
	}
	for _, i := range a.Intervals {
		spec.Intervals = append(spec.Intervals, client.ScheduleIntervalSpec{Every: i.Every, Offset: i.Offset})
	}
	return spec
}

// or is a list, or where it is empty all from first to last.
func or(list []int, first, last int) []int {
	if len(list) > 0 {
		return list
	}
	for n := first; n <= last; n++ {
		list = append(list, n)
	}
	return list
}

// ranges joins numbers that follow each other.
func ranges(numbers []int) []client.ScheduleRange {
	var list []client.ScheduleRange
	for _, n := range slices.Sorted(slices.Values(numbers)) {
		if last := len(list) - 1; last >= 0 && list[last].End == n-1 {
			list[last].End = n
		} else {
			list = append(list, client.ScheduleRange{Start: n, End: n})
		}
	}
	return list
}

// knows reports whether the server knows a schedule, with an error for people.
func (s *Service) knows(ctx context.Context, name string) (*Schedule, error) {
	sc, err := s.ShowSchedule(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case s.Temporal == nil:
		return nil, fmt.Errorf("schedule %s: %w", name, ErrNoServer)
	case !sc.Known:
		return nil, fmt.Errorf("schedule %s: %w", name, ErrUnknownSchedule)
	}
	return sc, nil
}
