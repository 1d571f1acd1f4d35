package activities

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/internal/schedule"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestTriggerMakesWhatIsDue(t *testing.T) {
	a := newActivities(t)
	a.Launch = func(job record.Submitted, plan *pipeline.Plan) (json.RawMessage, error) {
		return json.Marshal(job.Name + " of " + plan.Steps[0].Name)
	}
	plan := chain("a")
	plan.Name = ""
	m := schedule.Making{
		Schedule: "nightly", Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Plan: a.keep(t, plan),
		Trigger: recurrence.Trigger{Type: recurrence.Recurrence, Frequency: recurrence.Day, Interval: 2, Zone: "W. Europe Standard Time",
			Schedule: &recurrence.Pattern{Hours: []int{3}, Minutes: []int{0}}},
	}
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	m.Alarms = spec.Alarms(m.Since)
	digest, err := schedule.Keep(t.Context(), a.Store, m)
	if err != nil {
		t.Fatal(err)
	}
	want := func(day int, job, pass string) {
		t.Helper()
		got, err := a.Trigger(t.Context(), TriggerInput{Making: digest, Time: time.Date(2026, 1, day, 2, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		launch := ""
		if job != "" && pass == "" {
			launch = `"` + job + ` of a"`
		}
		if got.Job != job || !strings.Contains(got.Pass, pass) || (got.Pass == "") != (pass == "") || string(got.Launch) != launch {
			t.Errorf("on day %d: %+v", day, got)
		}
	}
	want(5, "nightly-20260105T020000Z", "")
	want(6, "", "nothing is due")
	want(5, "nightly-20260105T020000Z", "") // a second attempt
	if err := a.Records.End(t.Context(), "nightly-20260105T020000Z", record.Ended{Status: pipeline.Completed}); err != nil {
		t.Fatal(err)
	}
	want(5, "nightly-20260105T020000Z", "is Completed already")

	if _, err := a.Trigger(t.Context(), TriggerInput{Making: pipeline.NewDigest(make([]byte, 32))}); err == nil || !strings.Contains(err.Error(), "create the schedule again") {
		t.Errorf("Trigger: %v", err)
	}
}
