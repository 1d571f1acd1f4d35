package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// earlierKeys lists the runs of an earlier job that a run may be compared with.
type earlierKeys func(job string, steps []pipeline.StepState) ([]earlierRun, error)

type earlierRun struct{ step, key string }

// keysOf are the runs of the step of that name.
func keysOf(step string) earlierKeys {
	return func(_ string, steps []pipeline.StepState) (runs []earlierRun, err error) {
		for _, state := range steps {
			if state.Name == step {
				runs = append(runs, earlierRun{step, state.Key})
			}
		}
		return runs, nil
	}
}

// searchedPages bounds the pages of trials that are read for an explanation.
const searchedPages = 100

// trialsLike are the trials of the sweep of that name with the same values as the
// trial.
func (s *Service) trialsLike(ctx context.Context, job *Job, sweep, name string) earlierKeys {
	var values map[string]string
	left := searchedPages
	return func(other string, _ []pipeline.StepState) ([]earlierRun, error) {
		if values == nil {
			trial, err := s.trialNamed(ctx, job, sweep, name)
			if err != nil {
				return nil, err
			}
			values = trial.Values
		}
		known, err := s.records.Trials(ctx, other, sweep)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		all := known.Trials
		for _, page := range known.Pages {
			if left == 0 {
				break
			}
			left--
			trials, err := s.trialsOn(ctx, page)
			if err != nil {
				return nil, fmt.Errorf("read the trials of %s of job %s: %w", sweep, other, err)
			}
			all = append(all, trials...)
		}
		var runs []earlierRun
		for i := range all {
			if maps.Equal(all[i].Values, values) {
				runs = append(runs, earlierRun{pipeline.TrialName(sweep, all[i].Number), all[i].Key})
			}
		}
		return runs, nil
	}
}

// explainBest explains a sweep by its best trial, whose outputs it has.
func (s *Service) explainBest(ctx context.Context, sweep *Explanation, best string) (*Explanation, error) {
	e, err := s.Explain(ctx, sweep.Job, best)
	if err != nil {
		return nil, err
	}
	which := "which "
	if e.Reused != nil {
		which = "which was "
	}
	e.Step, e.Status, e.Best = sweep.Step, sweep.Status, best
	e.Verdict = fmt.Sprintf("has what its best trial %s made, %s%s", best, which, e.Verdict)
	return e, nil
}

// sweepOf is the sweep that a trial of that name is of; nil where there is none.
func (j *Job) sweepOf(trial string) *pipeline.Step {
	if at := strings.LastIndexByte(trial, '.'); at > 0 {
		if step := j.Plan.Step(trial[:at]); step != nil && step.Sweep != nil {
			return step
		}
	}
	return nil
}
