package recurrence

import (
	"iter"
	"slices"
	"time"
)

// lastYear is the last in which anything fires.
const lastYear = 2100

// Spec says for every moment whether a schedule fires. Make one with [Compile].
type Spec struct {
	loc        *time.Location
	start, end time.Time // both included; zero is no bound

	// unit and interval say how often; anchor is where counting begins.
	unit      Frequency
	interval  int
	anchor    time.Time
	anchorDay int

	// The rest is for days, weeks and months: at which clock times, on which days.
	hours, minutes []int
	second         int
	weekDays       weekdaySet // 0 is every day
	monthDays      uint32     // bit n is day n of the month; 0 is every day
}

// weekdaySet has bit n for time.Weekday(n).
type weekdaySet uint8

const everyDay weekdaySet = 1<<7 - 1

// Location is the time zone in which the Spec reads clocks.
func (s *Spec) Location() *time.Location { return s.loc }

// Bounds are the moments before and after which nothing fires; zero is none.
func (s *Spec) Bounds() (start, end time.Time) { return s.start, s.end }

// Next is the first moment after the given one at which the schedule fires, in
// its time zone; the zero Time where there is none any more.
func (s *Spec) Next(after time.Time) time.Time {
	if !s.start.IsZero() && after.Before(s.start) {
		after = s.start.Add(-time.Nanosecond)
	}
	var next time.Time
	switch {
	case s.unit.Counted():
		next = s.nextCounted(after)
	case s.allHours():
		next = s.nextOfAll(after)
	default:
		next = s.nextClock(after)
	}
	if next.IsZero() || !s.end.IsZero() && next.After(s.end) || next.Year() > lastYear {
		return time.Time{}
	}
	return next.In(s.loc)
}

// Contains reports whether the schedule fires at that very second.
func (s *Spec) Contains(t time.Time) bool {
	t = t.Truncate(time.Second)
	return s.Next(t.Add(-time.Nanosecond)).Equal(t)
}

// Times are the moments from one to another, both included.
func (s *Spec) Times(from, to time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for t := s.Next(from.Add(-time.Nanosecond)); !t.IsZero() && !t.After(to); t = s.Next(t) {
			if !yield(t) {
				return
			}
		}
	}
}

// every is the time between two moments of a counted recurrence.
func (s *Spec) every() time.Duration {
	if s.unit == Hour {
		return time.Duration(s.interval) * time.Hour
	}
	return time.Duration(s.interval) * time.Minute
}

func (s *Spec) nextCounted(after time.Time) time.Time {
	every := int64(s.every() / time.Second)
	// Rounding down to the second is right: moments are whole seconds.
	passed := after.Unix() - s.anchor.Unix()
	return time.Unix(s.anchor.Unix()+(floorDiv(passed, every)+1)*every, 0)
}

// allHours reports whether every hour of the day is meant, so that hours are
// taken as they pass.
func (s *Spec) allHours() bool { return len(s.hours) == 24 }

// nextOfAll walks through the hours as they pass, minute by minute; where nothing
// fires it takes steps of a quarter, within which no clocks are changed.
func (s *Spec) nextOfAll(after time.Time) time.Time {
	t := time.Unix(floorDiv(after.Unix(), 60)*60+int64(s.second), 0).In(s.loc)
	for !t.After(after) {
		t = t.Add(time.Minute)
	}
	for ; t.Year() <= lastYear; t = t.Add(time.Minute) {
		switch {
		case !s.fires(dayOf(t)):
			t = t.Add(time.Duration(14-t.Minute()%15) * time.Minute)
		case slices.Contains(s.minutes, t.Minute()):
			return t
		}
	}
	return time.Time{}
}

// nextClock looks through the days.
func (s *Spec) nextClock(after time.Time) time.Time {
	// A clock time that was skipped yesterday may fire today.
	for day := dayOf(after.In(s.loc)) - 1; ; day++ {
		if dateOf(day).Year() > lastYear {
			return time.Time{}
		}
		if !s.fires(day) {
			continue
		}
		var next time.Time
		for _, hour := range s.hours {
			for _, minute := range s.minutes {
				t := at(s.loc, day, hour, minute, s.second)
				if t.After(after) && (next.IsZero() || t.Before(next)) {
					next = t
				}
			}
		}
		if !next.IsZero() {
			return next
		}
	}
}

// fires reports whether the schedule fires on a day.
func (s *Spec) fires(day int) bool {
	date := dateOf(day)
	if s.weekDays != 0 && s.weekDays&(1<<date.Weekday()) == 0 ||
		s.monthDays != 0 && s.monthDays&(1<<date.Day()) == 0 {
		return false
	}
	if s.interval == 1 {
		return true
	}
	var passed int
	switch s.unit {
	case Day:
		passed = day - s.anchorDay
	case Week:
		passed = week(day) - week(s.anchorDay)
	case Month:
		passed = month(date) - month(dateOf(s.anchorDay))
	}
	return passed%s.interval == 0
}

// week numbers the weeks; they begin on Monday.
func week(day int) int { return floorDiv(day+3, 7) } // 1970-01-01 was a Thursday

func month(date time.Time) int { return date.Year()*12 + int(date.Month()) }

// floorDiv rounds down, also below zero.
func floorDiv[N int | int64](a, b N) N {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
