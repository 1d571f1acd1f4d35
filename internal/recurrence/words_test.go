package recurrence

import "testing"

func TestTriggersInWords(t *testing.T) {
	for want, trigger := range map[string]Trigger{
		"cron 30 2 * * *, UTC": {Type: Cron, Expression: "30 2 * * *"},
		"every minute, UTC":    {Type: Recurrence, Frequency: Minute, Interval: 1, Schedule: &Pattern{Hours: []int{1}, Minutes: []int{2}}},
		"every week, Monday, 06:00, Pacific Standard Time": {
			Type: Recurrence, Frequency: Week, Interval: 1, Zone: "Pacific Standard Time",
			Schedule: &Pattern{Hours: []int{6}, Minutes: []int{0}, WeekDays: []string{"monday"}},
		},
		"every 2 weeks, Monday, Wednesday and Friday, 06:05, 06:30, 18:05 and 18:30, UTC": {
			Type: Recurrence, Frequency: Week, Interval: 2,
			Schedule: &Pattern{Hours: []int{18, 6}, Minutes: []int{30, 5}, WeekDays: []string{"mon", "wednesday", "fri"}},
		},
		"every 3 months, days 1 and 15 of the month, hours 1, 2, 3 and 4, minutes 0 and 30, UTC": {
			Type: Recurrence, Frequency: Month, Interval: 3,
			Schedule: &Pattern{Hours: []int{1, 2, 3, 4}, Minutes: []int{0, 30}, MonthDays: []int{1, 15}},
		},
		"every day, day 31 of the month, Europe/Berlin": {
			Type: Recurrence, Frequency: Day, Interval: 1, Zone: "Europe/Berlin", Schedule: &Pattern{MonthDays: []int{31}},
		},
	} {
		if got := trigger.Words(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
