package recurrence

import (
	"fmt"
	"strings"
	"time"
)

// at is the moment at which the clocks of a zone show a time. One that they show
// twice means the first time; one that they skip, the moment at which they would
// show it had they not been changed.
//
// time.Date does not serve: which of two moments it takes depends on whether
// the zone lies east or west of Greenwich.
func at(loc *time.Location, day, hour, minute, second int) time.Time {
	shown := time.Unix(int64(day)*secondsPerDay+int64(hour*3600+minute*60+second), 0)
	// Offsets lie between -12 and +14 hours: one change can fall between the two.
	before, after := offset(loc, shown.Add(-15*time.Hour)), offset(loc, shown.Add(13*time.Hour))
	early := shown.Add(-before)
	if before == after || offset(loc, early) == before {
		return early
	}
	if late := shown.Add(-after); offset(loc, late) == after {
		return late
	}
	return early // skipped
}

// offset is how far the clocks of a zone are before UTC.
func offset(loc *time.Location, t time.Time) time.Duration {
	_, seconds := t.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}

const secondsPerDay = 24 * 60 * 60

// dayOf numbers the day that a clock shows, from 1970-01-01 on.
func dayOf(local time.Time) int {
	y, m, d := local.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// dateOf is the date of a day's number, in UTC.
func dateOf(day int) time.Time { return time.Unix(int64(day)*secondsPerDay, 0).UTC() }

// forms are how times are written. The first of them have an offset.
var forms = []struct {
	layout string
	offset bool
}{
	{"2006-01-02T15:04:05Z07:00", true},
	{"2006-01-02T15:04Z07:00", true},
	{"2006-01-02T15:04:05Z0700", true},
	{"2006-01-02T15:04:05", false},
	{"2006-01-02T15:04", false},
	{"2006-01-02", false},
}

// ParseTime reads a time as ISO 8601 writes it, with an offset or without, or
// a date. What has no offset is shown by the clocks of loc.
func ParseTime(text string, loc *time.Location) (time.Time, error) {
	written := strings.TrimSpace(text)
	if len(written) > 10 && written[10] == ' ' {
		written = written[:10] + "T" + strings.TrimSpace(written[11:])
	}
	written = strings.ReplaceAll(written, " ", "")
	for _, form := range forms {
		t, err := time.Parse(form.layout, written)
		if err != nil {
			continue
		}
		if t.Year() < 1970 || t.Year() > lastYear {
			return time.Time{}, fmt.Errorf("%q is not between the years 1970 and %d", text, lastYear)
		}
		if form.offset {
			return t.UTC().Truncate(time.Second), nil
		}
		return at(loc, dayOf(t), t.Hour(), t.Minute(), t.Second()).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time", text)
}
