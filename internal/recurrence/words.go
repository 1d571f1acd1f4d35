package recurrence

import (
	"fmt"
	"slices"
	"strings"
)

// Words say when a trigger fires, and in which zone, for people:
// "every 2 weeks, Monday and Friday, 06:00, Pacific Standard Time".
func (t Trigger) Words() string {
	zone := t.Zone
	if zone == "" {
		zone = "UTC"
	}
	if t.Type == Cron {
		return "cron " + t.Expression + ", " + zone
	}
	words := []string{"every " + string(t.Frequency)}
	if t.Interval != 1 {
		words[0] = fmt.Sprintf("every %d %ss", t.Interval, t.Frequency)
	}
	if p := t.Schedule; p != nil && !t.Frequency.Counted() {
		words = append(words, p.words()...)
	}
	return strings.Join(append(words, zone), ", ")
}

func (p *Pattern) words() []string {
	var words []string
	if len(p.WeekDays) > 0 {
		var days []string
		for _, text := range p.WeekDays {
			if day, ok := ParseWeekDay(text); ok {
				text = day.String()
			}
			days = append(days, text)
		}
		words = append(words, and(days))
	}
	if len(p.MonthDays) > 0 {
		word := "day "
		if len(p.MonthDays) > 1 {
			word = "days "
		}
		words = append(words, word+and(texts("%d", p.MonthDays))+" of the month")
	}
	// Few times are written out; of many the hours and minutes are.
	const few = 6
	if n := len(p.Hours) * len(p.Minutes); n > few {
		words = append(words, "hours "+and(texts("%d", p.Hours)), "minutes "+and(texts("%d", p.Minutes)))
	} else if n > 0 {
		var times []string
		for _, hour := range p.Hours {
			times = append(times, texts(fmt.Sprintf("%02d:%%02d", hour), p.Minutes)...)
		}
		slices.Sort(times)
		words = append(words, and(slices.Compact(times)))
	}
	return words
}

func texts(format string, numbers []int) []string {
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = fmt.Sprintf(format, n)
	}
	return list
}

// and joins "a", "b" and "c" to "a, b and c".
func and(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " and " + list[last]
}
