package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/sweep"
	"github.com/millrace-ml/millrace/pipeline"
)

// ProposeInput asks for the next trials of a sweep. It is not in any history.
type ProposeInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	Ready
	Name string `json:"name"`
	// Next is the number of the first trial, Count how many there are to be.
	Next  int `json:"next"`
	Count int `json:"count"`
	// Pages and Trials are those that there are already; Parts counts them.
	Pages  []pipeline.Digest `json:"pages,omitempty"`
	Trials []pipeline.Trial  `json:"trials,omitempty"`
	Parts  pipeline.Parts    `json:"parts"`
	// Again are trials that the cache is to be asked for once more.
	Again []Proposal `json:"again,omitempty"`
}

// ProposeResult is the trials that can begin.
type ProposeResult struct {
	Trials []Proposal `json:"trials"`
	// Exhausted is set where there are no further points.
	Exhausted bool `json:"exhausted,omitempty"`
}

// Proposal is a trial with what the cache said of it.
type Proposal struct {
	Number int               `json:"number"`
	Values map[string]string `json:"values"`
	At     []float64         `json:"at,omitempty"`
	Key    string            `json:"key,omitempty"`
	// From is set on a hit, with the outputs, the values of control outputs and
	// the metric.
	From       *pipeline.Origin             `json:"from,omitempty"`
	Outputs    map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Control    map[string]string            `json:"control,omitempty"`
	Told       Told                         `json:"told,omitzero"`
	Unprepared string                       `json:"unprepared,omitempty"`
	Note       string                       `json:"note,omitempty"`
}

// Told is what a trial has told of itself, as far as a sweep has to know.
type Told struct {
	// Metric is the one that trials are compared by; nil where it was not
	// reported, and Logged then are some of those that were.
	Metric *pipeline.Metric `json:"metric,omitempty"`
	Logged []string         `json:"logged,omitempty"`
}

// SweepState is what is kept of a sweep that goes on in a new workflow run; with
// nothing but its trials, it is one page of them.
type SweepState struct {
	Trials    []pipeline.Trial  `json:"trials,omitempty"`
	Started   time.Time         `json:"start_time,omitzero"`
	Next      int               `json:"next,omitempty"`
	Exhausted bool              `json:"exhausted,omitempty"`
	Pages     []pipeline.Digest `json:"pages,omitempty"`
	Parts     pipeline.Parts    `json:"parts,omitzero"`
	// Measured counts the trials that have reported the metric, and Logged are
	// some of the others' metrics.
	Measured int              `json:"measured,omitempty"`
	Logged   []string         `json:"logged,omitempty"`
	Best     *Best            `json:"best,omitempty"`
	Top      []pipeline.Trial `json:"top,omitempty"`
	Judge    sweep.Judge      `json:"judge,omitzero"`
	Warning  string           `json:"warning,omitempty"`
	// Failure is that of the first trial that failed.
	Failure *pipeline.Failure `json:"error,omitempty"`
}

// Best is the best trial so far, with what it made.
type Best struct {
	Trial   pipeline.Trial               `json:"trial"`
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Reported
}

// TrialsInput is what is to be known of a sweep's trials once it has ended.
type TrialsInput struct {
	Job  string `json:"job"`
	Name string `json:"name"`
	Trials
}

// Trials is what is known of the trials of a sweep.
type Trials = record.Trials

// Propose samples the next trials of a sweep, and asks the cache for them. It
// also notes how far the sweep is, for whoever asks without a server.
func (a *Activities) Propose(ctx context.Context, in ProposeInput) (ProposeResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return ProposeResult{}, err
	}
	s := &plan.Steps[in.Step]
	if s.Sweep == nil {
		return ProposeResult{}, invalid("step %s is no sweep", s.Name)
	}
	sampler, err := sweep.New(*s.Sweep, seedOf(in.Job, in.Name))
	if err != nil {
		return ProposeResult{}, invalid("sample the trials of %s: %v", s.Name, err)
	}
	result := ProposeResult{Trials: in.Again}
	var seen []sweep.Observation
	if sampler.Learns() && in.Count > 0 {
		if seen, err = a.observations(ctx, in, s.Sweep.Objective.Minimise); err != nil {
			return ProposeResult{}, err
		}
	}
	for number := in.Next; number < in.Next+in.Count; number++ {
		if size := sampler.Size(); size > 0 && number > size {
			result.Exhausted = true
			break
		}
		point := sampler.Point(number-1, seen)
		p := Proposal{Number: number, Values: coerced(s, point.Values)}
		if sampler.Learns() {
			p.At = point.At
			seen = append(seen, sweep.Observation{At: point.At, Score: math.NaN()})
		}
		result.Trials = append(result.Trials, p)
	}
	if err := a.lookupTrials(ctx, plan, in, result.Trials); err != nil {
		return ProposeResult{}, err
	}
	a.sweeps.note(in.Job+"."+in.Name, func() {
		_ = a.Records.KeepTrials(ctx, in.Job, in.Name, Trials{Pages: in.Pages, Trials: in.Trials, Parts: in.Parts})
	})
	return result, nil
}

