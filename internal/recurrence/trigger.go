package recurrence

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Trigger is what a file says of when a schedule fires, in Azure ML's words.
type Trigger struct {
	// Type is Cron or Recurrence.
	Type Type `json:"type"`
	// Expression is that of a cron trigger.
	Expression string `json:"expression,omitempty"`
	// Frequency, Interval and Schedule are those of a recurrence.
	Frequency Frequency `json:"frequency,omitempty"`
	Interval  int       `json:"interval,omitempty"`
	Schedule  *Pattern  `json:"schedule,omitempty"`
	// Start and End bound the moments, both included; "" is no bound. Without an
	// offset of their own they are clock times of the zone.
	Start string `json:"start_time,omitempty"`
	End   string `json:"end_time,omitempty"`
	// Zone is a name that Windows or the IANA gave; "" is UTC.
	Zone string `json:"time_zone,omitempty"`
}

// Type says which of the two ways to describe a recurrence a [Trigger] uses.
type Type string

// The types of triggers.
const (
	Cron       Type = "cron"
	Recurrence Type = "recurrence"
)

// Frequency is the unit in which a recurrence is counted.
type Frequency string

// The frequencies.
const (
	Minute Frequency = "minute"
	Hour   Frequency = "hour"
	Day    Frequency = "day"
	Week   Frequency = "week"
	Month  Frequency = "month"
)

// Frequencies are all of them, the shortest first.
func Frequencies() []Frequency { return []Frequency{Minute, Hour, Day, Week, Month} }

// Counted reports whether the unit is time that passes. The others are days of
// the calendar, with clock times on them.
func (f Frequency) Counted() bool { return f == Minute || f == Hour }

// Pattern says at which clock times, and on which days, a recurrence fires. All
// of it must be met at once. Empty lists of days are met by every day.
type Pattern struct {
	Hours     []int    `json:"hours"`
	Minutes   []int    `json:"minutes"`
	WeekDays  []string `json:"week_days,omitempty"`
	MonthDays []int    `json:"month_days,omitempty"`
}

// MaxInterval bounds the interval of a recurrence.
const MaxInterval = 1000

// FieldError says which key of a trigger is wrong.
type FieldError struct {
	// Field is the key, as in the file: "expression", "schedule.hours".
	Field   string
	Message string
	// Hint says what would be right, where that is known.
	Hint string
}

// Error names the key and what is wrong with it.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func wrong(field, hint, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Compile makes the Spec of a trigger. Since is when the schedule was made:
// a recurrence that has no start is counted from its minute. Every error is a
// [*FieldError].
func Compile(t Trigger, since time.Time) (*Spec, error) {
	loc, err := Location(t.Zone)
	if err != nil {
		return nil, wrong("time_zone", "", "%v", err)
	}
	s := &Spec{loc: loc}
	for _, bound := range []struct {
		field, text string
		into        *time.Time
	}{{"start_time", t.Start, &s.start}, {"end_time", t.End, &s.end}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = ParseTime(bound.text, loc); err != nil {
			return nil, wrong(bound.field, "write 2026-01-31T08:00:00", "%v", err)
		}
	}
	if !s.end.IsZero() && s.end.Before(s.start) {
		return nil, wrong("end_time", "", "it is before start_time")
	}
	switch t.Type {
	case Cron:
		return s, s.cron(t.Expression)
	case Recurrence:
		anchor := s.start
		if anchor.IsZero() {
			anchor = since.Truncate(time.Minute)
		}
		return s, s.recurrence(t, anchor)
	}
	return nil, wrong("type", "use cron or recurrence", "%q is not a type of trigger", t.Type)
}

func (s *Spec) cron(expression string) error {
	c, err := ParseCron(expression)
	if err != nil {
		return err
	}
	s.unit, s.interval = Day, 1
	s.hours, s.minutes, s.weekDays = c.Hours, c.Minutes, days(c.WeekDays)
	return nil
}

func (s *Spec) recurrence(t Trigger, anchor time.Time) error {
	if !slices.Contains(Frequencies(), t.Frequency) {
		return wrong("frequency", "use minute, hour, day, week or month", "%q is not a frequency", t.Frequency)
	}
	if t.Interval < 1 || t.Interval > MaxInterval {
		return wrong("interval", "", "it must be a whole number from 1 to %d, not %d", MaxInterval, t.Interval)
	}
	s.unit, s.interval, s.anchor = t.Frequency, t.Interval, anchor
	local := anchor.In(s.loc)
	s.anchorDay = dayOf(local)
	switch {
	case t.Frequency.Counted():
		return nil // clock times mean nothing to what is counted in time
	case t.Schedule == nil:
		s.hours, s.minutes, s.second = []int{local.Hour()}, []int{local.Minute()}, local.Second()
	default:
		if err := s.pattern(t.Schedule); err != nil {
			return err
		}
	}
	if s.monthDays == 0 && s.weekDays == 0 {
		switch t.Frequency {
		case Week:
			s.weekDays = 1 << local.Weekday()
		case Month:
			s.monthDays = 1 << local.Day()
		}
	}
	return nil
}

func (s *Spec) pattern(p *Pattern) error {
	var err error
	if s.hours, err = set("schedule.hours", p.Hours, 0, 23); err != nil {
		return err
	}
	if s.minutes, err = set("schedule.minutes", p.Minutes, 0, 59); err != nil {
		return err
	}
	for _, day := range p.MonthDays {
		if day < 1 || day > 31 {
			return wrong("schedule.month_days", "", "%d is not between 1 and 31", day)
		}
		s.monthDays |= 1 << day
	}
	for _, name := range p.WeekDays {
		day, ok := ParseWeekDay(name)
		if !ok {
			return wrong("schedule.week_days", "write monday, tuesday, ...", "%q is not a day of the week", name)
		}
		s.weekDays |= 1 << day
	}
	return nil
}

// set checks the hours or minutes of a pattern, and sorts them.
func set(field string, values []int, least, most int) ([]int, error) {
	if len(values) == 0 {
		return nil, wrong(field, "", "at least one is needed")
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(values)))
	for _, v := range sorted {
		if v < least || v > most {
			return nil, wrong(field, "", "%d is not between %d and %d", v, least, most)
		}
	}
	return sorted, nil
}

// ParseWeekDay reads the name of a day of the week, or its first three letters
// or more.
func ParseWeekDay(name string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if len(name) >= 3 && strings.HasPrefix(strings.ToLower(day.String()), strings.ToLower(name)) {
			return day, true
		}
	}
	return 0, false
}

// days makes a set of days of the week; all of them are no restriction.
func days(list []int) weekdaySet {
	var s weekdaySet
	for _, d := range list {
		s |= 1 << d
	}
	if s == everyDay {
		return 0
	}
	return s
}
