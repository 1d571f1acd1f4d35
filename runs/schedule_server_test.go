package runs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/recurrence"
)

func TestAlarmsAsTheServerTakesThem(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got := serverSpec(recurrence.Alarms{
		Start: start,
		Calendars: []recurrence.Calendar{
			{Comment: "c", Second: 5, Minutes: []int{0, 15, 30}, Hours: []int{8, 9, 10, 22}},
			{Minutes: []int{0}, Hours: []int{0}, WeekDays: []int{0, 6}, MonthDays: []int{1, 30, 31}, Months: []int{2}},
		},
		Intervals: []recurrence.Interval{{Every: time.Hour, Offset: time.Minute}},
	})
	one := func(n int) []client.ScheduleRange { return []client.ScheduleRange{{Start: n, End: n}} }
	want := client.ScheduleSpec{
		TimeZoneName: "UTC", StartAt: start,
		Calendars: []client.ScheduleCalendarSpec{
			{
				Comment: "c", Second: one(5), Minute: []client.ScheduleRange{{Start: 0, End: 0}, {Start: 15, End: 15}, {Start: 30, End: 30}},
				Hour:       []client.ScheduleRange{{Start: 8, End: 10}, {Start: 22, End: 22}},
				DayOfMonth: []client.ScheduleRange{{Start: 1, End: 31}}, Month: []client.ScheduleRange{{Start: 1, End: 12}}, DayOfWeek: []client.ScheduleRange{{Start: 0, End: 6}},
			},
			{
				Second: one(0), Minute: one(0), Hour: one(0), Month: one(2),
				DayOfMonth: []client.ScheduleRange{{Start: 1, End: 1}, {Start: 30, End: 31}}, DayOfWeek: []client.ScheduleRange{{Start: 0, End: 0}, {Start: 6, End: 6}},
			},
		},
		Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour, Offset: time.Minute}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJobsAreFoundByTheWorkflowsOfTheirSchedule(t *testing.T) {
	if job, ok := jobOf("nightly", "schedule/nightly-2026-03-08T10:30:00Z"); !ok || job != "nightly-20260308T103000Z" {
		t.Errorf("%q, %v", job, ok)
	}
	for _, other := range []string{"schedule/nightly-2-2026-03-08T10:30:00Z", "nightly-20260308T103000Z", ""} {
		if job, ok := jobOf("nightly", other); ok {
			t.Errorf("%q is taken for %s", other, job)
		}
	}
}

func TestEveryOverlapHasAPolicy(t *testing.T) {
	seen := map[enumspb.ScheduleOverlapPolicy]bool{}
	for _, o := range []azureml.Overlap{azureml.Skip, azureml.BufferOne, azureml.BufferAll, azureml.CancelOther, azureml.TerminateOther, azureml.AllowAll} {
		seen[overlapPolicy(o)] = true
	}
	if len(seen) != 6 || overlapPolicy("") != enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL {
		t.Errorf("policies are %v", seen)
	}
}
