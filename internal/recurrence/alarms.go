package recurrence

import (
	"fmt"
	"slices"
	"time"
)

// Alarms are what a server is told of a [Spec]: moments in UTC that hold all of
// the Spec's, and perhaps others. They are the same for as long as they are kept,
// whatever becomes of time zones.
type Alarms struct {
	Calendars []Calendar `json:"calendars,omitempty"`
	Intervals []Interval `json:"intervals,omitempty"`
	// Start and End bound the moments, both included; zero is no bound.
	Start time.Time `json:"start_time,omitzero"`
	End   time.Time `json:"end_time,omitzero"`
}

// Calendar is the moments at which all of it is met, in UTC. Only the lists of
// days and months may be empty, which is every day and every month.
type Calendar struct {
	// Comment says in words of the zone what is meant.
	Comment   string `json:"comment,omitempty"`
	Second    int    `json:"second,omitempty"`
	Minutes   []int  `json:"minutes"`
	Hours     []int  `json:"hours"`
	WeekDays  []int  `json:"week_days,omitempty"`
	MonthDays []int  `json:"month_days,omitempty"`
	Months    []int  `json:"months,omitempty"`
}

// Interval is the moments that lie Offset after a multiple of Every, counted
// from 1970 on.
type Interval struct {
	Every  time.Duration `json:"every"`
	Offset time.Duration `json:"offset"`
}

// Match reports whether there is an alarm at that very second.
func (a Alarms) Match(t time.Time) bool {
	t = t.UTC().Truncate(time.Second)
	if t.Before(a.Start) || !a.End.IsZero() && t.After(a.End) {
		return false
	}
	return slices.ContainsFunc(a.Calendars, func(c Calendar) bool { return c.match(t) }) ||
		slices.ContainsFunc(a.Intervals, func(i Interval) bool { return i.match(t) })
}

func (c Calendar) match(t time.Time) bool {
	among := func(list []int, v int) bool { return len(list) == 0 || slices.Contains(list, v) }
	return t.Second() == c.Second && among(c.Minutes, t.Minute()) && among(c.Hours, t.Hour()) &&
		among(c.WeekDays, int(t.Weekday())) && among(c.MonthDays, t.Day()) && among(c.Months, int(t.Month()))
}

func (i Interval) match(t time.Time) bool {
	every := int64(i.Every / time.Second)
	return (t.Unix()-int64(i.Offset/time.Second))%every == 0
}

// horizon is how many years clock changes are looked ahead: the days on which a rule
// such as "the last Sunday of March" can fall have all come by then.
const horizon = 28

// mostIntervals bounds how many intervals say what a calendar can say less
// precisely.
const mostIntervals = 48

// Alarms are the moments at which a server has to wake somebody who asks the
// Spec. Those in vain are few: in the weeks in which clocks are changed, and where
// every second day or the like is meant in a zone whose clocks are changed.
func (s *Spec) Alarms(now time.Time) Alarms {
	a := Alarms{Start: s.start.UTC(), End: s.end.UTC()}
	if s.start.IsZero() {
		a.Start = time.Time{}
	}
	if s.end.IsZero() {
		a.End = time.Time{}
	}
	from := now
	if s.start.After(from) {
		from = s.start
	}
	spans := spansOf(s.loc, from)
	switch {
	case s.unit.Counted():
		a.Intervals = []Interval{intervalAt(s.every(), s.anchor)}
	case s.allHours() && s.weekDays == 0 && s.monthDays == 0 && s.interval == 1 && wholeHours(spans):
		a.Calendars = []Calendar{s.hourly(spans[0])}
	case len(spans) == 1:
		if a.Intervals = s.intervals(); a.Intervals == nil {
			a.Calendars = s.calendars(spans)
		}
	default:
		a.Calendars = s.calendars(spans)
	}
	return a
}

// intervalAt is the interval that has a moment in it.
func intervalAt(every time.Duration, moment time.Time) Interval {
	seconds := int64(every / time.Second)
	return Interval{Every: every, Offset: time.Duration(moment.Unix()%seconds) * time.Second}
}

// intervals says a recurrence of every second day or week, and the like, in a
// zone whose clocks are not changed. It is nil where calendars have to say it.
func (s *Spec) intervals() []Interval {
	if s.interval == 1 || s.unit == Month || s.monthDays != 0 || s.unit == Day && s.weekDays != 0 {
		return nil
	}
	first, every := []int{s.anchorDay}, 24*time.Hour
	if s.unit == Week {
		first, every = nil, 7*24*time.Hour
		for day := (week(s.anchorDay))*7 - 3; len(first) < 7; day++ {
			first = append(first, day)
		}
		first = slices.DeleteFunc(first, func(day int) bool { return !s.fires(day) })
	}
	if len(first)*len(s.hours)*len(s.minutes) > mostIntervals {
		return nil
	}
	var list []Interval
	for _, day := range first {
		for _, hour := range s.hours {
			for _, minute := range s.minutes {
				list = append(list, intervalAt(time.Duration(s.interval)*every, at(s.loc, day, hour, minute, s.second)))
			}
		}
	}
	return list
}

// wholeHours reports whether the clocks of a zone are changed by whole hours, as
// those of most are: which minutes of an hour are meant is then always the same.
func wholeHours(spans []span) bool {
	return !slices.ContainsFunc(spans, func(sp span) bool { return (sp.offset-spans[0].offset)%time.Hour != 0 })
}

