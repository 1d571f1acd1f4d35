package sweep_test

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/millrace-ml/millrace/internal/sweep"
	"github.com/millrace-ml/millrace/pipeline"
)

func dim(name string, d pipeline.Domain) pipeline.Dimension {
	return pipeline.Dimension{Name: name, Domain: d}
}

func choice(name string, texts ...string) pipeline.Dimension {
	d := dim(name, pipeline.Domain{Type: "choice"})
	for _, t := range texts {
		d.Values = append(d.Values, pipeline.Choice{Text: t})
	}
	return d
}

// everything is a space with every distribution, and a choice that brings
// others along.
func everything() []pipeline.Dimension {
	return []pipeline.Dimension{
		choice("kernel", "rbf", "linear", "True", "1e-3"),
		dim("depth", pipeline.Domain{Type: "randint", Upper: 7}),
		dim("rate", pipeline.Domain{Type: "uniform", Min: -1, Max: 3}),
		dim("share", pipeline.Domain{Type: "quniform", Min: 0, Max: 1, Q: 0.1}),
		dim("leaves", pipeline.Domain{Type: "quniform", Min: 2, Max: 9, Q: 2}),
		dim("c", pipeline.Domain{Type: "loguniform", Min: -6, Max: 2}),
		dim("units", pipeline.Domain{Type: "qloguniform", Min: 0, Max: 5, Q: 4}),
		dim("n", pipeline.Domain{Type: "normal", Mu: 10, Sigma: 3}),
		dim("qn", pipeline.Domain{Type: "qnormal", Mu: 10, Sigma: 3, Q: 5}),
		dim("ln", pipeline.Domain{Type: "lognormal", Mu: 0, Sigma: 1}),
		dim("qln", pipeline.Domain{Type: "qlognormal", Mu: 2, Sigma: 1, Q: 1}),
		{Name: "model", Domain: pipeline.Domain{Type: "choice", Values: []pipeline.Choice{
			{Text: "none"},
			{Nested: []pipeline.Dimension{choice("tree", "a", "b"), dim("trees", pipeline.Domain{Type: "randint", Upper: 3})}},
			{Nested: []pipeline.Dimension{dim("layers", pipeline.Domain{Type: "quniform", Min: 1, Max: 3, Q: 1})}},
		}}},
	}
}

