package azureml

import (
	"math"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/internal/sweep"
	"github.com/millrace-ml/millrace/pipeline"
)

// defaultTrials is how many trials a sweep has that does not say, as in Azure
// ML.
const defaultTrials = 1000

var (
	algorithms = []string{"random", "grid", "bayesian"}
	rules      = []string{"random", "sobol"}
	goals      = []string{"minimize", "maximize"}
	policies   = []string{"bandit", "median_stopping", "truncation_selection"}
)

// distributions are the keys that each distribution takes and needs.
var distributions = []struct {
	name string
	keys []string
}{
	{"choice", []string{"values"}},
	{"randint", []string{"upper"}},
	{"uniform", []string{"min_value", "max_value"}},
	{"quniform", []string{"min_value", "max_value", "q"}},
	{"loguniform", []string{"min_value", "max_value"}},
	{"qloguniform", []string{"min_value", "max_value", "q"}},
	{"normal", []string{"mu", "sigma"}},
	{"qnormal", []string{"mu", "sigma", "q"}},
	{"lognormal", []string{"mu", "sigma"}},
	{"qlognormal", []string{"mu", "sigma", "q"}},
}

// sweep resolves what a node says of its sweep, and checks it.
func (f *flattener) sweep(u *unit, w *search) *pipeline.Sweep {
	r := &sweepReader{flattener: f, sc: u.around, w: w, of: u.node.runs}
	s := &pipeline.Sweep{Sampling: r.sampling(), Objective: r.objective()}
	s.Space = r.space(w.dims)
	s.Limits = r.limits()
	if w.hasEarly {
		s.Early = r.early()
	}
	if r.wrong || w.broken {
		return s
	}
	sampler, err := sweep.New(*s, 0)
	if err != nil {
		where := w.sampling.at
		if name, _, ok := strings.Cut(strings.TrimPrefix(err.Error(), `hyperparameter "`), `"`); ok {
			w.each(func(d *dimension, _ bool) {
				if d.name == name {
					where = d.at
				}
			})
		}
		f.problems.errorf(where, "", "%s", err)
		return s
	}
	if size := sampler.Size(); size > 0 {
		// There are no more than the grid has.
		s.Limits.MaxTrials = min(s.Limits.MaxTrials, size)
	}
	return s
}

// sweepReader resolves the fields of a sweep.
type sweepReader struct {
	*flattener
	sc    *scope
	w     *search
	of    *component
	wrong bool
}

func (r *sweepReader) errorf(at yaml.Pos, hint, format string, args ...any) {
	r.wrong = true
	r.problems.errorf(at, hint, format, args...)
}

// text resolves a field; ok is false where there is none, or a mistake.
func (r *sweepReader) text(m fields, key string) (text string, at yaml.Pos, ok bool) {
	t := m.texts[key]
	if t == nil {
		return "", m.at, false
	}
	text, at, ok = r.settingText(r.sc, t, key)
	if !ok {
		r.wrong = true
	}
	return text, at, ok
}

// word resolves a field that is one of some words, in any case.
func (r *sweepReader) word(m fields, key string, words []string, what string) (string, bool) {
	text, at, ok := r.text(m, key)
	if !ok {
		return "", false
	}
	if word := strings.ToLower(strings.TrimSpace(text)); slices.Contains(words, word) {
		return word, true
	}
	r.errorf(at, r.didYouMean(text, words, what+"s"), "%s is not %s", quote(text), withArticle(what))
	return "", false
}

// number resolves a field that is a number.
func (r *sweepReader) number(m fields, key string) (float64, bool) {
	text, at, ok := r.text(m, key)
	if !ok {
		return 0, false
	}
	v, good := parseNumber(text)
	if !good || math.IsNaN(v) || math.IsInf(v, 0) {
		r.errorf(at, "", "%s must be a number, not %s", key, quote(text))
		return 0, false
	}
	return v, true
}

