package sweep

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Bayesian sampling is a tree-structured Parzen estimator. The trials seen so far are
// cut into the good ones and the rest. Each half is a mixture of bumps, one
// around every trial, over all axes at once; an axis that a trial did not have
// tells nothing. Of some points drawn from the good half, the one is taken at
// which the good half is the likeliest, compared with the rest. Trials that go on
// count to the rest, so that those beside them look elsewhere.

const (
	startUp = 10 // trials before anything is learned
	drawn   = 48 // points to choose from
	// most bounds the trials that are looked at: the good ones, and the latest
	// of the rest.
	mostGood, mostRest = 25, 1000
)

func (m *Sampler) learned(number int, seen []Observation) Point {
	r := m.source(number)
	known := slices.DeleteFunc(slices.Clone(seen), func(o Observation) bool { return len(o.At) != len(m.space.axes) })
	scored := 0
	for _, o := range known {
		if !math.IsNaN(o.Score) {
			scored++
		}
	}
	taken := make(map[string]bool, len(known))
	for _, o := range known {
		taken[identity(m.space.point(o.At))] = true
	}
	if scored < startUp {
		return m.fresh(r, taken)
	}
	good, rest := m.halves(known, scored)
	best, bestGain := Point{}, math.Inf(-1)
	for range drawn {
		at := good.draw(r)
		if gain := good.density(at) - rest.density(at); gain > bestGain || best.Values == nil {
			if p := m.space.point(at); !taken[identity(p)] {
				best, bestGain = p, gain
			}
		}
	}
	if best.Values == nil {
		return m.fresh(r, taken)
	}
	return best
}

// fresh is a random point at which no trial was run, if one is found soon.
func (m *Sampler) fresh(r *rand.Rand, taken map[string]bool) Point {
	const tries = 100
	p := m.random(r)
	for range tries {
		if !taken[identity(p)] {
			break
		}
		p = m.random(r)
	}
	return p
}

// identity is equal for points at which a program would do the same.
func identity(p Point) string {
	names := make([]string, 0, len(p.Values))
	for name, text := range p.Values {
		names = append(names, name+"\x00"+text)
	}
	slices.Sort(names)
	return strings.Join(names, "\x00")
}

// halves cuts the trials into the good ones and the rest.
func (m *Sampler) halves(known []Observation, scored int) (good, rest mixture) {
	order := make([]int, len(known))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return m.compare(known[a].Score, known[b].Score) })
	n := min(int(math.Ceil(0.15*float64(scored))), mostGood)
	best := order[:n]
	others := slices.Clone(order[n:])
	slices.Sort(others)
	if len(others) > mostRest {
		others = others[len(others)-mostRest:]
	}
	around := func(list []int) mixture {
		x := mixture{space: m.space}
		for _, i := range list {
			x.centres = append(x.centres, known[i].At)
		}
		x.width = width(len(list), len(m.space.axes))
		return x
	}
	return around(best), around(others)
}

// compare orders scores, the better first; what has none comes last.
func (m *Sampler) compare(a, b float64) int {
	switch {
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	case math.IsNaN(b):
		return -1
	case a == b:
		return 0
	case (a < b) == m.goal:
		return -1
	}
	return 1
}

// width is that of the bumps around so many points in a space of so many axes.
func width(points, axes int) float64 {
	w := 0.2 * math.Pow(float64(max(points, 1)), -1/float64(axes+4))
	return max(w, 1/float64(min(100, points+1))/4)
}

// mixture is a density over the space: even, with a bump around each centre.
type mixture struct {
	space   *space
	centres [][]float64
	width   float64
}

// draw draws a point.
func (x *mixture) draw(r *rand.Rand) []float64 {
	which := r.IntN(len(x.centres) + 1)
	at := make([]float64, len(x.space.axes))
	for i := range at {
		a := &x.space.axes[i]
		even := which == len(x.centres) || x.centres[which][i] == Nowhere
		switch {
		case a.Type == "choice":
			n := len(a.Values)
			if at[i] = float64(r.IntN(n)); !even && r.Float64() >= x.other(n) {
				at[i] = x.centres[which][i]
			}
		case even:
			at[i] = r.Float64()
		default:
			at[i] = x.near(r, x.centres[which][i])
		}
	}
	return at
}

// other is how often a choice is made anew where a centre has one.
func (x *mixture) other(values int) float64 {
	return float64(values) / float64(values+len(x.centres)+1)
}

// near draws a place beside a centre.
func (x *mixture) near(r *rand.Rand, centre float64) float64 {
	for range 20 {
		if v := centre + float64(x.width*r.NormFloat64()); v >= 0 && v <= 1 {
			return v
		}
	}
	return min(max(centre, 0), 1)
}

// density is the logarithm of the density at a point.
func (x *mixture) density(at []float64) float64 {
	p := x.space.point(at).At
	logs := make([]float64, 0, len(x.centres)+1)
	logs = append(logs, x.evenly(p))
	for _, c := range x.centres {
		sum := 0.0
		for i, v := range p {
			if v != Nowhere {
				sum += x.bump(i, v, c[i])
			}
		}
		logs = append(logs, sum)
	}
	top := slices.Max(logs)
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - top)
	}
	return top + math.Log(sum/float64(len(logs)))
}

// evenly is the logarithm of the even density.
func (x *mixture) evenly(p []float64) (sum float64) {
	for i, v := range p {
		if a := &x.space.axes[i]; v != Nowhere && a.Type == "choice" {
			sum -= math.Log(float64(len(a.Values)))
		}
	}
	return sum
}

// bump is the logarithm of the density of one centre on one axis.
func (x *mixture) bump(axis int, v, centre float64) float64 {
	a := &x.space.axes[axis]
	if a.Type == "choice" {
		n := float64(len(a.Values))
		if centre == Nowhere {
			return -math.Log(n)
		}
		other := x.other(len(a.Values))
		if v == centre {
			return math.Log(1 - other + other/n)
		}
		return math.Log(other / n)
	}
	if centre == Nowhere {
		return 0
	}
	z := (v - centre) / x.width
	// The part of the bump that lies outside of the axis is missing.
	inside := 0.5 * (math.Erf((1-centre)/(x.width*math.Sqrt2)) + math.Erf(centre/(x.width*math.Sqrt2)))
	return -0.5*z*z - math.Log(x.width*math.Sqrt(2*math.Pi)) - math.Log(max(inside, 1e-12))
}
