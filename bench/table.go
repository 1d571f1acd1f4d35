package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// sample is the same thing measured several times.
type sample []float64

// seconds adds a duration to the sample, in seconds.
func (s *sample) seconds(d time.Duration) { *s = append(*s, d.Seconds()) }

// median is the value in the middle; of an even number, the mean of both.
func (s sample) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	if len(sorted) == 0 {
		return 0
	}
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// scaled returns the sample with every value multiplied.
func (s sample) scaled(factor float64) sample {
	out := make(sample, len(s))
	for i, v := range s {
		out[i] = v * factor
	}
	return out
}

// table is the lines of the result.
type table []row

type row struct {
	what, unit string
	values     sample
	// aim is what the figure should not exceed; 0 where there is no aim.
	aim float64
}

// add writes down a measured line.
func (t *table) add(what, unit string, values sample, aim float64) {
	*t = append(*t, row{what, unit, values, aim})
}

// write prints the table as Markdown, aligned for reading as it is.
func (t table) write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(out, "| what\t| unit\t| median\t| lowest\t| highest\t| aim\t|\n")
	fmt.Fprint(out, "|---\t|---\t|---\t|---\t|---\t|---\t|\n")
	for _, r := range t {
		aim := ""
		if r.aim != 0 {
			aim = fmt.Sprintf("%g", r.aim)
		}
		fmt.Fprintf(out, "| %s\t| %s\t| %.2f\t| %.2f\t| %.2f\t| %s\t|\n",
			r.what, r.unit, r.values.median(), slices.Min(r.values), slices.Max(r.values), aim)
	}
	return out.Flush()
}