// count resolves a field that is a whole number, which begins with least.
func (r *sweepReader) count(m fields, key string, least int) int {
	text, at, ok := r.text(m, key)
	if !ok {
		return 0
	}
	n, good := wholeNumber(text)
	if !good || n < least {
		hint := ""
		if strings.HasSuffix(key, "timeout") {
			hint = "write the number of seconds"
		}
		r.errorf(at, hint, "%s must be a whole number from %d on, not %s", key, least, quote(text))
		return 0
	}
	return n
}

// extra reports the keys that a mapping of this type does not take.
func (r *sweepReader) extra(m fields, of string, takes ...string) {
	for _, key := range m.keys {
		if key == "type" || slices.Contains(takes, key) || !contains(slices.Concat(dimensionKeys.read, samplingKeys.read, earlyKeys.read), key) {
			continue
		}
		hint := "it takes no keys"
		if len(takes) > 0 {
			hint = "it takes " + strings.Join(takes, ", ")
		}
		r.errorf(m.place[key], hint, "%s has no %s", of, quote(key))
	}
}

func (r *sweepReader) sampling() (s pipeline.Sampling) {
	m := r.w.sampling
	if m.texts["type"] == nil {
		at := r.w.at
		if r.w.hasSampling {
			at = m.at
		}
		r.errorf(at, oneOf(algorithms...), "%s has no sampling_algorithm", r.w.owner)
		return s
	}
	var ok bool
	if s.Type, ok = r.word(m, "type", algorithms, "sampling algorithm"); !ok {
		return s
	}
	if s.Type != "random" {
		r.extra(m, s.Type+" sampling")
		return s
	}
	if m.texts["seed"] != nil {
		text, at, _ := r.text(m, "seed")
		if v, good := parseNumber(text); good && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			seed := int64(v)
			s.Seed = &seed
		} else {
			r.errorf(at, "", "seed must be a whole number, not %s", quote(text))
		}
	}
	s.Rule, _ = r.word(m, "rule", rules, "rule")
	if text, at, ok := r.text(m, "logbase"); ok && text != "e" {
		v, good := parseNumber(text)
		if !good || v <= 0 || v == 1 || math.IsInf(v, 0) || math.IsNaN(v) {
			r.errorf(at, `write "e", or a number`, "logbase cannot be %s", quote(text))
		}
		s.LogBase = v
	}
	return s
}

func (r *sweepReader) objective() (o pipeline.Objective) {
	m := r.w.objective
	if !r.w.hasObjective {
		r.errorf(r.w.at, `add "objective: {goal: maximize, primary_metric: NAME}"`, "%s has no objective", r.w.owner)
		return o
	}
	if m.texts["goal"] == nil {
		r.errorf(m.at, oneOf(goals...), "objective has no goal")
	} else {
		goal, _ := r.word(m, "goal", goals, "goal")
		o.Minimise = goal == "minimize"
	}
	text, at, ok := r.text(m, "primary_metric")
	switch {
	case m.texts["primary_metric"] == nil:
		r.errorf(m.at, `add "primary_metric: NAME", the name under which the program logs it`, "objective has no primary_metric")
	case ok && strings.TrimSpace(text) == "":
		r.errorf(at, "write the name under which the program logs it", "primary_metric is empty")
	}
	o.Metric = text
	return o
}

func (r *sweepReader) limits() (s pipeline.SweepLimits) {
	m := r.w.limits
	s.MaxTrials = r.count(m, "max_total_trials", 1)
	s.MaxConcurrent = r.count(m, "max_concurrent_trials", 1)
	s.Timeout, s.TrialTimeout = r.count(m, "timeout", 1), r.count(m, "trial_timeout", 1)
	if m.texts["max_total_trials"] == nil {
		s.MaxTrials = defaultTrials
		r.problems.warnf(r.w.at, `add "limits: {max_total_trials: N}"`, "%s does not say how many trials there are; %d are run at most", r.w.owner, defaultTrials)
		return s
	}
	if s.MaxTrials > 0 && s.MaxConcurrent > s.MaxTrials {
		r.problems.warnf(m.place["max_concurrent_trials"], "", "max_concurrent_trials is more than max_total_trials, %d", s.MaxTrials)
		s.MaxConcurrent = s.MaxTrials
	}
	if s.Timeout > 0 && s.TrialTimeout > s.Timeout {
		r.problems.warnf(m.place["trial_timeout"], "", "trial_timeout is more than the timeout of the sweep, %d", s.Timeout)
	}
	return s
}

