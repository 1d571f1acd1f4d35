package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/internal/schedule"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func TestScheduleVerbsReadTheirFlags(t *testing.T) {
	wants(t, newScheduleCreateCmd, "-f s.yml -n other --set a=1 b=2 --no-wait", scheduleCreateOptions{file: "s.yml", name: "other", set: []string{"a=1", "b=2"}})
	refuses(t, newScheduleCreateCmd, "-n other", "-f/--file is missing")
	wants(t, newScheduleListCmd, "-r 3 --include-disabled", scheduleListOptions{most: 3, includeDisabled: true})
	wants(t, newScheduleListCmd, "--disabled-only", scheduleListOptions{disabledOnly: true})
	refuses(t, newScheduleListCmd, "--disabled-only --include-disabled", "disabled-only")
	wants(t, newScheduleShowCmd, "--name s", scheduleNameOptions{name: "s"})
	refuses(t, newScheduleShowCmd, "", "-n/--name is missing")
	wants(t, newScheduleEnableCmd, "-n s", scheduleEnableOptions{name: "s", enabled: true})
	wants(t, newScheduleDisableCmd, "-n s --note why --no-wait", scheduleEnableOptions{name: "s", note: "why"})
	wants(t, newScheduleTriggerCmd, "-n s", scheduleNameOptions{name: "s"})
	wants(t, newScheduleRunsCmd, "-n s", scheduleRunsOptions{name: "s", listed: listed{most: 50}})
	wants(t, newScheduleRunsCmd, "-n s -r 3 --all-results", scheduleRunsOptions{name: "s", listed: listed{most: 3, all: true}})
	wants(t, newScheduleBackfillCmd, "-n s --from 2026-01-01 --to 2026-01-31", scheduleBackfillOptions{name: "s", from: "2026-01-01", to: "2026-01-31"})
	if _, err := parsed(t, newScheduleBackfillCmd, "-n s"); err == nil || err.Error() != "--from is missing" {
		t.Errorf("without --from: %v", err)
	}
	wants(t, newScheduleDeleteCmd, "-n s -y", scheduleNameOptions{name: "s", yes: true})
	wants(t, newScheduleUpdateCmd, "-n s --set description=d", scheduleUpdateOptions{name: "s", changes: changes{list: []change{{"set", []string{"description=d"}}}}})
}

func nightly(t *testing.T) *runs.Schedule {
	t.Helper()
	sc := &runs.Schedule{Record: schedule.Record{
		Making: schedule.Making{Schedule: "nightly", Type: "pipeline", Trigger: recurrence.Trigger{
			Type: recurrence.Recurrence, Frequency: recurrence.Week, Interval: 2, Zone: "Pacific Standard Time", Start: "2026-01-05",
			Schedule: &recurrence.Pattern{Hours: []int{2, 4}, Minutes: []int{30}, WeekDays: []string{"monday"}},
		}},
		Description: "every night", CreateJob: "./pipeline.yml",
	}, Known: true, Skipped: 2}
	spec, err := sc.Spec()
	if err != nil {
		t.Fatal(err)
	}
	sc.Next = []time.Time{spec.Next(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))}
	return sc
}

func TestAScheduleIsShownToPeople(t *testing.T) {
	d := nightly(t).Document()
	d["last_jobs"] = []map[string]any{{"name": "nightly-20260216T103000Z", "status": "Completed"}}
	for _, tt := range []struct {
		table func(any) *term.Table
		want  string
	}{
		{scheduleDetails, `name         nightly
description  every night
state        enabled
fires        every 2 weeks, Monday, 02:30 and 04:30, Pacific Standard Time
next         Mon 2026-03-02 02:30:00 -08:00
last jobs    nightly-20260216T103000Z  Completed
skipped      2
`},
		{scheduleTable, `Name     Description  Is enabled  Provisioning state  Fires next
-------  -----------  ----------  ------------------  ------------------------------
nightly  every night  True        Succeeded           Mon 2026-03-02 02:30:00 -08:00
`},
	} {
		plain, err := term.Plain(d)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := tt.table(plain).Write(&b); err != nil {
			t.Fatal(err)
		}
		if got := trimLines(b.String()); got != tt.want {
			t.Errorf("shown as\n%s\nwant\n%s", got, tt.want)
		}
	}
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestAScheduleIsShownToPrograms(t *testing.T) {
	text, err := json.Marshal(nightly(t).Document())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"create_job":{"job":"./pipeline.yml","type":"pipeline"}`, `"is_enabled":true`, `"provisioning_state":"Succeeded"`,
		`"schedule":{"hours":[2,4],"minutes":[30],"month_days":null,"week_days":["monday"]}`, `"frequency":"week","interval":2`,
		`"next_fire_times":["2026-03-02T02:30:00-08:00"]`, `"time_zone":"Pacific Standard Time"`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
}

func TestBackfillReadsItsTimesInTheZoneOfTheSchedule(t *testing.T) {
	now := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	o := scheduleBackfillOptions{from: "2026-03-08T02:30:00"}
	from, to, err := o.bounds(nightly(t), now)
	if err != nil || from.Format(time.RFC3339) != "2026-03-08T10:30:00Z" || !to.Equal(now) {
		t.Errorf("from %s to %s, %v", from, to, err)
	}
	for _, wrong := range []scheduleBackfillOptions{{from: "yesterday"}, {from: "2026-03-01", to: "tomorrow"}, {from: "2026-03-02", to: "2026-03-01"}} {
		if _, _, err := wrong.bounds(nightly(t), now); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

func TestAScheduleThatTheServerDoesNotKnowIsNotSaidToFire(t *testing.T) {
	sc := nightly(t)
	sc.Known, sc.Unknown, sc.Next = false, true, nil
	d := sc.Document()
	if d["is_enabled"] != false || d["provisioning_state"] != "Failed" || d["unknown_to_server"] != true {
		t.Errorf("shown as %v", d)
	}
	for want, table := range map[string]func(any) *term.Table{
		"never: not known to the server": scheduleTable, "state        not known to the server\n": scheduleDetails,
	} {
		plain, err := term.Plain(d)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := table(plain).Write(&b); err != nil {
			t.Fatal(err)
		}
		if got := trimLines(b.String()); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestSchedulesHaveOneKeeper(t *testing.T) {
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	own := keeper(config.Config{}, h)
	shared := keeper(config.Config{Store: "s3://bucket"}, h)
	elsewhere := keeper(config.Config{Store: "s3://bucket", Temporal: &config.Temporal{Address: "a:1", Namespace: "n"}}, h)
	if own != "" || !strings.HasSuffix(shared, ":"+h.Dir()) || elsewhere != "a:1/n" {
		t.Errorf("%q, %q, %q", own, shared, elsewhere)
	}
}
