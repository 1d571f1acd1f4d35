package runs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/pipeline"
)

// Comparison puts what went into jobs, and came out, side by side.
type Comparison struct {
	Jobs  []*Job
	Facts []Fact
}

// Section groups facts.
type Section string

// The sections, in the order in which they are shown.
const (
	OutcomeSection     Section = "outcome"
	ParametersSection  Section = "parameters"
	MetricsSection     Section = "metrics"
	InputsSection      Section = "inputs"
	EnvironmentSection Section = "environment"
	CodeSection        Section = "code"
)

// Sections lists them all.
func Sections() []Section {
	return []Section{OutcomeSection, ParametersSection, MetricsSection, InputsSection, EnvironmentSection, CodeSection}
}

// Fact is one thing that is known of several jobs.
type Fact struct {
	Section Section `json:"section"`
	// Step is the step that it is about; "" for the job as a whole.
	Step string `json:"step,omitempty"`
	Name string `json:"name"`
	// Values stand as the jobs do; nil where there is none.
	Values []*string `json:"values"`
	// Differs is set where the values are not all the same.
	Differs bool `json:"differs"`
	// Files are, for each job after the first, the files that differ from the
	// first one's, where both sides are trees that are still there.
	Files [][]FileChange `json:"files,omitempty"`
}

// Compare puts jobs side by side. Steps are matched by their names.
func (s *Service) Compare(ctx context.Context, names ...string) (*Comparison, error) {
	c := &Comparison{}
	b := builder{jobs: len(names), at: map[factName]int{}}
	for i, name := range names {
		job, err := s.Show(ctx, name)
		if err != nil {
			return nil, err
		}
		c.Jobs = append(c.Jobs, job)
		b.job = i
		if err := s.facts(ctx, job, &b); err != nil {
			return nil, err
		}
	}
	c.Facts = b.sorted()
	for i := range c.Facts {
		if f := &c.Facts[i]; f.Differs && (f.Section == CodeSection || f.Section == InputsSection) {
			f.Files = s.differing(ctx, f.Values)
		}
	}
	shorten(c.Facts)
	return c, nil
}