func (r *sweepReader) early() *pipeline.EarlyTermination {
	m := r.w.early
	e := &pipeline.EarlyTermination{Interval: 1}
	if m.texts["type"] == nil {
		r.errorf(m.at, oneOf(policies...), "early_termination has no type")
		return e
	}
	var ok bool
	if e.Type, ok = r.word(m, "type", policies, "policy"); !ok {
		return e
	}
	if m.texts["evaluation_interval"] != nil {
		// Azure writes 0 where it means every report.
		e.Interval = max(r.count(m, "evaluation_interval", 0), 1)
	}
	e.Delay = r.count(m, "delay_evaluation", 0)
	const interval, delay = "evaluation_interval", "delay_evaluation"
	switch e.Type {
	case "bandit":
		r.extra(m, e.Type, interval, delay, "slack_factor", "slack_amount")
		r.slack(m, e)
	case "median_stopping":
		r.extra(m, e.Type, interval, delay)
	case "truncation_selection":
		r.extra(m, e.Type, interval, delay, "truncation_percentage", "exclude_finished_jobs")
		if m.texts["truncation_percentage"] == nil {
			r.errorf(m.at, "write how many percent of the trials end, 1 to 99", "truncation_selection has no truncation_percentage")
			return e
		}
		text, at, ok := r.text(m, "truncation_percentage")
		if e.Percentage, _ = wholeNumber(text); ok && (e.Percentage < 1 || e.Percentage > 99) {
			r.errorf(at, "", "truncation_percentage must be a whole number from 1 to 99, not %s", quote(text))
		}
		text, _, _ = r.text(m, "exclude_finished_jobs")
		e.ExcludeFinished = strings.EqualFold(text, "true")
	}
	return e
}

// slack reads how much worse than the best a trial may be: one of two ways to
// say it.
func (r *sweepReader) slack(m fields, e *pipeline.EarlyTermination) {
	positive := func(key string) (v float64) {
		v, ok := r.number(m, key)
		if ok && v < 0 {
			r.errorf(m.place[key], "", "%s must not be negative", key)
		}
		return v
	}
	e.SlackFactor, e.SlackAmount = positive("slack_factor"), positive("slack_amount")
	switch factor, amount := m.texts["slack_factor"] != nil, m.texts["slack_amount"] != nil; {
	case factor && amount && e.SlackFactor != 0 && e.SlackAmount != 0:
		r.errorf(m.place["slack_amount"], "remove one of them", "bandit takes a slack_factor or a slack_amount, not both")
	case !factor && !amount:
		r.errorf(m.at, `add "slack_factor: 0.1", or "slack_amount: ..."`, "bandit has neither slack_factor nor slack_amount")
	}
}

func (r *sweepReader) space(dims []*dimension) []pipeline.Dimension {
	list := make([]pipeline.Dimension, 0, len(dims))
	for _, d := range dims {
		if d.broken {
			r.wrong = true
			continue
		}
		list = append(list, pipeline.Dimension{Name: d.name, Domain: r.domain(d)})
	}
	return list
}

// domain reads a distribution, and checks it if there is nothing wrong in it yet.
func (r *sweepReader) domain(d *dimension) pipeline.Domain {
	before := r.wrong
	r.wrong = false
	v := r.distribution(d)
	if !r.wrong && v.Type != "choice" {
		if err := sweep.Check(pipeline.Dimension{Name: d.name, Domain: v}); err != nil {
			r.errorf(d.at, "", "%s", err)
		} else {
			r.fits(d, v)
		}
	}
	r.wrong = r.wrong || before
	return v
}

