package tracking

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// pair is a parameter or a tag.
type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// pairs are parameters or tags in the order in which they were first set.
type pairs struct {
	list []pair
	at   map[string]int
}

func (p *pairs) get(key string) (string, bool) {
	i, ok := p.at[key]
	if !ok {
		return "", false
	}
	return p.list[i].Value, true
}

func (p *pairs) set(key, value string) {
	if i, ok := p.at[key]; ok {
		p.list[i].Value = value
		return
	}
	if p.at == nil {
		p.at = make(map[string]int)
	}
	p.at[key] = len(p.list)
	p.list = append(p.list, pair{key, value})
}

func (p *pairs) remove(key string) {
	i, ok := p.at[key]
	if !ok {
		return
	}
	p.list = append(p.list[:i], p.list[i+1:]...)
	delete(p.at, key)
	for j := i; j < len(p.list); j++ {
		p.at[p.list[j].Key] = j
	}
}

func (p *pairs) asMap() map[string]string {
	all := make(map[string]string, len(p.list))
	for _, one := range p.list {
		all[one.Key] = one.Value
	}
	return all
}

// all returns the pairs, never nil.
func (p *pairs) all() []pair { return append(make([]pair, 0, len(p.list)), p.list...) }

// point is one value of a metric, as requests and answers have it.
type point struct {
	Key       string  `json:"key"`
	Value     *number `json:"value"`
	Timestamp integer `json:"timestamp"`
	Step      integer `json:"step"`
	// What the value is said of: a logged model, a data set.
	Model         string `json:"model_id,omitempty"`
	DatasetName   string `json:"dataset_name,omitempty"`
	DatasetDigest string `json:"dataset_digest,omitempty"`
	Run           string `json:"run_id,omitempty"`
}

// sample is a point in a series.
type sample struct {
	step, time int64
	value      float64
}

func (s sample) point(key string) point {
	v := number(s.value)
	return point{Key: key, Value: &v, Timestamp: integer(s.time), Step: integer(s.step)}
}

// series is a metric of a run.
type series struct {
	samples []sample
	latest  sample
	summary pipeline.Metric
	seen    map[[3]uint64]bool // samples; nil until has is asked
}

// has reports whether a value was logged before. Clients log values of a run
// again to say that they are a model's, too: that makes no further ones.
func (s *series) has(one sample) bool {
	if s.seen == nil {
		s.seen = make(map[[3]uint64]bool, len(s.samples))
		for _, there := range s.samples {
			s.seen[there.bits()] = true
		}
	}
	return s.seen[one.bits()]
}

func (s *series) add(one sample, keep bool) {
	if laterOf(s.latest, one) {
		s.latest = one
	}
	s.summary = s.summary.Add(one.step, one.value)
	if keep {
		s.samples = append(s.samples, one)
	}
	if s.seen != nil {
		s.seen[one.bits()] = true
	}
}

func (s sample) bits() [3]uint64 {
	return [3]uint64{uint64(s.step), uint64(s.time), math.Float64bits(s.value)}
}

// info is a run as MLflow describes it.
type info struct {
	ID         string `json:"run_id"`
	UUID       string `json:"run_uuid"`
	Name       string `json:"run_name"`
	Experiment string `json:"experiment_id"`
	User       string `json:"user_id,omitempty"`
	Status     string `json:"status"`
	Start      int64  `json:"start_time"`
	End        int64  `json:"end_time,omitempty"`
	Artifacts  string `json:"artifact_uri"`
	Stage      string `json:"lifecycle_stage"`
}

// run is a run of the attempt: its own, or one that the program began.
type run struct {
	info
	params, tags pairs
	metrics      map[string]*series
	keys         []string // of metrics, in the order of their first values
	datasets     []datasetInput
	used, made   []modelUse
}

type datasetInput struct {
	Tags    []pair         `json:"tags,omitempty"`
	Dataset map[string]any `json:"dataset"`
}

// modelUse is a logged model that a run has read or made.
type modelUse struct {
	Model string  `json:"model_id"`
	Step  integer `json:"step,omitempty"`
}

// state is all that was reported in an attempt.
type state struct {
	own        string // the identifier of the attempt's own run
	runs       map[string]*run
	order      []string
	experiment experiment
	models     map[string]*loggedModel
	modelOrder []string
	registered map[string]*registeredModel
	names      []string // of registered models
	traces     map[string]json.RawMessage
	traceOrder []string

	points int
	// heard is told the values of the own run.
	heard func(key string, step int64, value float64)
}

