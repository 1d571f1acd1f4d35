package recurrence

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCronExpressions(t *testing.T) {
	for _, tt := range []struct {
		expression              string
		minutes, hours, weekday []int
		ignored                 string
	}{
		{"0 * * * *", []int{0}, upTo(24), upTo(7), ""},
		{"*/20 9-17/4 * * MON-FRI", []int{0, 20, 40}, []int{9, 13, 17}, []int{1, 2, 3, 4, 5}, ""},
		{"5,1-3,59 0 ? ? 0,sat", []int{1, 2, 3, 5, 59}, []int{0}, []int{0, 6}, ""},
		{"40/10 22 1 * 7", []int{40, 50}, []int{22}, []int{0}, "day of month"},
		{"0 0 */2 jan-mar 5-7", []int{0}, []int{0}, []int{0, 5, 6}, "day of month, month"},
		{"0 0 1-31 1-12 sunday", []int{0}, []int{0}, []int{0}, ""},
		{" 00  07 *\t* * ", []int{0}, []int{7}, upTo(7), ""},
	} {
		c, err := ParseCron(tt.expression)
		if err != nil {
			t.Errorf("%q: %v", tt.expression, err)
			continue
		}
		if !slices.Equal(c.Minutes, tt.minutes) || !slices.Equal(c.Hours, tt.hours) || !slices.Equal(c.WeekDays, tt.weekday) || strings.Join(c.Ignored, ", ") != tt.ignored {
			t.Errorf("%q means %+v", tt.expression, c)
		}
	}
}

func TestWhatIsWrongWithATrigger(t *testing.T) {
	recur := func(change func(*Trigger)) Trigger {
		tr := Trigger{Type: Recurrence, Frequency: Day, Interval: 1, Schedule: &Pattern{Hours: []int{1}, Minutes: []int{0}}}
		change(&tr)
		return tr
	}
	for _, tt := range []struct {
		trigger     Trigger
		field, says string
	}{
		{cron("", ""), "expression", "0 fields"},
		{cron("0 0 0 * * *", ""), "expression", "six fields"},
		{cron("60 * * * *", ""), "expression", "minute: 60 is not between 0 and 59"},
		{cron("* * 0 * *", ""), "expression", "day of month: 0"},
		{cron("* * * * 8", ""), "expression", "day of week: 8"},
		{cron("* * * * su", ""), "expression", `"su" is not a number`},
		{cron("*/0 * * * *", ""), "expression", `"0" is not a step`},
		{cron("5-1 * * * *", ""), "expression", "ends before it begins"},
		{cron("1,,2 * * * *", ""), "expression", `"" is not a number`},
		{cron("0 0 * * *", "Pacific Time"), "time_zone", `"Pacific Time" is not a time zone`},
		{cron("0 0 * * *", "Local"), "time_zone", "is not a time zone"},
		{cron("0 0 * * *", "../UTC"), "time_zone", "is not a time zone"},
		{Trigger{Type: Cron, Expression: "0 0 * * *", Start: "tomorrow"}, "start_time", `"tomorrow" is not a time`},
		{Trigger{Type: Cron, Expression: "0 0 * * *", Start: "2026-02-30T00:00:00"}, "start_time", "is not a time"},
		{Trigger{Type: Cron, Expression: "0 0 * * *", Start: "2026-02-03", End: "2026-02-02"}, "end_time", "before start_time"},
		{Trigger{Type: "timer"}, "type", "not a type of trigger"},
		{recur(func(tr *Trigger) { tr.Frequency = "year" }), "frequency", "not a frequency"},
		{recur(func(tr *Trigger) { tr.Interval = 0 }), "interval", "from 1 to"},
		{recur(func(tr *Trigger) { tr.Schedule.Hours = nil }), "schedule.hours", "at least one"},
		{recur(func(tr *Trigger) { tr.Schedule.Minutes = []int{60} }), "schedule.minutes", "60"},
		{recur(func(tr *Trigger) { tr.Schedule.MonthDays = []int{32} }), "schedule.month_days", "32"},
		{recur(func(tr *Trigger) { tr.Schedule.WeekDays = []string{"mo"} }), "schedule.week_days", `"mo"`},
	} {
		_, err := Compile(tt.trigger, time.Now())
		var wrong *FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field || !strings.Contains(wrong.Message, tt.says) {
			t.Errorf("%+v: %v, want %s: %s", tt.trigger, err, tt.field, tt.says)
		}
	}
}

func TestTimesAsFilesWriteThem(t *testing.T) {
	la, err := Location("Pacific Standard Time")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2022-07-10T10:00:00":        "2022-07-10T17:00:00Z",
		"2022-07-10 10:00:00":        "2022-07-10T17:00:00Z",
		"2022-07-10T10:00":           "2022-07-10T17:00:00Z",
		"2022-01-10":                 "2022-01-10T08:00:00Z",
		"2022-07-10T10:00:00Z":       "2022-07-10T10:00:00Z",
		"2022-07-10T10:00:00+02:00":  "2022-07-10T08:00:00Z",
		"2022-07-10 10:00:00 +02:00": "2022-07-10T08:00:00Z",
		"2022-07-10T10:00:00-0700":   "2022-07-10T17:00:00Z",
		"2022-07-10T10:00:00.25":     "2022-07-10T17:00:00Z",
		"2026-03-08T02:30:00":        "2026-03-08T10:30:00Z",
		"2026-11-01T01:30:00":        "2026-11-01T08:30:00Z",
	} {
		got, err := ParseTime(text, la)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %s, %v; want %s", text, got.Format(time.RFC3339Nano), err, want)
		}
	}
}

func TestEveryZoneOfWindowsIsKnown(t *testing.T) {
	names := Zones()
	if len(names) < 140 {
		t.Errorf("only %d zones", len(names))
	}
	for _, name := range names {
		if _, err := Location(name); err != nil {
			t.Error(err)
		}
		if other := strings.ToLower(name); strings.HasSuffix(name, "Time") {
			if _, err := Location(other); err != nil {
				t.Error(err)
			}
		}
	}
}

func FuzzTrigger(f *testing.F) {
	f.Add("0 * * * *", "2022-07-10T10:00:00", "Pacific Standard Time")
	f.Add("*/7 1-5/2,9 ? JAN-mar SUN-7", "2022-07-10", "Europe/Berlin")
	f.Fuzz(func(t *testing.T, expression, start, zone string) {
		tr := Trigger{Type: Cron, Expression: expression, Start: start, Zone: zone}
		spec, err := Compile(tr, time.Unix(1.8e9, 0))
		if err != nil {
			return
		}
		if next := spec.Next(time.Unix(1.8e9, 0)); !next.IsZero() && !spec.Alarms(time.Unix(1.8e9, 0)).Match(next) {
			t.Errorf("%+v: no alarm at %s", tr, next)
		}
	})
}
