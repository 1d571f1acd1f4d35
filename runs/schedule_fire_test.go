package runs

import (
	"slices"
	"testing"
	"time"
)

func TestABackfillRemembersWhatItAskedFor(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 2, 0, 0, 0, time.UTC) }
	berlin := time.FixedZone("", 3600)
	got := askedFor([]time.Time{day(1), day(2), day(3)}, []Slot{
		{Time: day(2).In(berlin), Before: true}, {Time: day(3).In(berlin), Asked: true}, {Time: day(4)},
	})
	if want := []time.Time{day(1), day(3), day(4)}; !slices.Equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
	var many []Slot
	for n := range mostSlots {
		many = append(many, Slot{Time: day(5 + n)})
	}
	if got := askedFor(got, many); len(got) != mostSlots || !got[0].Equal(day(5)) {
		t.Errorf("remembers %d, from %v", len(got), got[0])
	}
}