// facts collects what is known of a job.
func (s *Service) facts(ctx context.Context, job *Job, b *builder) error {
	b.add(OutcomeSection, "", "status", string(job.Status))
	for _, in := range job.Plan.Inputs {
		if in.Binding.Literal != nil {
			b.add(ParametersSection, "", in.Name, pipeline.WithoutSecrets(*in.Binding.Literal))
		}
	}
	measured, err := s.Measure(ctx, job.Steps)
	if err != nil {
		return err
	}
	for _, m := range measured {
		for _, series := range m.Own() {
			b.add(MetricsSection, m.State.Name, series.Key, number(float64(series.Metric.Last)))
		}
	}
	for i := range job.Steps {
		state := &job.Steps[i]
		if step := job.Plan.Step(state.Name); step != nil {
			if err := s.stepFacts(ctx, step, state, b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) stepFacts(ctx context.Context, step *pipeline.Step, state *pipeline.StepState, b *builder) error {
	outcome := string(state.Status)
	if state.Skipped != "" {
		outcome = "Skipped"
	}
	b.add(OutcomeSection, state.Name, "status", outcome)
	b.addAll(OutcomeSection, state.Name, state.Values)
	told, err := s.told(ctx, state)
	if err != nil {
		return err
	}
	b.addAll(ParametersSection, state.Name, told.Run.Params)
	var lines []cache.Ingredient
	if state.Key != "" {
		if lines, err = s.cache.IngredientsOf(ctx, cache.Key(state.Key)); err != nil {
			return err
		}
	}
	if lines == nil { // it never came so far, or its inputs are outside
		lines = cache.Ingredients(step, stepInputs(step, state), nil)
	}
	for _, line := range lines {
		b.ingredient(state.Name, line)
	}
	return nil
}

// stepInputs are the values of a step's inputs, as far as they are known.
func stepInputs(step *pipeline.Step, state *pipeline.StepState) map[string]pipeline.Value {
	values := maps.Clone(state.Inputs)
	if values == nil {
		values = map[string]pipeline.Value{}
	}
	for _, in := range step.Inputs {
		if _, known := values[in.Name]; known {
			continue
		}
		if in.Binding.Literal != nil {
			values[in.Name] = pipeline.Value{Literal: in.Binding.Literal}
		} else if source := in.Binding.Source; source != nil {
			values[in.Name] = pipeline.Value{Artifact: source.Artifact, URI: source.URI}
		}
	}
	return values
}

// builder collects facts, job after job.
type builder struct {
	jobs, job int
	facts     []Fact
	at        map[factName]int
}

type factName struct {
	section    Section
	step, name string
}

func (b *builder) add(section Section, step, name, value string) {
	key := factName{section, step, name}
	i, ok := b.at[key]
	if !ok {
		i = len(b.facts)
		b.at[key] = i
		b.facts = append(b.facts, Fact{Section: section, Step: step, Name: name, Values: make([]*string, b.jobs)})
	}
	b.facts[i].Values[b.job] = &value
}

func (b *builder) addAll(section Section, step string, values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.add(section, step, name, values[name])
	}
}

// ingredient files a line of a step's ingredients.
func (b *builder) ingredient(step string, line cache.Ingredient) {
	input, ok := strings.CutPrefix(line.Label, "input ")
	switch literal, isLiteral := strings.CutPrefix(line.Text, "literal "); {
	case line.Label == "schema":
	case ok && isLiteral:
		b.add(ParametersSection, step, input, pipeline.WithoutSecrets(literal))
	case ok:
		b.add(InputsSection, step, input, pipeline.WithoutSecrets(line.Text))
	case line.Label == "code", line.Label == "command", strings.HasPrefix(line.Label, "output "):
		b.add(CodeSection, step, line.Label, line.Text)
	default:
		b.add(EnvironmentSection, step, line.Label, line.Text)
	}
}

// sorted are the facts by section, in each in the order in which they came, the
// job's own first. A step's parameter that only repeats one of its job is left
// out, and so is one of the job of which a step's says all, and more.
func (b *builder) sorted() []Fact {
	for i := range b.facts {
		f := &b.facts[i]
		for _, value := range f.Values[1:] {
			f.Differs = f.Differs || !same(f.Values[0], value)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(b.facts), func(f Fact) bool {
		if f.Section != ParametersSection {
			return false
		}
		if f.Step == "" {
			return slices.ContainsFunc(b.facts, func(of Fact) bool {
				return of.Section == f.Section && of.Step != "" && of.Name == f.Name &&
					covers(of.Values, f.Values) && !covers(f.Values, of.Values)
			})
		}
		i, ok := b.at[factName{ParametersSection, "", f.Name}]
		return ok && slices.EqualFunc(b.facts[i].Values, f.Values, same)
	})
	order := Sections()
	slices.SortStableFunc(kept, func(a, b Fact) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Section), slices.Index(order, b.Section)),
			cmp.Compare(min(1, len(a.Step)), min(1, len(b.Step))),
		)
	})
	return kept
}

// covers reports whether all values of b are among those of a.
func covers(a, b []*string) bool {
	return slices.EqualFunc(a, b, func(a, b *string) bool { return b == nil || same(a, b) })
}

func same(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// differing lists, for each value after the first, the files in which the tree
// that it names differs from the first one.
func (s *Service) differing(ctx context.Context, values []*string) [][]FileChange {
	if values[0] == nil {
		return nil
	}
	files := make([][]FileChange, len(values)-1)
	found := false
	for i, value := range values[1:] {
		if value != nil && *value != *values[0] {
			files[i] = s.files(ctx, cache.Change{Kind: cache.Changed, Old: *values[0], New: *value})
			found = found || files[i] != nil
		}
	}
	if !found {
		return nil
	}
	return files
}

// shorten leaves of texts of several lines only those that differ.
func shorten(facts []Fact) {
	for i := range facts {
		f := &facts[i]
		if f.Section != EnvironmentSection && f.Section != CodeSection || !f.Differs {
			continue
		}
		in := map[string]int{} // lines, and how many of the jobs have them
		for _, value := range f.Values {
			if value == nil || !strings.Contains(*value, "\n") {
				in = nil
				break
			}
			for line := range maps.Keys(lineSet(*value)) {
				in[line]++
			}
		}
		if in == nil {
			continue
		}
		for j, value := range f.Values {
			var own []string
			for line := range strings.SplitSeq(*value, "\n") {
				if in[line] < len(f.Values) {
					own = append(own, strings.TrimSpace(line))
				}
			}
			text := strings.Join(own, "\n")
			f.Values[j] = &text
		}
	}
}

func lineSet(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		set[line] = true
	}
	return set
}

// number writes a number so that it reads as the same one.
func number(v float64) string {
	text, err := pipeline.Number64(v).MarshalJSON()
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.Trim(string(text), `"`)
}
