package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/pipeline"
)

// maxResolved bounds one answer: it stands in the job's history.
const maxResolved = 1500

// Resolve asks the cache for the steps that are ready, and walks on through the
// hits: what becomes ready by a hit is looked up too. A pipeline that is wholly
// reused is one call.
func (a *Activities) Resolve(ctx context.Context, in ResolveInput) (ResolveResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return ResolveResult{}, err
	}
	var result ResolveResult
	hits := make(map[int]*Resolved)
	seen := make(map[int]bool)
	for front := in.Ready; len(front) > 0; {
		answers, err := a.lookup(ctx, plan, front)
		if err != nil {
			return ResolveResult{}, err
		}
		result.Steps = append(result.Steps, answers...)
		for i := range answers {
			r := &answers[i]
			seen[r.Step] = true
			if r.From != nil {
				hits[r.Step] = r
			}
		}
		if len(result.Steps) > maxResolved {
			break
		}
		front = plan.ahead(answers, hits, seen, in.Values)
	}
	a.noteReused(ctx, plan, in.Job, result.Steps)
	return result, nil
}

// noteReused notes the hits, for whoever asks after the job without a server.
func (a *Activities) noteReused(ctx context.Context, plan *indexed, job string, answers []Resolved) {
	var states []pipeline.StepState
	now := time.Now()
	for _, r := range answers {
		if r.From != nil {
			step := &plan.Steps[r.Step]
			a.observer().Reused(job, step.Name, step.Queue)
			states = append(states, pipeline.StepState{
				Name: step.Name, Status: pipeline.Completed, Queue: step.Queue, Key: r.Key,
				Reused: r.From, Warning: r.Note, Started: now, Ended: now, Outputs: r.Outputs,
				Values: r.Values, Metrics: r.Metrics,
			})
		}
	}
	if len(states) > 0 {
		_ = a.Records.Note(ctx, job, fmt.Sprintf("reused-%d", answers[0].Step), states)
	}
}

// lookup asks the cache for steps whose inputs are known.
func (a *Activities) lookup(ctx context.Context, plan *indexed, ready []Ready) ([]Resolved, error) {
	answers := make([]Resolved, len(ready))
	var keys []cache.Key
	var asked []int
	known := make(locks)
	for n, r := range ready {
		step := &plan.Steps[r.Step]
		software, err := known.find(ctx, a, step)
		if err != nil {
			return nil, err
		}
		if software.unprepared != "" {
			answers[n] = Resolved{Step: r.Step, Unprepared: software.unprepared}
			continue
		}
		key := cache.KeyOf(a.ingredients(step, values(step, r.Inputs), software.lock))
		answers[n] = Resolved{Step: r.Step, Key: string(key), Note: software.note}
		if step.Deterministic && !plan.Settings.ForceRerun {
			keys, asked = append(keys, key), append(asked, n)
		}
	}
	entries, err := a.Cache.LookupMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	for n, entry := range entries {
		if entry != nil {
			r := &answers[asked[n]]
			r.From = &pipeline.Origin{Job: entry.Job, Step: entry.Step}
			r.Outputs, r.Reported = entry.Outputs, Reported{entry.Values, entry.Metrics, entry.Models}
		}
	}
	return answers, nil
}

// ahead finds the steps that the newest hits make ready: all their upstream is
// among the hits, and nothing has to be read from outside first.
func (p *indexed) ahead(newest []Resolved, hits map[int]*Resolved, seen map[int]bool, given map[string]pipeline.Value) []Ready {
	if p.init {
		return nil // what comes first must have ended; the workflow knows
	}
	var front []Ready
	for _, r := range newest {
		if r.From == nil {
			continue
		}
		for _, i := range p.consumers[r.Step] {
			if seen[i] || !lookedUp(&p.Steps[i]) {
				continue
			}
			if !slices.ContainsFunc(p.producers[i], func(from int) bool { return hits[from] == nil }) {
				if inputs, ok := p.inputs(i, hits, given); ok {
					seen[i] = true
					front = append(front, Ready{Step: i, Inputs: inputs})
				}
			}
		}
	}
	return front
}

// lookedUp reports whether a step may be asked for ahead. Steps of other kinds
// than programs have no result of their own in the cache, and a condition is for
// the workflow to judge.
func lookedUp(s *pipeline.Step) bool {
	return s.Role == pipeline.Normal && s.Kind == pipeline.Program && len(s.Guards) == 0
}

// inputs are the open inputs of a step whose upstream is among the hits; false
// where an input must be fetched from outside first.
func (p *indexed) inputs(i int, hits map[int]*Resolved, given map[string]pipeline.Value) (map[string]pipeline.Value, bool) {
	values := make(map[string]pipeline.Value)
	for _, in := range p.Steps[i].Inputs {
		switch b := in.Binding; {
		case b.Step != nil:
			from := slices.IndexFunc(p.producers[i], func(from int) bool { return p.Steps[from].Name == b.Step.Step })
			hit := hits[p.producers[i][from]]
			if text, ok := hit.Values[b.Step.Output]; ok && in.Type.IsLiteral() {
				values[in.Name] = pipeline.Text(text)
			} else if a, ok := hit.Outputs[b.Step.Output]; ok {
				values[in.Name] = pipeline.Content(a)
			}
		case b.Parameter != "" || b.Joined != nil:
			v, ok := b.In(given)
			if v.URI != "" && in.Mode != pipeline.Direct {
				return nil, false
			}
			if ok {
				values[in.Name] = v
			}
		case b.Source != nil && b.Source.Artifact == nil && in.Mode != pipeline.Direct:
			return nil, false
		}
	}
	return values, true
}

// values are the values of all of a step's inputs: those that the plan holds,
// and the open ones that were found since.
func values(step *pipeline.Step, open map[string]pipeline.Value) map[string]pipeline.Value {
	all := make(map[string]pipeline.Value, len(step.Inputs))
	for _, in := range step.Inputs {
		if v, ok := open[in.Name]; ok {
			all[in.Name] = v // a trial's own, in place of a default
			continue
		}
		switch b := in.Binding; {
		case b.Literal != nil:
			all[in.Name] = pipeline.Text(*b.Literal)
		case b.Source != nil && in.Mode == pipeline.Direct:
			all[in.Name] = pipeline.Value{URI: b.Source.URI}
		case b.Source != nil && b.Source.Artifact != nil:
			all[in.Name] = pipeline.Content(*b.Source.Artifact)
		}
	}
	return all
}