func (r *sweepReader) distribution(d *dimension) (v pipeline.Domain) {
	if d.texts["type"] == nil {
		names := make([]string, len(distributions))
		for i, known := range distributions {
			names[i] = known.name
		}
		r.errorf(d.at, oneOf(names...), "hyperparameter %s has no type", quote(d.name))
		return v
	}
	var names []string
	for _, known := range distributions {
		names = append(names, known.name)
	}
	var ok bool
	if v.Type, ok = r.word(d.fields, "type", names, "distribution"); !ok {
		return v
	}
	takes := distributions[slices.Index(names, v.Type)].keys
	r.extra(d.fields, v.Type, takes...)
	if d.values != nil && v.Type != "choice" {
		r.errorf(d.at, "it takes "+strings.Join(takes, ", "), "%s has no %s", v.Type, quote("values"))
	}
	for _, key := range takes {
		if d.texts[key] == nil && key != "values" {
			r.errorf(d.at, `add "`+key+`: ..."`, "hyperparameter %s has no %s, which a %s needs", quote(d.name), key, v.Type)
			return v
		}
	}
	if v.Type == "choice" {
		r.choice(d, &v)
		return v
	}
	read := func(key string) float64 {
		if !slices.Contains(takes, key) {
			return 0
		}
		n, _ := r.number(d.fields, key)
		return n
	}
	v.Min, v.Max, v.Mu, v.Sigma, v.Q = read("min_value"), read("max_value"), read("mu"), read("sigma"), read("q")
	if v.Type == "randint" {
		upper := read("upper")
		if v.Upper = int64(upper); !r.wrong && (upper != math.Trunc(upper) || upper < 1 || upper > 1<<53) {
			r.errorf(d.place["upper"], "the values are 0, 1, ... upper-1", "upper must be a whole number from 1 on")
		}
	}
	return v
}

// choice reads the values of a choice, as the command will see them.
func (r *sweepReader) choice(d *dimension, v *pipeline.Domain) {
	if len(d.values) == 0 {
		r.errorf(d.at, `add "values: [...]"`, "hyperparameter %s has no values", quote(d.name))
	}
	for _, o := range d.values {
		if o.dims != nil {
			v.Values = append(v.Values, pipeline.Choice{Nested: r.space(o.dims)})
			continue
		}
		text, at, ok := r.settingText(r.sc, o.text, "a value")
		if !ok {
			r.wrong = true
			continue
		}
		if p := d.port; p != nil && !p.broken {
			lit := literalOf(o.text.node)
			lit.text, lit.at = text, at
			fit, problem := p.fit(lit)
			if problem != "" {
				r.errorf(at, p.legal(), "input %s of %s %s", quote(p.name), r.of.label(), problem)
				continue
			}
			text = fit
		}
		v.Values = append(v.Values, pipeline.Choice{Text: text})
	}
}

// fits holds a distribution of numbers against what the input takes.
func (r *sweepReader) fits(d *dimension, v pipeline.Domain) {
	p := d.port
	if p == nil || p.broken {
		return
	}
	if p.kind == pipeline.Boolean {
		r.errorf(d.at, "use {type: choice, values: [true, false]}", "input %s of %s takes True or False, and %s gives numbers", quote(p.name), r.of.label(), v.Type)
		return
	}
	if p.kind == pipeline.Integer && !strings.HasPrefix(v.Type, "q") && v.Type != "randint" {
		r.problems.warnf(d.at, "use q"+v.Type+" with q: 1, or randint", "input %s of %s is an integer: what %s gives is cut to one", quote(p.name), r.of.label(), v.Type)
	}
	low, high, known := ends(v)
	if !known {
		return
	}
	if p.min != nil && low < p.min.value || p.max != nil && high > p.max.value {
		r.errorf(d.at, p.legal(), "%s goes from %g to %g, and input %s of %s does not take all of that",
			v.Type, low, high, quote(p.name), r.of.label())
	}
}

// ends are the least and the greatest value of a distribution that has both.
func ends(v pipeline.Domain) (low, high float64, ok bool) {
	switch v.Type {
	case "randint":
		return 0, float64(v.Upper - 1), true
	case "uniform":
		return v.Min, v.Max, true
	case "loguniform":
		return math.Exp(v.Min), math.Exp(v.Max), true
	}
	return 0, 0, false
}
