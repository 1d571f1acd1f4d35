package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/millrace-ml/millrace/pipeline"
)

// Sampler chooses the points of a sweep.
type Sampler struct {
	space *space
	kind  pipeline.Sampling
	seed  int64
	sobol *sobol
	goal  bool // less is better
	size  int  // of the grid
}

// New makes the sampler of a sweep, or says why there is none. The seed is for
// sampling that has none of its own.
func New(s pipeline.Sweep, seed int64) (*Sampler, error) {
	sp, err := newSpace(s.Space)
	if err != nil {
		return nil, err
	}
	if base := s.Sampling.LogBase; base > 0 {
		sp.rebase(math.Log(base))
	}
	m := &Sampler{space: sp, kind: s.Sampling, seed: seed, goal: s.Objective.Minimise}
	if s.Sampling.Seed != nil {
		m.seed = *s.Sampling.Seed
	}
	switch s.Sampling.Type {
	case "random":
		switch s.Sampling.Rule {
		case "", "random":
		case "sobol":
			m.sobol = newSobol(len(sp.axes), s.Sampling.Seed)
		default:
			return nil, fmt.Errorf("there is no rule %q of random sampling", s.Sampling.Rule)
		}
	case "grid":
		if m.size, err = sp.gridSize(sp.top); err != nil {
			return nil, err
		}
	case "bayesian":
	default:
		return nil, fmt.Errorf("there is no sampling algorithm %q", s.Sampling.Type)
	}
	return m, nil
}

// Size is how many different points a grid has; 0 for any number.
func (m *Sampler) Size() int { return m.size }

// Learns reports whether points depend on how earlier ones did.
func (m *Sampler) Learns() bool { return m.kind.Type == "bayesian" }

// Point chooses the point of a trial; the first has the number 0. What was seen
// before matters to samplers that learn, in the order of the trials.
func (m *Sampler) Point(number int, seen []Observation) Point {
	switch {
	case m.kind.Type == "grid":
		at := make([]float64, len(m.space.axes))
		m.space.gridPoint(m.space.top, number%m.size, at)
		return m.space.point(at)
	case m.sobol != nil:
		return m.space.point(m.space.places(m.sobol.at(number)))
	case m.Learns():
		return m.learned(number, seen)
	}
	return m.random(m.source(number))
}

// source is the source of chance of one trial: trials do not depend on each
// other, so that any of them can be sampled by itself.
func (m *Sampler) source(number int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(uint64(m.seed)), mix(uint64(number)+0x9e3779b97f4a7c15)))
}

// mix spreads neighbouring numbers far apart.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (m *Sampler) random(r *rand.Rand) Point {
	shares := make([]float64, len(m.space.axes))
	for i := range shares {
		shares[i] = r.Float64()
	}
	return m.space.point(m.space.places(shares))
}

// places turns shares of axes into places: on a choice, all values have equal
// shares.
func (s *space) places(shares []float64) []float64 {
	at := make([]float64, len(shares))
	for i, share := range shares {
		if at[i] = share; s.axes[i].Type == "choice" {
			n := float64(len(s.axes[i].Values))
			at[i] = math.Min(math.Floor(share*n), n-1)
		}
	}
	return at
}