// event is one change of the state: a line of the journal.
type event struct {
	Run     string         `json:"run,omitempty"`
	Metrics []point        `json:"metrics,omitempty"`
	Params  []pair         `json:"params,omitempty"`
	Tags    []pair         `json:"tags,omitempty"`
	Untag   string         `json:"untag,omitempty"`
	Info    *info          `json:"info,omitempty"` // of a run, new or changed
	Data    []datasetInput `json:"datasets,omitempty"`
	Used    []modelUse     `json:"used,omitempty"`
	Made    []modelUse     `json:"made,omitempty"`
	// The following replace what was there under the same name.
	Experiment *experiment      `json:"experiment,omitempty"`
	Model      *loggedModel     `json:"model,omitempty"`
	Registered *registeredModel `json:"registered,omitempty"`
	Forgotten  string           `json:"forgotten,omitempty"` // a registered model
	TraceID    string           `json:"trace_id,omitempty"`
	Trace      json.RawMessage  `json:"trace,omitempty"`
}

// apply makes a change. It has been checked.
func (s *state) apply(e event) {
	if e.Info != nil {
		if s.runs[e.Info.ID] == nil {
			s.runs[e.Info.ID] = &run{metrics: make(map[string]*series)}
			s.order = append(s.order, e.Info.ID)
		}
		s.runs[e.Info.ID].info = *e.Info
	}
	if r := s.runs[e.Run]; r != nil {
		for _, p := range e.Metrics {
			s.measure(r, p)
		}
		for _, p := range e.Params {
			r.params.set(p.Key, p.Value)
		}
		for _, t := range e.Tags {
			r.tags.set(t.Key, t.Value)
		}
		if e.Untag != "" {
			r.tags.remove(e.Untag)
		}
		r.datasets = append(r.datasets, e.Data...)
		r.used = append(r.used, e.Used...)
		r.made = append(r.made, e.Made...)
	}
	if e.Experiment != nil {
		s.experiment = *e.Experiment
	}
	if e.Model != nil {
		if s.models[e.Model.ID] == nil {
			s.modelOrder = append(s.modelOrder, e.Model.ID)
		}
		s.models[e.Model.ID] = e.Model
	}
	if e.Registered != nil {
		if s.registered[e.Registered.Name] == nil && !slices.Contains(s.names, e.Registered.Name) {
			s.names = append(s.names, e.Registered.Name)
		}
		s.registered[e.Registered.Name] = e.Registered
	}
	if e.Forgotten != "" {
		delete(s.registered, e.Forgotten)
	}
	if e.TraceID != "" {
		if s.traces[e.TraceID] == nil {
			s.traceOrder = append(s.traceOrder, e.TraceID)
		}
		s.traces[e.TraceID] = e.Trace
	}
}

// measure takes in one value of a run.
func (s *state) measure(r *run, p point) {
	if p.Value == nil {
		return
	}
	now := sample{step: int64(p.Step), time: int64(p.Timestamp), value: float64(*p.Value)}
	of := r.metrics[p.Key]
	if of == nil {
		of = &series{latest: now}
		r.metrics[p.Key] = of
		r.keys = append(r.keys, p.Key)
	}
	if m := s.models[p.Model]; m != nil {
		m.measure(p)
		if of.has(now) {
			return
		}
	}
	s.points++
	of.add(now, s.points <= maxPoints)
	if r.ID == s.own && s.heard != nil {
		s.heard(p.Key, now.step, now.value)
	}
}

// summaries are those of the first metrics of the own run.
func (s *state) summaries() map[string]pipeline.Metric {
	r := s.runs[s.own]
	if r == nil || len(r.keys) == 0 {
		return nil
	}
	all := make(map[string]pipeline.Metric)
	for _, key := range r.keys[:min(len(r.keys), pipeline.MaxMetrics)] {
		all[key] = r.metrics[key].summary
	}
	return all
}

// nothing reports whether nobody has reported anything yet.
func (s *state) nothing() bool {
	r := s.runs[s.own]
	return s.points == 0 && len(s.runs) <= 1 && len(s.models) == 0 && len(s.registered) == 0 && len(s.traces) == 0 &&
		(r == nil || len(r.params.list)+len(r.datasets) == 0)
}

func millis(t time.Time) int64 { return t.UnixMilli() }
