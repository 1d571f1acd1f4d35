package term

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// Number writes a number for people: four significant digits, and whole numbers
// as they are.
func Number(v float64) string {
	size := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	case v == math.Trunc(v) && size < 1e9:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size < 1e-4 || size >= 1e9:
		return strconv.FormatFloat(v, 'e', 3, 64)
	case size >= 1e4:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// MetricNames puts the names of metrics in the order in which they are shown: by
// name, what is told of the machine at the end.
func MetricNames(metrics map[string]pipeline.Metric) []string {
	const machine = "system/"
	return slices.SortedFunc(maps.Keys(metrics), func(a, b string) int {
		if x, y := strings.HasPrefix(a, machine), strings.HasPrefix(b, machine); x != y {
			if x {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
}

// Metrics is a line with the last values of metrics, most of them at most: "acc
// 0.91, loss 0.25". It is "" where there are none.
func Metrics(metrics map[string]pipeline.Metric, most int) string {
	var parts []string
	names := MetricNames(metrics)
	for i, name := range names {
		if i == most {
			parts = append(parts, strconv.Itoa(len(names)-most)+" more")
			break
		}
		parts = append(parts, Cut(Clean(name), 30)+" "+Number(float64(metrics[name].Last)))
	}
	return strings.Join(parts, ", ")
}

// Spark draws values as a row of bars, one for each. What is no number is a gap.
func Spark(values []float64) string {
	const bars = "▁▂▃▄▅▆▇█"
	steps := []rune(bars)
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteByte(' ')
		case math.IsInf(v, 1):
			b.WriteRune(steps[len(steps)-1])
		case math.IsInf(v, -1):
			b.WriteRune(steps[0])
		case low == high:
			b.WriteRune(steps[len(steps)/2-1])
		default:
			// Halves first: the difference of two numbers may be infinite.
			part := (v/2 - low/2) / (high/2 - low/2)
			b.WriteRune(steps[int(math.Round(part*float64(len(steps)-1)))])
		}
	}
	return b.String()
}