// lookupTrials asks the cache for trials.
func (a *Activities) lookupTrials(ctx context.Context, plan *indexed, in ProposeInput, trials []Proposal) error {
	s := &plan.Steps[in.Step]
	ready := make([]Ready, len(trials))
	for i, t := range trials {
		ready[i] = Ready{Step: in.Step, Inputs: trialInputs(in.Inputs, s, t.Values)}
	}
	answers, err := a.lookup(ctx, plan, ready)
	if err != nil {
		return err
	}
	for i, r := range answers {
		t := &trials[i]
		t.Key, t.From, t.Outputs, t.Control, t.Unprepared, t.Note = r.Key, r.From, r.Outputs, r.Values, r.Unprepared, r.Note
		if r.From != nil {
			t.Told = told(s.Sweep.Objective.Metric, r.Metrics)
			a.observer().Reused(in.Job, pipeline.TrialName(s.Name, t.Number), s.Queue)
		}
	}
	return nil
}

// trialInputs are the inputs of a trial: those of the sweep, and the sampled
// ones that the program has.
func trialInputs(inputs map[string]pipeline.Value, s *pipeline.Step, values map[string]string) map[string]pipeline.Value {
	all := make(map[string]pipeline.Value, len(inputs)+len(values))
	maps.Copy(all, inputs)
	for name, text := range values {
		if s.Input(name) != nil {
			all[name] = pipeline.Text(text)
		}
	}
	return all
}

// coerced gives sampled values the type that the program asks for: a number
// becomes an integer as Python's int() makes one.
func coerced(s *pipeline.Step, values map[string]string) map[string]string {
	for name, text := range values {
		in := s.Input(name)
		if in == nil || in.Type != pipeline.Integer {
			continue
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(v) < 1<<53 {
			values[name] = strconv.FormatInt(int64(v), 10)
		}
	}
	return values
}

// MaxLogged bounds the names of metrics that are remembered to say what was
// logged in place of the one that was asked for.
const MaxLogged = 20

func told(metric string, metrics map[string]pipeline.Metric) Told {
	if m, ok := metrics[metric]; ok {
		return Told{Metric: &m}
	}
	return Told{Logged: namesOf(metrics, MaxLogged)}
}

// seedOf is the seed of a sweep that has none: another one for each.
func seedOf(job, step string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(job + "\x00" + step)) // never fails
	return int64(h.Sum64())
}

// observations are the points at which trials were run, and how they did.
func (a *Activities) observations(ctx context.Context, in ProposeInput, minimise bool) ([]sweep.Observation, error) {
	var all []sweep.Observation
	for _, page := range in.Pages {
		trials, err := a.sweeps.page(page, func() ([]pipeline.Trial, error) {
			state, err := a.TakeUpSweep(ctx, page)
			return state.Trials, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, pointsOf(trials, minimise)...)
	}
	return append(all, pointsOf(in.Trials, minimise)...), nil
}

func pointsOf(trials []pipeline.Trial, minimise bool) []sweep.Observation {
	seen := make([]sweep.Observation, len(trials))
	for i := range trials {
		seen[i] = sweep.Observation{At: trials[i].At, Score: math.NaN()}
		if score, ok := trials[i].Score(minimise); ok && trials[i].Status.Ended() {
			seen[i].Score = score
		}
	}
	return seen
}

// KeepSweep puts the state of a sweep, or a page of its trials, into the store.
func (a *Activities) KeepSweep(ctx context.Context, in SweepState) (pipeline.Digest, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return "", invalid("keep the trials: %v", err)
	}
	kept, err := a.Store.PutBytes(ctx, data)
	return kept.Digest, err
}

// TakeUpSweep returns what KeepSweep put into the store.
func (a *Activities) TakeUpSweep(ctx context.Context, d pipeline.Digest) (SweepState, error) {
	var state SweepState
	data, err := a.Store.ReadAll(ctx, d, maxPlan)
	if err != nil {
		return state, fmt.Errorf("take up the trials: %w", err)
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return state, invalid("take up the trials: %v", err)
	}
	return state, nil
}

// RecordTrials writes down what became of the trials of a sweep.
func (a *Activities) RecordTrials(ctx context.Context, in TrialsInput) error {
	return a.Records.KeepTrials(ctx, in.Job, in.Name, in.Trials)
}

// sweeps remembers, for a process, what its sweeps would read or write again
// and again.
type sweeps struct {
	mu     sync.Mutex
	noted  map[string]time.Time
	pages  map[pipeline.Digest][]pipeline.Trial
	recent []pipeline.Digest
}

const (
	notePace        = 2 * time.Second
	rememberedPages = 128
)

// note writes a note, unless one was written just now.
func (c *sweeps) note(of string, write func()) {
	c.mu.Lock()
	if c.noted == nil || len(c.noted) > rememberedPages {
		c.noted = make(map[string]time.Time)
	}
	due := time.Since(c.noted[of]) > notePace
	if due {
		c.noted[of] = time.Now()
	}
	c.mu.Unlock()
	if due {
		write()
	}
}

// page returns the trials of a page, which never change.
func (c *sweeps) page(d pipeline.Digest, read func() ([]pipeline.Trial, error)) ([]pipeline.Trial, error) {
	c.mu.Lock()
	trials, known := c.pages[d]
	c.mu.Unlock()
	if known {
		return trials, nil
	}
	trials, err := read()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages == nil {
		c.pages = make(map[pipeline.Digest][]pipeline.Trial)
	}
	if c.pages[d] == nil {
		c.recent = append(c.recent, d)
	}
	c.pages[d] = trials
	if len(c.recent) > rememberedPages {
		delete(c.pages, c.recent[0])
		c.recent = c.recent[1:]
	}
	return trials, nil
}
