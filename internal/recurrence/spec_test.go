package recurrence

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// fires lists the moments after one, as the clocks of the zone show them.
func fires(t *testing.T, tr Trigger, after string, n int) []string {
	t.Helper()
	loc, err := Location(tr.Zone)
	if err != nil {
		t.Fatal(err)
	}
	from, err := ParseTime(after, loc)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Compile(tr, from)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for next := spec.Next(from); !next.IsZero() && len(got) < n; next = spec.Next(next) {
		got = append(got, next.Format("Mon 2006-01-02 15:04:05 -0700"))
	}
	return got
}

func cron(expression, zone string) Trigger {
	return Trigger{Type: Cron, Expression: expression, Zone: zone}
}

func daily(hours, minutes []int, zone string) Trigger {
	return Trigger{Type: Recurrence, Frequency: Day, Interval: 1, Schedule: &Pattern{Hours: hours, Minutes: minutes}, Zone: zone}
}

func TestWhenSchedulesFire(t *testing.T) {
	const pacific, berlin, lordHowe, santiago = "Pacific Standard Time", "W. Europe Standard Time", "Lord Howe Standard Time", "Pacific SA Standard Time"
	for _, tt := range []struct {
		name    string
		trigger Trigger
		after   string
		want    []string
	}{
		{"every hour, in another zone", cron("0 * * * *", pacific), "2026-07-10T09:59:59", []string{
			"Fri 2026-07-10 10:00:00 -0700", "Fri 2026-07-10 11:00:00 -0700"}},
		{"hours times minutes", daily([]int{4, 5, 10}, []int{0, 30}, pacific), "2026-07-10T04:00:00", []string{
			"Fri 2026-07-10 04:30:00 -0700", "Fri 2026-07-10 05:00:00 -0700", "Fri 2026-07-10 05:30:00 -0700",
			"Fri 2026-07-10 10:00:00 -0700", "Fri 2026-07-10 10:30:00 -0700", "Sat 2026-07-11 04:00:00 -0700"}},
		{"days of the month and months in a cron expression mean nothing", cron("15 3 13 FEB FRI", ""), "2026-07-10T12:00:00", []string{
			"Fri 2026-07-17 03:15:00 +0000", "Fri 2026-07-24 03:15:00 +0000"}},

		// Clocks go forward.
		{"Los Angeles skips 02:30", cron("30 2 * * *", pacific), "2026-03-07T02:30:00", []string{
			"Sun 2026-03-08 03:30:00 -0700", "Mon 2026-03-09 02:30:00 -0700"}},
		{"Los Angeles skips an hour, and hourly jobs do not notice", cron("0 * * * *", pacific), "2026-03-08T00:30:00", []string{
			"Sun 2026-03-08 01:00:00 -0800", "Sun 2026-03-08 03:00:00 -0700", "Sun 2026-03-08 04:00:00 -0700"}},
		{"two that fall together fire once", cron("30 2,3 * * *", pacific), "2026-03-08T00:00:00", []string{
			"Sun 2026-03-08 03:30:00 -0700", "Mon 2026-03-09 02:30:00 -0700", "Mon 2026-03-09 03:30:00 -0700"}},
		{"Berlin skips 02:30", cron("30 2 * * *", berlin), "2026-03-28T12:00:00", []string{
			"Sun 2026-03-29 03:30:00 +0200", "Mon 2026-03-30 02:30:00 +0200"}},
		{"Berlin, every quarter", cron("*/15 * * * *", berlin), "2026-03-29T01:40:00", []string{
			"Sun 2026-03-29 01:45:00 +0100", "Sun 2026-03-29 03:00:00 +0200", "Sun 2026-03-29 03:15:00 +0200"}},
		{"Lord Howe skips half an hour", cron("15 2 * * *", lordHowe), "2026-10-03T12:00:00", []string{
			"Sun 2026-10-04 02:45:00 +1100", "Mon 2026-10-05 02:15:00 +1100"}},
		{"Santiago skips midnight", cron("0 0 * * *", santiago), "2026-09-05T12:00:00", []string{
			"Sun 2026-09-06 01:00:00 -0300", "Mon 2026-09-07 00:00:00 -0300"}},

		// Clocks go back.
		{"Los Angeles repeats 01:30", cron("30 1 * * *", pacific), "2026-10-31T12:00:00", []string{
			"Sun 2026-11-01 01:30:00 -0700", "Mon 2026-11-02 01:30:00 -0800"}},
		{"Los Angeles repeats an hour, and hourly jobs do not notice", cron("0 * * * *", pacific), "2026-11-01T00:30:00", []string{
			"Sun 2026-11-01 01:00:00 -0700", "Sun 2026-11-01 01:00:00 -0800", "Sun 2026-11-01 02:00:00 -0800"}},
		{"Berlin repeats 02:30", cron("30 2 * * *", berlin), "2026-10-24T12:00:00", []string{
			"Sun 2026-10-25 02:30:00 +0200", "Mon 2026-10-26 02:30:00 +0100"}},
		{"Berlin, the hour before that", cron("30 1 * * *", berlin), "2026-10-24T12:00:00", []string{
			"Sun 2026-10-25 01:30:00 +0200", "Mon 2026-10-26 01:30:00 +0100"}},
		{"Berlin, every half hour", cron("0,30 * * * *", berlin), "2026-10-25T01:50:00", []string{
			"Sun 2026-10-25 02:00:00 +0200", "Sun 2026-10-25 02:30:00 +0200", "Sun 2026-10-25 02:00:00 +0100",
			"Sun 2026-10-25 02:30:00 +0100", "Sun 2026-10-25 03:00:00 +0100"}},
		{"Lord Howe repeats half an hour", cron("45 1 * * *", lordHowe), "2026-04-04T12:00:00", []string{
			"Sun 2026-04-05 01:45:00 +1100", "Mon 2026-04-06 01:45:00 +1030"}},
		{"Santiago repeats 23:30", cron("30 23 * * *", santiago), "2026-04-03T23:30:00", []string{
			"Sat 2026-04-04 23:30:00 -0300", "Sun 2026-04-05 23:30:00 -0400"}},

		// Counting.
		{"minutes from the start", Trigger{Type: Recurrence, Frequency: Minute, Interval: 25, Start: "2026-07-10T10:00:00"}, "2026-07-10T10:00:00", []string{
			"Fri 2026-07-10 10:25:00 +0000", "Fri 2026-07-10 10:50:00 +0000", "Fri 2026-07-10 11:15:00 +0000"}},
		{"hours are time that passes", Trigger{Type: Recurrence, Frequency: Hour, Interval: 6, Start: "2026-03-07T22:00:00", Zone: pacific}, "2026-03-07T22:00:00", []string{
			"Sun 2026-03-08 05:00:00 -0700", "Sun 2026-03-08 11:00:00 -0700"}},
		{"days at the clock time of the start", Trigger{Type: Recurrence, Frequency: Day, Interval: 3, Start: "2026-03-06T09:30:15", Zone: pacific}, "2026-03-06T09:30:15", []string{
			"Mon 2026-03-09 09:30:15 -0700", "Thu 2026-03-12 09:30:15 -0700"}},
		{"days from the making of the schedule", Trigger{Type: Recurrence, Frequency: Day, Interval: 1}, "2026-03-06T09:30:15", []string{
			"Sat 2026-03-07 09:30:00 +0000"}},
		{"every second week, which begins on Monday", Trigger{Type: Recurrence, Frequency: Week, Interval: 2, Start: "2026-07-08T00:00:00",
			Schedule: &Pattern{Hours: []int{8}, Minutes: []int{0}, WeekDays: []string{"sunday", "monday", "wednesday"}}}, "2026-07-01T00:00:00", []string{
			"Wed 2026-07-08 08:00:00 +0000", "Sun 2026-07-12 08:00:00 +0000", "Mon 2026-07-20 08:00:00 +0000", "Wed 2026-07-22 08:00:00 +0000", "Sun 2026-07-26 08:00:00 +0000"}},
		{"every week, on the day of the start", Trigger{Type: Recurrence, Frequency: Week, Interval: 1, Start: "2026-07-08T10:00:00"}, "2026-07-08T10:00:00", []string{
			"Wed 2026-07-15 10:00:00 +0000"}},
		{"month ends", Trigger{Type: Recurrence, Frequency: Month, Interval: 1,
			Schedule: &Pattern{Hours: []int{1}, Minutes: []int{0}, MonthDays: []int{30, 31}}}, "2026-01-30T12:00:00", []string{
			"Sat 2026-01-31 01:00:00 +0000", "Mon 2026-03-30 01:00:00 +0000", "Tue 2026-03-31 01:00:00 +0000", "Thu 2026-04-30 01:00:00 +0000"}},
		{"every month, on the day of the start", Trigger{Type: Recurrence, Frequency: Month, Interval: 1, Start: "2026-01-31T06:00:00"}, "2026-01-31T06:00:00", []string{
			"Tue 2026-03-31 06:00:00 +0000", "Sun 2026-05-31 06:00:00 +0000"}},
		{"leap days", Trigger{Type: Recurrence, Frequency: Month, Interval: 12, Start: "2024-02-29T06:00:00"}, "2026-01-31T06:00:00", []string{
			"Tue 2028-02-29 06:00:00 +0000", "Sun 2032-02-29 06:00:00 +0000"}},
		{"2100 is no leap year, and the end", Trigger{Type: Recurrence, Frequency: Month, Interval: 12, Start: "2024-02-29T06:00:00"}, "2092-03-01T00:00:00", []string{
			"Wed 2096-02-29 06:00:00 +0000"}},

		// Bounds.
		{"a start to come", Trigger{Type: Cron, Expression: "0 0 * * *", Start: "2027-01-01T00:00:00"}, "2026-07-10T00:00:00", []string{
			"Fri 2027-01-01 00:00:00 +0000", "Sat 2027-01-02 00:00:00 +0000"}},
		{"an end, which counts", Trigger{Type: Cron, Expression: "0 0 * * *", End: "2026-07-12T00:00:00"}, "2026-07-10T00:00:00", []string{
			"Sat 2026-07-11 00:00:00 +0000", "Sun 2026-07-12 00:00:00 +0000"}},
		{"an end that is past", Trigger{Type: Cron, Expression: "0 0 * * *", End: "2026-07-01"}, "2026-07-10T00:00:00", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := max(1, len(tt.want))
			if tt.name == "2100 is no leap year, and the end" {
				n++
			}
			if got := fires(t, tt.trigger, tt.after, n); !slices.Equal(got, tt.want) {
				t.Errorf("fires\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(tt.want, "\n "))
			}
		})
	}
}