// hourly says that every hour is the same.
func (s *Spec) hourly(sp span) Calendar {
	c := Calendar{Comment: s.loc.String(), Second: s.second, Hours: upTo(24)}
	for _, minute := range s.minutes {
		c.Minutes = append(c.Minutes, floorMod(minute-int(sp.offset/time.Minute), 60))
	}
	slices.Sort(c.Minutes)
	return c
}

// calendars says for every offset that the zone has in turn what its clock times
// are in UTC, on the days on which it can have it.
func (s *Spec) calendars(spans []span) []Calendar {
	var list []Calendar
	for _, sp := range spans {
		east := int(sp.offset / time.Minute)
		for _, g := range s.groups(east) {
			base := Calendar{Comment: s.comment(sp), Second: s.second, Minutes: g.minutes, Hours: g.hours, WeekDays: s.weekDaysAt(g.shift)}
			list = append(list, s.monthsOf(base, sp, g.shift)...)
		}
	}
	return list
}

func (s *Spec) comment(sp span) string {
	return fmt.Sprintf("%s, %s", s.loc, time.Unix(0, 0).In(time.FixedZone("", int(sp.offset/time.Second))).Format("UTC-07:00"))
}

// group is some of the clock times of a Spec, in UTC. They come shift days after
// the day on which the clocks of the zone show them.
type group struct {
	shift          int
	hours, minutes []int
}

// groups cuts the clock times so that in each group every hour goes with every
// minute, given how many minutes the zone is before UTC.
func (s *Spec) groups(east int) []group {
	byBorrow := map[int][]int{}
	for _, minute := range s.minutes {
		m := minute - floorMod(east, 60)
		byBorrow[floorDiv(m, 60)] = append(byBorrow[floorDiv(m, 60)], floorMod(m, 60))
	}
	var list []group
	for borrow := -1; borrow <= 0; borrow++ {
		minutes := byBorrow[borrow]
		if minutes == nil {
			continue
		}
		byShift := map[int][]int{}
		for _, hour := range s.hours {
			h := hour - floorDiv(east, 60) + borrow
			byShift[floorDiv(h, 24)] = append(byShift[floorDiv(h, 24)], floorMod(h, 24))
		}
		for shift := -1; shift <= 1; shift++ {
			if hours := byShift[shift]; hours != nil {
				list = append(list, group{shift: shift, hours: hours, minutes: minutes})
			}
		}
	}
	return list
}

func (s *Spec) weekDaysAt(shift int) []int {
	var list []int
	for day := range 7 {
		if s.weekDays&(1<<day) != 0 {
			list = append(list, floorMod(day+shift, 7))
		}
	}
	slices.Sort(list)
	return list
}

// monthsOf makes calendars of one, for the days on which the zone can have the
// offset, and on which the Spec can fire. Months with the same days share one.
func (s *Spec) monthsOf(base Calendar, sp span, shift int) []Calendar {
	var list []Calendar
	for month := 1; month <= 12; month++ {
		if !s.firesInMonth(month, shift) {
			continue
		}
		on := sp.days[month] & s.monthDaysAt(month, shift)
		if on == 0 {
			continue
		}
		var monthDays []int
		if on != everyMonthDay {
			monthDays = bits(on)
		}
		same := slices.IndexFunc(list, func(c Calendar) bool { return slices.Equal(c.MonthDays, monthDays) })
		if same < 0 {
			same = len(list)
			c := base
			c.MonthDays = monthDays
			list = append(list, c)
		}
		list[same].Months = append(list[same].Months, month)
	}
	for i := range list {
		if len(list[i].Months) == 12 {
			list[i].Months = nil
		}
	}
	return list
}

// everyMonthDay has the bits 1 to 31.
const everyMonthDay uint32 = 1<<32 - 2

// monthDaysAt are the days of a month, in UTC. Only of February it is not known
// which day is the last.
func (s *Spec) monthDaysAt(month, shift int) uint32 {
	if s.monthDays == 0 {
		return everyMonthDay
	}
	before := (month+10)%12 + 1
	var days uint32
	for _, day := range bits(s.monthDays) {
		switch {
		case shift == 0:
			days |= 1 << day
		case shift < 0 && day > 1:
			days |= 1 << (day - 1)
		case shift < 0: // the first of the next month
			days |= lastDays(month)
		default:
			days |= 1 << (day + 1) & everyMonthDay
			if lastDays(before)&(1<<day) != 0 {
				days |= 1 << 1
			}
		}
	}
	return days
}

// longest are the lengths of the months, in leap years, from 1 on.
var longest = [...]int{1: 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// lastDays are the days that may be the last of a month.
func lastDays(month int) uint32 {
	last := uint32(1) << longest[month]
	if month == int(time.February) {
		last |= 1 << 28
	}
	return last
}

// firesInMonth reports whether a recurrence of every few months can fire in a
// month of the year, in UTC.
func (s *Spec) firesInMonth(m, shift int) bool {
	if s.unit != Month || 12%s.interval != 0 {
		return true
	}
	anchor := int(dateOf(s.anchorDay).Month())
	return (m-anchor)%s.interval == 0 || shift != 0 && (m-shift-anchor)%s.interval == 0
}
