package recurrence

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// slow says whether a trigger fires at a moment, as the documentation of the
// package has it, by looking at the clocks around it.
type slow struct {
	Trigger
	cron   CronFields
	loc    *time.Location
	anchor time.Time
	start  time.Time
	end    time.Time
}

func newSlow(t testing.TB, tr Trigger, since time.Time) *slow {
	t.Helper()
	s := &slow{Trigger: tr, anchor: since.Truncate(time.Minute)}
	var err error
	if s.loc, err = Location(tr.Zone); err != nil {
		t.Fatal(err)
	}
	if tr.Start != "" {
		if s.start, err = ParseTime(tr.Start, s.loc); err != nil {
			t.Fatal(err)
		}
		s.anchor = s.start
	}
	if tr.End != "" {
		if s.end, err = ParseTime(tr.End, s.loc); err != nil {
			t.Fatal(err)
		}
	}
	if tr.Type == Cron {
		if s.cron, err = ParseCron(tr.Expression); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *slow) fires(t time.Time) bool {
	if t.Before(s.start) || !s.end.IsZero() && t.After(s.end) {
		return false
	}
	if s.Type == Recurrence && s.Frequency.Counted() {
		every := time.Duration(s.Interval) * time.Minute
		if s.Frequency == Hour {
			every *= 60
		}
		return t.Sub(s.anchor)%every == 0
	}
	shown := wall(t, s.loc)
	if s.everyHour() {
		return s.meets(shown)
	}
	if s.meets(shown) {
		again := false
		for ago := time.Minute; ago <= 3*time.Hour; ago += time.Minute {
			again = again || wall(t.Add(-ago), s.loc).Equal(shown)
		}
		if !again {
			return true
		}
	}
	// Would the clock have shown a time that it skipped?
	for ago := time.Minute; ago <= 3*time.Hour; ago += time.Minute {
		changed := t.Add(-ago)
		was, is := offset(s.loc, changed), offset(s.loc, changed.Add(time.Minute))
		if is > was {
			return ago-time.Minute < is-was && s.meets(t.UTC().Add(was))
		}
	}
	return false
}

// wall is what the clock shows, as if it were UTC.
func wall(t time.Time, loc *time.Location) time.Time {
	return t.UTC().Add(offset(loc, t))
}

func (s *slow) everyHour() bool {
	return s.Type == Cron && len(s.cron.Hours) == 24 || s.Schedule != nil && len(s.Schedule.Hours) == 24
}

// meets holds what a clock shows against the trigger.
func (s *slow) meets(shown time.Time) bool {
	if s.Type == Cron {
		return shown.Second() == 0 && slices.Contains(s.cron.Hours, shown.Hour()) && slices.Contains(s.cron.Minutes, shown.Minute()) &&
			slices.Contains(s.cron.WeekDays, int(shown.Weekday()))
	}
	first := wall(s.anchor, s.loc)
	date := func(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }
	monday := func(t time.Time) time.Time { return date(t).AddDate(0, 0, -(int(t.Weekday())+6)%7) }
	var passed int
	switch s.Frequency {
	case Day:
		passed = int(date(shown).Sub(date(first)) / (24 * time.Hour))
	case Week:
		passed = int(monday(shown).Sub(monday(first)) / (7 * 24 * time.Hour))
	case Month:
		passed = (shown.Year()-first.Year())*12 + int(shown.Month()) - int(first.Month())
	}
	if passed%s.Interval != 0 {
		return false
	}
	var p Pattern
	if s.Schedule != nil {
		p = *s.Schedule
		if shown.Second() != 0 || !slices.Contains(p.Hours, shown.Hour()) || !slices.Contains(p.Minutes, shown.Minute()) {
			return false
		}
	} else if shown.Hour() != first.Hour() || shown.Minute() != first.Minute() || shown.Second() != first.Second() {
		return false
	}
	if len(p.MonthDays) > 0 && !slices.Contains(p.MonthDays, shown.Day()) ||
		len(p.WeekDays) > 0 && !slices.Contains(p.WeekDays, strings.ToLower(shown.Weekday().String())) {
		return false
	}
	if len(p.MonthDays) == 0 && len(p.WeekDays) == 0 {
		if s.Frequency == Week && shown.Weekday() != first.Weekday() || s.Frequency == Month && shown.Day() != first.Day() {
			return false
		}
	}
	return true
}

// restless are zones whose clocks are changed in ways that differ: in both
// halves of the world, on both sides of Greenwich, by half an hour, at midnight.
var restless = []string{"", "America/Los_Angeles", "Europe/Berlin", "W. Europe Standard Time", "GMT Standard Time", "Australia/Lord_Howe",
	"Australia/Sydney", "America/Santiago", "America/St_Johns", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Africa/Casablanca",
	"Pacific/Chatham", "Asia/Kolkata", "Pacific/Kiritimati", "Etc/GMT+12", "Atlantic/Azores", "Asia/Kathmandu"}

// anyTrigger makes a trigger up.
func anyTrigger(r *rand.Rand, near time.Time) Trigger {
	some := func(n, least, most int) []int {
		var list []int
		for range 1 + r.IntN(n) {
			list = append(list, least+r.IntN(most-least+1))
		}
		return list
	}
	tr := Trigger{Type: Recurrence, Interval: 1 + r.IntN(4), Zone: restless[r.IntN(len(restless))]}
	switch r.IntN(4) {
	case 0:
		tr.Start = near.Add(-time.Duration(r.IntN(100*24*60)) * time.Minute).Format(time.RFC3339)
	case 1:
		tr.Start = near.Add(-time.Duration(r.IntN(1000*24*3600)) * time.Second).Format("2006-01-02T15:04:05")
	case 2:
		tr.End = near.Add(time.Duration(r.IntN(4*24*60)) * time.Minute).Format("2006-01-02 15:04")
	}
	if r.IntN(3) == 0 {
		tr.Type = Cron
		pick := func(fields ...string) string { return fields[r.IntN(len(fields))] }
		tr.Expression = pick("*/15", "0", "30", "5,35", "*", "7-50/9") + " " + pick("*", "*", "2", "1", "0", "1-3", "*/2", "23,0,1") + " * * " +
			pick("*", "*", "SUN", "1-5", "0,6")
		return tr
	}
	tr.Frequency = Frequencies()[r.IntN(5)]
	if tr.Frequency.Counted() {
		tr.Interval = 1 + r.IntN(200)
	}
	if r.IntN(4) > 0 {
		tr.Schedule = &Pattern{Hours: some(4, 0, 3), Minutes: some(3, 0, 59)}
		switch r.IntN(8) {
		case 0:
			tr.Schedule.Hours = upTo(24)
		case 1:
			tr.Schedule.Hours = some(5, 0, 23)
		}
		if r.IntN(3) == 0 {
			for _, d := range some(3, 0, 6) {
				tr.Schedule.WeekDays = append(tr.Schedule.WeekDays, strings.ToLower(time.Weekday(d).String()))
			}
		}
		if tr.Frequency == Month && r.IntN(2) == 0 {
			tr.Schedule.MonthDays = some(6, 1, 31)
		}
	}
	return tr
}

// aChange is a moment near a change of a zone's clocks, where it has any.
func aChange(r *rand.Rand, zone string) time.Time {
	t := time.Date(2025+r.IntN(8), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
	if loc, err := Location(zone); err == nil && r.IntN(4) > 0 {
		if _, end := t.In(loc).ZoneBounds(); !end.IsZero() {
			return end.UTC()
		}
	}
	return t
}

// compare holds a Spec against the slow way, and its alarms against both, for
// some days around a moment.
func compare(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	tr := anyTrigger(r, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	near := aChange(r, tr.Zone)
	if tr.End != "" || r.IntN(3) == 0 {
		near = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	}
	since := near.Add(-time.Duration(r.IntN(40*24*3600)) * time.Second)
	spec, err := Compile(tr, since)
	if err != nil {
		t.Fatalf("%+v: %v", tr, err)
	}
	s := newSlow(t, tr, since)
	alarms := spec.Alarms(since)
	from, to := near.Add(-26*time.Hour), near.Add(26*time.Hour)
	var want, got []string
	second := time.Duration(0) // at which anything fires
	if tr.Type == Recurrence && (tr.Schedule == nil || tr.Frequency.Counted()) {
		second = time.Duration(s.anchor.Second()) * time.Second
	}
	for at := from.Truncate(time.Minute).Add(second); !at.After(to); at = at.Add(time.Minute) {
		if at.Before(from) || !s.fires(at) {
			continue
		}
		want = append(want, at.UTC().Format(time.RFC3339))
		if !alarms.Match(at) && at.After(since) {
			t.Errorf("seed %d: %+v since %s: no alarm at %s: %+v", seed, tr, since, at, alarms)
		}
		if !spec.Contains(at) {
			t.Errorf("seed %d: %+v does not contain %s", seed, tr, at)
		}
	}
	for at := range spec.Times(from, to) {
		got = append(got, at.UTC().Format(time.RFC3339))
	}
	if !slices.Equal(got, want) {
		t.Errorf("seed %d: %+v, since %s, near %s:\n got %v\nwant %v", seed, tr, since, near, got, want)
	}
}

func TestSpecsFireAsTheSlowWaySays(t *testing.T) {
	for seed := range uint64(400) {
		compare(t, seed)
	}
}

func FuzzNext(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed << 20)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { compare(t, seed) })
}