// Servers are to be woken for nothing as seldom as can be.
func TestAlarmsAreFew(t *testing.T) {
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		trigger Trigger
		vain    int // alarms in a year at which nothing fires
		of      int // all alarms of a year
	}{
		{"hourly", cron("0 * * * *", "Pacific Standard Time"), 0, 365 * 24},
		{"hourly, half an hour off", cron("0 * * * *", "India Standard Time"), 0, 365 * 24},
		{"hourly, where clocks are changed by half an hour", cron("45 * * * *", "Lord Howe Standard Time"), 24 * 18, 365*24 + 24*18},
		{"on days of the month that are others in UTC", Trigger{Type: Recurrence, Frequency: Month, Interval: 1, Start: "2026-01-01", Zone: "Pacific/Kiritimati",
			Schedule: &Pattern{Hours: []int{1}, Minutes: []int{0}, MonthDays: []int{1, 31}}}, 1, 20},
		{"daily in UTC", cron("0 3 * * *", ""), 0, 365},
		{"daily where clocks are changed", cron("0 3 * * *", "Pacific Standard Time"), 18, 365 + 18},
		{"on working days where clocks are changed", cron("0 23 * * 1-5", "W. Europe Standard Time"), 12, 261 + 12},
		{"every third day", Trigger{Type: Recurrence, Frequency: Day, Interval: 3, Start: "2026-01-01T08:00:00"}, 0, 122},
		{"every second week", Trigger{Type: Recurrence, Frequency: Week, Interval: 2, Start: "2026-01-01T08:00:00",
			Schedule: &Pattern{Hours: []int{8, 20}, Minutes: []int{0}, WeekDays: []string{"monday", "friday"}}, Zone: "Tokyo Standard Time"}, 0, 105},
		{"every quarter of a year", Trigger{Type: Recurrence, Frequency: Month, Interval: 3, Start: "2026-02-15T08:00:00"}, 0, 4},
		{"minutes", Trigger{Type: Recurrence, Frequency: Minute, Interval: 7, Start: "2026-01-01T00:00:30"}, 0, 365*24*60/7 + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := Compile(tt.trigger, since)
			if err != nil {
				t.Fatal(err)
			}
			alarms := spec.Alarms(since)
			all, vain := 0, 0
			second := time.Duration(spec.second) * time.Second
			if spec.unit.Counted() {
				second = time.Duration(spec.anchor.Second()) * time.Second
			}
			for at := since.Add(second); at.Year() == 2026; at = at.Add(time.Minute) {
				if !alarms.Match(at) {
					continue
				}
				if all++; !spec.Contains(at) {
					vain++
				}
			}
			if vain > tt.vain || all > tt.of || all-vain == 0 {
				t.Errorf("%d of %d alarms in vain, want at most %d of %d: %+v", vain, all, tt.vain, tt.of, alarms)
			}
			if n := len(alarms.Calendars) + len(alarms.Intervals); n > 16 {
				t.Errorf("%d calendars and intervals", n)
			}
		})
	}
}
