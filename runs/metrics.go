package runs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/pipeline"
)

// maxMetricsFile bounds what is read of a step's metrics, in bytes.
const maxMetricsFile = 512 << 20

// Measured is what a step has reported.
type Measured struct {
	State pipeline.StepState
	// Series are those of all runs of the step, with their points; empty while
	// it runs, when State.Metrics has what is known.
	Series []metrics.Series
}

// Own are the metrics of the step itself, without those of further runs that its
// program began.
func (m *Measured) Own() []metrics.Series {
	return slices.DeleteFunc(slices.Clone(m.Sums()), func(s metrics.Series) bool { return s.Run != "" })
}

// Sums lists the metrics of a step, summed up: from the series where they are
// there, which has all of them, or else from the state.
func (m *Measured) Sums() []metrics.Series {
	if m.Series != nil {
		return m.Series
	}
	sums := make([]metrics.Series, 0, len(m.State.Metrics))
	for key, metric := range m.State.Metrics {
		sums = append(sums, metrics.Series{Key: key, Metric: metric})
	}
	slices.SortFunc(sums, func(a, b metrics.Series) int { return strings.Compare(a.Key, b.Key) })
	return sums
}

// Metrics returns what the steps of a job have reported, those that have
// reported something. With step it is that step alone, or a part of one: a trial.
func (s *Service) Metrics(ctx context.Context, name, step string) (*Job, []Measured, error) {
	job, own, err := s.ShowAny(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if own != "" && step == "" {
		step = own
	}
	states := job.Steps
	if step != "" {
		state, err := s.stepOrPart(ctx, job, step)
		if err != nil {
			return nil, nil, err
		}
		states = []pipeline.StepState{state}
	}
	all, err := s.Measure(ctx, states)
	return job, all, err
}

// Measure reads what steps have reported, those that have reported something.
func (s *Service) Measure(ctx context.Context, states []pipeline.StepState) ([]Measured, error) {
	all := make([]Measured, len(states))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, s.Store.Parallel()))
	for i := range states {
		g.Go(func() error {
			all[i].State = states[i]
			var err error
			all[i].Series, err = s.series(ctx, &states[i])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(m Measured) bool { return len(m.Series) == 0 && len(m.State.Metrics) == 0 }), nil
}

// series reads the series that a step has left with its artifacts; nil where it
// has left none. A reused step has those of the one that it was taken from.
func (s *Service) series(ctx context.Context, state *pipeline.StepState) ([]metrics.Series, error) {
	data, err := s.kept(ctx, state, metrics.File, maxMetricsFile)
	if data == nil || err != nil {
		return nil, err
	}
	series, err := metrics.Gather(metrics.Read(bytes.NewReader(data), int64(len(data))))
	if err != nil {
		return nil, fmt.Errorf("metrics of step %s: %w", state.Name, err)
	}
	told, err := s.told(ctx, state)
	if err != nil {
		return nil, err
	}
	told.entitle(series)
	return series, nil
}

// kept reads a file of the artifacts of a step; nil where there is none, or no
// more.
func (s *Service) kept(ctx context.Context, state *pipeline.StepState, path string, most int64) ([]byte, error) {
	left, ok := state.Outputs[pipeline.Artifacts]
	if !ok || !left.Tree {
		return nil, nil
	}
	tree, err := s.Store.Manifest(ctx, left.Digest)
	if err == nil {
		i := slices.IndexFunc(tree.Entries, func(e artifact.Entry) bool { return e.Path == path })
		if i < 0 {
			return nil, nil
		}
		var data []byte
		if data, err = s.Store.ReadAll(ctx, tree.Entries[i].Digest, most); err == nil {
			return data, nil
		}
	}
	if errors.Is(err, artifact.ErrGone) {
		return nil, nil
	}
	return nil, fmt.Errorf("read %s of step %s: %w", path, state.Name, err)
}

// stepOrPart is the state of a step, or of a trial of one.
func (s *Service) stepOrPart(ctx context.Context, job *Job, name string) (pipeline.StepState, error) {
	if job.Plan.Step(name) != nil {
		return job.step(name), nil
	}
	if step := job.sweepOf(name); step != nil {
		return s.trial(ctx, job, step, name)
	}
	return pipeline.StepState{}, fmt.Errorf("%w %q in job %s", ErrNoStep, name, job.Name)
}

// trial is what is known of a trial, as the state of a step. While it runs that is
// the metric which trials are compared by.
func (s *Service) trial(ctx context.Context, job *Job, step *pipeline.Step, name string) (pipeline.StepState, error) {
	t, err := s.trialNamed(ctx, job, step.Name, name)
	if err != nil {
		return pipeline.StepState{}, err
	}
	state := pipeline.StepState{Name: name, Status: t.Status, Key: t.Key, Reused: t.Reused, Started: t.Started, Ended: t.Ended}
	if t.Metric != nil {
		state.Metrics = map[string]pipeline.Metric{step.Sweep.Objective.Metric: *t.Metric}
	}
	if t.Artifacts != nil {
		state.Outputs = map[string]pipeline.Artifact{pipeline.Artifacts: *t.Artifacts}
	}
	return state, nil
}

func (s *Service) trialNamed(ctx context.Context, job *Job, sweep, name string) (*pipeline.Trial, error) {
	all, err := s.Trials(ctx, job.Name, sweep)
	if err != nil {
		return nil, err
	}
	number, ok := pipeline.TrialNumber(sweep, name)
	for i := range all.Trials {
		if t := &all.Trials[i]; ok && t.Number == number {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%w: %s of job %s has no trial %s", ErrNoStep, sweep, job.Name, strings.TrimPrefix(name, sweep+"."))
}