func sampler(t *testing.T, s pipeline.Sampling, space []pipeline.Dimension) *sweep.Sampler {
	t.Helper()
	m, err := sweep.New(pipeline.Sweep{Sampling: s, Space: space}, 7)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func number(t *testing.T, p sweep.Point, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(p.Values[name], 64)
	if err != nil {
		t.Fatalf("%s is %q", name, p.Values[name])
	}
	return v
}

// Every value lies where its distribution says, whoever samples.
func TestValuesLieInTheirDistributions(t *testing.T) {
	seed := int64(3)
	for name, kind := range map[string]pipeline.Sampling{
		"random":   {Type: "random"},
		"sobol":    {Type: "random", Rule: "sobol"},
		"shifted":  {Type: "random", Rule: "sobol", Seed: &seed},
		"bayesian": {Type: "bayesian"},
	} {
		t.Run(name, func(t *testing.T) {
			m := sampler(t, kind, everything())
			var seen []sweep.Observation
			for i := range 200 {
				p := m.Point(i, seen)
				inside := func(name string, low, high, q float64) {
					v := number(t, p, name)
					if v < low || v > high {
						t.Errorf("%s is %v, not from %v to %v", name, v, low, high)
					}
					if q > 0 && math.Abs(v/q-math.Round(v/q)) > 1e-9 {
						t.Errorf("%s is %v, no multiple of %v", name, v, q)
					}
				}
				inside("depth", 0, 6, 1)
				inside("rate", -1, 3, 0)
				inside("share", 0, 1, 0.1)
				inside("leaves", 2, 10, 2)
				inside("c", math.Exp(-6), math.Exp(2), 0)
				inside("units", 0, 150, 4)
				inside("n", 10-9*3, 10+9*3, 0)
				inside("qn", -20, 40, 5)
				inside("ln", 0, math.Exp(9), 0)
				inside("qln", 0, math.Exp(11), 1)
				if !slices.Contains([]string{"rbf", "linear", "True", "1e-3"}, p.Values["kernel"]) {
					t.Errorf("kernel is %q", p.Values["kernel"])
				}
				if len(p.Values["share"]) > 3 {
					t.Errorf("share is written as %q", p.Values["share"])
				}
				branches(t, p)
				seen = append(seen, sweep.Observation{At: p.At, Score: number(t, p, "rate")})
			}
		})
	}
}

// What a choice brings along is there where it is chosen, and only there.
func branches(t *testing.T, p sweep.Point) {
	t.Helper()
	_, tree := p.Values["tree"]
	_, trees := p.Values["trees"]
	_, layers := p.Values["layers"]
	want := map[bool]string{}
	switch {
	case !tree && !trees && !layers:
		want[true] = "none"
	case tree && trees && !layers:
		want[true] = `{"tree": "` + p.Values["tree"] + `", "trees": ` + p.Values["trees"] + `}`
	case layers && !tree && !trees:
		want[true] = `{"layers": ` + p.Values["layers"] + `}`
	}
	if p.Values["model"] != want[true] {
		t.Errorf("model is %q, with %v", p.Values["model"], p.Values)
	}
}

// The same seed gives the same trials, in any order; another gives others.
func TestSamplingRepeatsItself(t *testing.T) {
	one, two := int64(1), int64(2)
	for _, rule := range []string{"random", "sobol"} {
		a := sampler(t, pipeline.Sampling{Type: "random", Rule: rule, Seed: &one}, everything())
		b := sampler(t, pipeline.Sampling{Type: "random", Rule: rule, Seed: &one}, everything())
		c := sampler(t, pipeline.Sampling{Type: "random", Rule: rule, Seed: &two}, everything())
		same := 0
		for i := 49; i >= 0; i-- {
			p := a.Point(i, nil)
			if q := b.Point(i, nil); !maps.Equal(p.Values, q.Values) {
				t.Errorf("%s: trial %d is %v and %v", rule, i, p.Values, q.Values)
			}
			if maps.Equal(p.Values, c.Point(i, nil).Values) {
				same++
			}
		}
		if same > 0 {
			t.Errorf("%s: %d trials of another seed are the same", rule, same)
		}
	}
	m, n := sampler(t, pipeline.Sampling{Type: "bayesian"}, everything()), sampler(t, pipeline.Sampling{Type: "bayesian"}, everything())
	var seen []sweep.Observation
	for i := range 40 {
		p := m.Point(i, seen)
		if q := n.Point(i, seen); !maps.Equal(p.Values, q.Values) {
			t.Fatalf("bayesian: trial %d is %v and %v", i, p.Values, q.Values)
		}
		seen = append(seen, sweep.Observation{At: p.At, Score: number(t, p, "n")})
	}
}

// These trials were run, and their results are kept: whoever changes how points
// are chosen runs them all again.
func TestPointsStayTheSameFromVersionToVersion(t *testing.T) {
	seed := int64(42)
	space := []pipeline.Dimension{choice("k", "a", "b", "c"), dim("x", pipeline.Domain{Type: "uniform", Max: 1}), dim("y", pipeline.Domain{Type: "uniform", Max: 1})}
	for rule, want := range map[string][]string{
		"random": {"a 0.3996", "c 0.5496", "c 0.6489"},
		"sobol":  {"c 0.1599", "a 0.6599", "b 0.4099"},
	} {
		m := sampler(t, pipeline.Sampling{Type: "random", Rule: rule, Seed: &seed}, space)
		var got []string
		for i := range want {
			p := m.Point(i, nil)
			got = append(got, p.Values["k"]+" "+strconv.FormatFloat(number(t, p, "x"), 'f', 4, 64))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s gives %q, not %q", rule, got, want)
		}
	}
}

func TestGridHasEveryPointOnce(t *testing.T) {
	space := []pipeline.Dimension{
		choice("a", "x", "y"),
		dim("n", pipeline.Domain{Type: "randint", Upper: 3}),
		dim("q", pipeline.Domain{Type: "quniform", Min: 0, Max: 1, Q: 0.5}),
		{Name: "m", Domain: pipeline.Domain{Type: "choice", Values: []pipeline.Choice{
			{Text: "none"},
			{Nested: []pipeline.Dimension{choice("tree", "p", "q"), dim("d", pipeline.Domain{Type: "randint", Upper: 2})}},
		}}},
	}
	m := sampler(t, pipeline.Sampling{Type: "grid"}, space)
	if m.Size() != 2*3*3*(1+2*2) {
		t.Fatalf("the grid has %d points", m.Size())
	}
	seen := map[string]bool{}
	for i := range m.Size() {
		p := m.Point(i, nil)
		text := ""
		for _, name := range slices.Sorted(maps.Keys(p.Values)) {
			text += name + "=" + p.Values[name] + " "
		}
		if seen[text] {
			t.Errorf("%s is there twice", text)
		}
		seen[text] = true
	}
	first := m.Point(0, nil).Values
	if first["a"] != "x" || first["n"] != "0" || first["q"] != "0.0" || first["m"] != "none" {
		t.Errorf("the grid begins with %v", first)
	}
}

func TestWhatCannotBeSampled(t *testing.T) {
	one := []pipeline.Dimension{choice("a", "x")}
	for name, s := range map[string]pipeline.Sweep{
		"no space":          {Sampling: pipeline.Sampling{Type: "random"}},
		"no algorithm":      {Space: one},
		"another rule":      {Sampling: pipeline.Sampling{Type: "random", Rule: "halton"}, Space: one},
		"grid of any":       {Sampling: pipeline.Sampling{Type: "grid"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "uniform", Max: 1})}},
		"grid without end":  {Sampling: pipeline.Sampling{Type: "grid"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "randint", Upper: 1 << 39}), dim("y", pipeline.Domain{Type: "randint", Upper: 1 << 39})}},
		"empty choice":      {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{choice("a")}},
		"no numbers":        {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "randint"})}},
		"upside down":       {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "uniform", Min: 1})}},
		"no step":           {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "quniform", Max: 1})}},
		"negative sigma":    {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "normal", Sigma: -1})}},
		"no number":         {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "uniform", Max: math.NaN()})}},
		"exponents":         {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "loguniform", Max: 1e6})}},
		"unknown":           {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{dim("x", pipeline.Domain{Type: "beta"})}},
		"nested and broken": {Sampling: pipeline.Sampling{Type: "random"}, Space: []pipeline.Dimension{{Name: "a", Domain: pipeline.Domain{Type: "choice", Values: []pipeline.Choice{{Nested: []pipeline.Dimension{choice("b")}}}}}}},
	} {
		if _, err := sweep.New(s, 0); err == nil {
			t.Errorf("%s: there is a sampler", name)
		}
	}
}

