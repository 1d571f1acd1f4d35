package sweep

import (
	"fmt"
	"math"
	"slices"
)

// maxGrid bounds the points of a grid. More are never wanted; the product of
// many choices soon has no number.
const maxGrid = 1 << 40

// steps is how many different values an axis has; false where that is any
// number. Those that bring further axes along count once.
func (a *axis) steps() (int, bool) {
	switch a.Type {
	case "choice":
		return len(a.Values), true
	case "randint":
		return int(min(a.Upper, maxGrid)), true
	case "quniform", "qloguniform":
		low, high := value(a.Domain, 0), value(a.Domain, 1)
		return int(min(math.Round((high-low)/a.Q), maxGrid)) + 1, true
	}
	return 0, false
}

// gridSize is the number of points that axes span.
func (s *space) gridSize(list []int) (int, error) {
	size := 1
	for _, i := range list {
		n, err := s.axisSize(i)
		if err != nil {
			return 0, err
		}
		if n > maxGrid/size {
			return 0, fmt.Errorf("the grid has more than %d points", maxGrid)
		}
		size *= n
	}
	return size, nil
}

// axisSize is the number of points of an axis with all that its values bring.
func (s *space) axisSize(i int) (int, error) {
	a := &s.axes[i]
	n, finite := a.steps()
	if !finite {
		return 0, fmt.Errorf("hyperparameter %q: grid sampling needs values that can be counted, and a %s has any number", a.Name, a.Type)
	}
	if a.Type != "choice" {
		return n, nil
	}
	sum := 0
	for _, inner := range a.inner {
		n, err := s.gridSize(inner)
		if err != nil {
			return 0, err
		}
		if sum += n; sum > maxGrid {
			return 0, fmt.Errorf("the grid has more than %d points", maxGrid)
		}
	}
	return sum, nil
}

// gridPoint finds the places of the nth point of some axes. The last axis runs
// the fastest.
func (s *space) gridPoint(list []int, n int, at []float64) {
	for _, i := range slices.Backward(list) {
		size, _ := s.axisSize(i) // known to be finite
		s.gridAxis(i, n%size, at)
		n /= size
	}
}

func (s *space) gridAxis(i, n int, at []float64) {
	a := &s.axes[i]
	if a.Type != "choice" {
		steps, _ := a.steps()
		at[i] = a.middle(n, steps)
		return
	}
	for which, inner := range a.inner {
		size, _ := s.gridSize(inner)
		if n < size {
			at[i] = float64(which)
			s.gridPoint(inner, n, at)
			return
		}
		n -= size
	}
}

// middle is a place on a quantised axis that stands for its nth value.
func (a *axis) middle(n, steps int) float64 {
	if a.Type == "randint" {
		return (float64(n) + 0.5) / float64(steps)
	}
	v := value(a.Domain, 0) + float64(float64(n)*a.Q)
	if logarithmic(a.Type) {
		v = math.Log(max(v, math.SmallestNonzeroFloat64))
	}
	if a.Max == a.Min {
		return 0
	}
	return min(max((v-a.Min)/(a.Max-a.Min), 0), 1)
}
