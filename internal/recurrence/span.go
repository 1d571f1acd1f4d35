package recurrence

import (
	"slices"
	"time"
)

// span is an offset that a zone has, and when in the year.
type span struct {
	offset time.Duration
	// days are those on which the zone may have it, in UTC, by month from 1 on:
	// bit n is day n. The day of a change belongs to both offsets, and the next
	// one also to the old offset, for clock times that are skipped.
	days [13]uint32
}

// spansOf finds the offsets that a zone has from a moment on. It looks at every
// day: Time.ZoneBounds loses its way at the end of some years.
func spansOf(loc *time.Location, from time.Time) []span {
	var spans []span
	add := func(o time.Duration, day int) {
		i := slices.IndexFunc(spans, func(s span) bool { return s.offset == o })
		if i < 0 {
			i = len(spans)
			spans = append(spans, span{offset: o})
		}
		date := dateOf(day)
		spans[i].days[date.Month()] |= 1 << date.Day()
	}
	first := dayOf(from.UTC()) - 2
	was := offset(loc, dateOf(first))
	for day := first; day < first+horizon*366; day++ {
		is := offset(loc, dateOf(day+1))
		add(was, day)
		if is != was {
			add(is, day)
			add(was, day+1) // for clock times that are skipped
		}
		was = is
	}
	for i := range spans {
		spans[i].whole(len(spans) == 1)
	}
	return spans
}

// whole notes of which months all days are meant, however long they are.
func (s *span) whole(always bool) {
	for month := 1; month <= 12; month++ {
		if always || s.days[month] == everyMonthDay&(1<<(longest[month]+1)-1) {
			s.days[month] = everyMonthDay
		}
	}
}

// bits are the numbers of the bits that are set.
func bits(set uint32) []int {
	var list []int
	for n := range 32 {
		if set&(1<<n) != 0 {
			list = append(list, n)
		}
	}
	return list
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func floorMod(a, b int) int { return a - floorDiv(a, b)*b }