// Of the first 2^k points, every interval of the length 2^-k has one, on every
// axis.
func TestSobolPointsAreEven(t *testing.T) {
	seed := int64(5)
	var space []pipeline.Dimension
	for i := range 40 {
		space = append(space, dim("x"+strconv.Itoa(i), pipeline.Domain{Type: "uniform", Max: 1}))
	}
	for _, s := range []*int64{nil, &seed} {
		m := sampler(t, pipeline.Sampling{Type: "random", Rule: "sobol", Seed: s}, space)
		const n = 256
		for i := range space {
			cells := map[int]bool{}
			for k := range n {
				if s == nil {
					k-- // the first is left out
				}
				if k >= 0 {
					cells[int(m.Point(k, nil).At[i]*n)] = true
				}
			}
			if want := n; s == nil && len(cells) != want-1 || s != nil && len(cells) != want {
				t.Errorf("axis %d: %d intervals have a point", i, len(cells))
			}
		}
	}
}

func TestNumbersAreWrittenAsPythonDoes(t *testing.T) {
	for v, want := range map[float64]string{
		1: "1.0", 0.1: "0.1", 1e-5: "1e-05", 1.5e-7: "1.5e-07", 1e16: "1e+16", 123456789012345680: "1.2345678901234568e+17",
		0.0001: "0.0001", 1e15: "1000000000000000.0", -2.5: "-2.5", math.Inf(1): "inf",
	} {
		if got := sweep.FormatFloat(v); got != want {
			t.Errorf("%v is written as %s, not %s", v, got, want)
		}
	}
}

