package metrics

import "math"

// Sample picks at most most points of a series that look like all of them: the
// first, the last, and in each of equally many parts in between the one that
// makes the largest triangle with its neighbours. It returns the series itself
// where that is short enough, and keeps the order.
func Sample(series []Point, most int) []Point {
	n := len(series)
	switch {
	case n <= most:
		return series
	case most <= 0:
		return nil
	case most == 1:
		return series[n-1:]
	case most == 2:
		return []Point{series[0], series[n-1]}
	}
	sampled := make([]Point, 0, most)
	sampled = append(sampled, series[0])
	at := 0 // the index of the point that was picked last
	width := float64(n-2) / float64(most-2)
	for part := range most - 2 {
		from, to := 1+int(float64(part)*width), 1+int(float64(part+1)*width)
		end := n
		if part < most-3 {
			end = 1 + int(float64(part+2)*width)
		}
		x, y := middle(series, to, end)
		at = largest(series, at, from, to, x, y)
		sampled = append(sampled, series[at])
	}
	return append(sampled, series[n-1])
}

// largest is the index, from from up to to, of the point that makes the largest
// triangle with the point at the index at and with x and y. What is no number
// makes none.
func largest(series []Point, at, from, to int, x, y float64) int {
	best, area := from, -1.0
	for i := from; i < to; i++ {
		a := math.Abs((float64(at)-x)*(series[i].Value-series[at].Value) - float64(at-i)*(y-series[at].Value))
		if a > area || area < 0 && !finite(series[best].Value) && finite(series[i].Value) {
			best, area = i, a
		}
	}
	return best
}

// middle is the mean of the numbers of a part of a series.
func middle(series []Point, from, to int) (x, y float64) {
	n := 0
	for i := from; i < to; i++ {
		if v := series[i].Value; finite(v) {
			n++
			y += (v - y) / float64(n)
		}
	}
	return float64(from+to-1) / 2, y
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
