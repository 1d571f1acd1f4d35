package recurrence

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// CronFields are what an expression of five fields means. As in Azure, days of
// the month and months are not looked at.
type CronFields struct {
	Minutes, Hours, WeekDays []int
	// Ignored names the fields that say more than "*", and mean nothing.
	Ignored []string
}

// ParseCron reads an expression as NCrontab does: lists, ranges, steps and
// names. An error is a [*FieldError] of the field "expression".
func ParseCron(expression string) (CronFields, error) {
	fail := func(hint, format string, args ...any) (CronFields, error) {
		return CronFields{}, wrong("expression", hint, format, args...)
	}
	fields := strings.Fields(expression)
	switch {
	case len(fields) == 6:
		return fail("leave out the seconds", "%q has six fields, and Azure ML knows five: minute, hour, day of month, month, day of week", expression)
	case len(fields) != 5:
		return fail(`write "30 2 * * *" for 02:30 every day`, "%q has %d fields in place of five: minute, hour, day of month, month, day of week", expression, len(fields))
	}
	parsed := make([][]int, len(fields))
	for i, f := range cronFields {
		values, err := f.parse(fields[i])
		if err != nil {
			return fail("", "%s: %v", f.name, err)
		}
		parsed[i] = values
	}
	c := CronFields{Minutes: parsed[0], Hours: parsed[1], WeekDays: parsed[4]}
	for i := 2; i <= 3; i++ {
		if f := cronFields[i]; len(parsed[i]) < f.most-f.least+1 {
			c.Ignored = append(c.Ignored, f.name)
		}
	}
	return c, nil
}

type cronField struct {
	name        string
	least, most int
	// names stand for least and the numbers after it.
	names []string
}

var cronFields = [...]cronField{
	{name: "minute", least: 0, most: 59},
	{name: "hour", least: 0, most: 23},
	{name: "day of month", least: 1, most: 31},
	{name: "month", least: 1, most: 12, names: monthNames()},
	{name: "day of week", least: 0, most: 6, names: dayNames()},
}

func monthNames() (names []string) {
	for m := time.January; m <= time.December; m++ {
		names = append(names, m.String())
	}
	return names
}

func dayNames() (names []string) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		names = append(names, d.String())
	}
	return names
}

// parse reads a field: "*", "5", "1-5", "*/15", "1-30/2", "10/20", and lists of them.
func (f cronField) parse(text string) ([]int, error) {
	chosen := make([]bool, f.most+1)
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		by := 1
		if stepped {
			var err error
			if by, err = strconv.Atoi(step); err != nil || by < 1 {
				return nil, fmt.Errorf("%q is not a step", step)
			}
		}
		first, last, err := f.span(span, stepped)
		if err != nil {
			return nil, err
		}
		for v := first; v <= last; v += by {
			if v > f.most { // a week that ends with Sunday as its seventh day
				chosen[f.least] = true
			} else {
				chosen[v] = true
			}
		}
	}
	var values []int
	for v := f.least; v <= f.most; v++ {
		if chosen[v] {
			values = append(values, v)
		}
	}
	return values, nil
}

// span reads a range. A single number with a step begins a range.
func (f cronField) span(text string, stepped bool) (first, last int, err error) {
	if text == "*" || text == "?" {
		return f.least, f.most, nil
	}
	from, to, ranged := strings.Cut(text, "-")
	if first, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if last, err = f.value(to); err != nil {
			return 0, 0, err
		}
		if last == 0 && first > 0 && f.week() {
			last = 7
		}
		if last < first {
			return 0, 0, fmt.Errorf("the range %s ends before it begins; write two ranges, with a comma between them", text)
		}
		return first, last, nil
	case stepped:
		return first, f.most, nil
	}
	return first, first, nil
}

func (f cronField) week() bool { return f.most == 6 }

func (f cronField) value(text string) (int, error) {
	for i, name := range f.names {
		if len(text) >= 3 && strings.HasPrefix(strings.ToLower(name), strings.ToLower(text)) {
			return f.least + i, nil
		}
	}
	v, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", text)
	case v == 7 && f.week():
		return 0, nil
	case v < f.least || v > f.most:
		return 0, fmt.Errorf("%d is not between %d and %d", v, f.least, f.most)
	}
	return v, nil
}