// On functions that are known to be hard, learning from earlier trials finds a
// better value than chance, as a rule.
func TestBayesianBeatsRandom(t *testing.T) {
	line := func(name string, low, high float64) pipeline.Dimension {
		return dim(name, pipeline.Domain{Type: "uniform", Min: low, Max: high})
	}
	for name, c := range map[string]struct {
		space []pipeline.Dimension
		score func(p sweep.Point) float64
	}{
		"a valley": {
			[]pipeline.Dimension{line("x", -5, 10), line("y", 0, 15)},
			func(p sweep.Point) float64 { // Branin's function
				x, y := number(t, p, "x"), number(t, p, "y")
				a := y - 5.1/(4*math.Pi*math.Pi)*x*x + 5/math.Pi*x - 6
				return a*a + 10*(1-1/(8*math.Pi))*math.Cos(x) + 10
			},
		},
		"a bowl with a choice and a logarithm": {
			[]pipeline.Dimension{choice("k", "a", "b", "c", "d"), dim("c", pipeline.Domain{Type: "loguniform", Min: -10, Max: 5}), line("x", 0, 1), dim("n", pipeline.Domain{Type: "randint", Upper: 50})},
			func(p sweep.Point) float64 {
				loss := map[string]float64{"a": 2, "b": 0, "c": 1, "d": 3}[p.Values["k"]]
				c, x, n := math.Log(number(t, p, "c"))+3, number(t, p, "x")-0.3, number(t, p, "n")-30
				return loss + c*c/10 + 10*x*x + n*n/100
			},
		},
		"branches": {
			[]pipeline.Dimension{{Name: "m", Domain: pipeline.Domain{Type: "choice", Values: []pipeline.Choice{
				{Nested: []pipeline.Dimension{line("p", 0, 1), line("q", 0, 1)}},
				{Nested: []pipeline.Dimension{line("r", 0, 1), line("s", 0, 1)}},
			}}}},
			func(p sweep.Point) float64 {
				if _, ok := p.Values["p"]; ok {
					return 1 + math.Hypot(number(t, p, "p")-0.5, number(t, p, "q")-0.5)
				}
				return math.Hypot(number(t, p, "r")-0.9, number(t, p, "s")-0.1)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			const trials, seeds = 60, 15
			best := func(kind string, seed int64) float64 {
				m, err := sweep.New(pipeline.Sweep{Sampling: pipeline.Sampling{Type: kind}, Space: c.space, Objective: pipeline.Objective{Minimise: true}}, seed)
				if err != nil {
					t.Fatal(err)
				}
				var seen []sweep.Observation
				least := math.Inf(1)
				for i := range trials {
					p := m.Point(i, seen)
					s := c.score(p)
					least = min(least, s)
					seen = append(seen, sweep.Observation{At: p.At, Score: s})
				}
				return least
			}
			var learned, chance []float64
			for seed := range int64(seeds) {
				learned, chance = append(learned, best("bayesian", seed)), append(chance, best("random", seed))
			}
			slices.Sort(learned)
			slices.Sort(chance)
			t.Logf("medians: bayesian %.4g, random %.4g", learned[seeds/2], chance[seeds/2])
			if learned[seeds/2] >= chance[seeds/2] {
				t.Errorf("the median of the best is %v, and %v by chance", learned[seeds/2], chance[seeds/2])
			}
		})
	}
}

func FuzzSample(f *testing.F) {
	f.Add("uniform", 0.0, 1.0, 0.1, int64(3), int64(1))
	f.Add("qlognormal", 1.0, 2.0, 0.5, int64(3), int64(9))
	f.Add("quniform", -1e300, 1e300, 1e-300, int64(0), int64(2))
	f.Fuzz(func(t *testing.T, kind string, a, b, q float64, upper, seed int64) {
		d := pipeline.Domain{Type: kind, Min: a, Max: b, Mu: a, Sigma: b, Q: q, Upper: upper}
		for _, s := range []string{"random", "grid", "bayesian"} {
			m, err := sweep.New(pipeline.Sweep{Sampling: pipeline.Sampling{Type: s}, Space: []pipeline.Dimension{dim("x", d), choice("c", "a", "b")}}, seed)
			if err != nil {
				continue
			}
			var seen []sweep.Observation
			for i := range 15 {
				p := m.Point(i, seen)
				if len(p.Values) != 2 || p.Values["x"] == "" {
					t.Fatalf("%s of %+v gives %v", s, d, p.Values)
				}
				seen = append(seen, sweep.Observation{At: p.At, Score: float64(i)})
			}
		}
	})
}
