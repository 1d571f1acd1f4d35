package sweep

import (
	"fmt"
	"math"
	"strconv"

	"github.com/millrace-ml/millrace/pipeline"
)

// space is a search space with its axes in a fixed order: a dimension, then
// those that are nested in its values, one value after the other.
type space struct {
	axes []axis
	top  []int // the axes that always count
}

// axis is one dimension.
type axis struct {
	pipeline.Dimension
	// inner are, by value of a choice, the axes that count where it is chosen.
	inner [][]int
}

// maxAxes bounds a space, with all that is nested in it.
const maxAxes = 1000

func newSpace(dims []pipeline.Dimension) (*space, error) {
	s := &space{}
	var err error
	if s.top, err = s.add(dims); err != nil {
		return nil, err
	}
	if len(s.axes) == 0 {
		return nil, fmt.Errorf("the search space is empty")
	}
	return s, nil
}

func (s *space) add(dims []pipeline.Dimension) (list []int, err error) {
	for _, d := range dims {
		if err := Check(d); err != nil {
			return nil, err
		}
		if len(s.axes) >= maxAxes {
			return nil, fmt.Errorf("the search space has more than %d hyperparameters", maxAxes)
		}
		at := len(s.axes)
		s.axes = append(s.axes, axis{Dimension: d})
		list = append(list, at)
		if d.Type != "choice" {
			continue
		}
		inner := make([][]int, len(d.Values))
		for i, v := range d.Values {
			if inner[i], err = s.add(v.Nested); err != nil {
				return nil, err
			}
		}
		s.axes[at].inner = inner
	}
	return list, nil
}

// rebase has exponents be those of another base than e, given its logarithm.
func (s *space) rebase(log float64) {
	for i := range s.axes {
		switch a := &s.axes[i]; a.Type {
		case "loguniform", "qloguniform":
			a.Min, a.Max = a.Min*log, a.Max*log
			if a.Min > a.Max {
				a.Min, a.Max = a.Max, a.Min
			}
		case "lognormal", "qlognormal":
			a.Mu, a.Sigma = a.Mu*log, math.Abs(a.Sigma*log)
		}
	}
}

// Check reports a dimension that cannot be sampled, apart from what is nested in
// it.
func Check(d pipeline.Dimension) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("hyperparameter %q: "+format, append([]any{d.Name}, args...)...)
	}
	finite := func(numbers ...float64) bool {
		for _, v := range numbers {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
		return true
	}
	if !finite(d.Min, d.Max, d.Mu, d.Sigma, d.Q) {
		return wrong("all numbers must be finite")
	}
	switch d.Type {
	case "choice":
		if len(d.Values) == 0 {
			return wrong("a choice needs a value")
		}
	case "randint":
		if d.Upper < 1 {
			return wrong("upper must be 1 or more")
		}
	case "uniform", "quniform", "loguniform", "qloguniform":
		if d.Min > d.Max {
			return wrong("min_value is more than max_value")
		}
		if logarithmic(d.Type) && !finite(math.Exp(d.Max)) {
			return wrong("max_value is an exponent, and exp(%v) is no number", d.Max)
		}
	case "normal", "qnormal", "lognormal", "qlognormal":
		if d.Sigma < 0 {
			return wrong("sigma must not be negative")
		}
	default:
		return wrong("there is no distribution %q", d.Type)
	}
	if quantised(d.Type) && d.Q <= 0 {
		return wrong("q must be more than 0")
	}
	return nil
}

func quantised(kind string) bool {
	switch kind {
	case "quniform", "qloguniform", "qnormal", "qlognormal":
		return true
	}
	return false
}

func logarithmic(kind string) bool { return kind == "loguniform" || kind == "qloguniform" }

func gaussian(kind string) bool {
	switch kind {
	case "normal", "qnormal", "lognormal", "qlognormal":
		return true
	}
	return false
}

// point makes a point, given the place on every axis.
func (s *space) point(at []float64) Point {
	p := Point{Values: make(map[string]string), At: make([]float64, len(s.axes))}
	for i := range p.At {
		p.At[i] = Nowhere
	}
	s.fill(&p, s.top, at)
	return p
}

// fill sets the axes of a list, and those that their values bring along. It
// returns the names that it set.
func (s *space) fill(p *Point, list []int, at []float64) (names []string) {
	for _, i := range list {
		a := &s.axes[i]
		p.At[i] = at[i]
		names = append(names, a.Name)
		if a.Type != "choice" {
			p.Values[a.Name] = text(a.Domain, value(a.Domain, at[i]))
			continue
		}
		which := min(max(int(at[i]), 0), len(a.Values)-1)
		p.At[i] = float64(which)
		if len(a.Values[which].Nested) == 0 {
			p.Values[a.Name] = a.Values[which].Text
			continue
		}
		p.Values[a.Name] = object(s.fill(p, a.inner[which], at), p.Values)
	}
	return names
}

// value is the number that a share of a distribution lies below.
func value(d pipeline.Domain, share float64) float64 {
	// The ends of the normal distribution are infinitely far away.
	share = min(max(share, 0), 1)
	var v float64
	switch {
	case d.Type == "randint":
		return math.Min(math.Floor(share*float64(d.Upper)), float64(d.Upper-1))
	case gaussian(d.Type):
		v = d.Mu + float64(d.Sigma*normalAt(share))
	default:
		v = d.Min + float64((d.Max-d.Min)*share)
		v = min(max(v, d.Min), d.Max)
	}
	switch d.Type {
	case "loguniform", "qloguniform", "lognormal", "qlognormal":
		v = math.Exp(v)
	}
	if quantised(d.Type) {
		v = math.Round(v/d.Q) * d.Q
	}
	return v
}

// normalAt is the number of standard deviations that a share of the normal
// distribution lies below.
func normalAt(share float64) float64 {
	const least = 1.0 / (1 << 53)
	return math.Sqrt2 * math.Erfinv(2*min(max(share, least), 1-least)-1)
}

// text writes a sampled number as a command sees it. What is quantised to whole
// numbers is written as one: programs that ask for an integer take nothing else.
func text(d pipeline.Domain, v float64) string {
	whole := d.Type == "randint" || quantised(d.Type) && d.Q == math.Trunc(d.Q)
	if whole && math.Abs(v) < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	if quantised(d.Type) {
		v = tidy(v, d.Q)
	}
	return FormatFloat(v)
}

// tidy removes the noise of a product: 3*0.1 is meant to be 0.3.
func tidy(v, q float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 15, 64), 64)
	if err != nil || math.Abs(short-v) > q*1e-9 {
		return v
	}
	return short
}
