package sweep_test

import (
	"slices"
	"testing"

	"github.com/millrace-ml/millrace/internal/sweep"
	"github.com/millrace-ml/millrace/pipeline"
)

type told struct {
	trial, count int
	best, mean   float64
	stopped      bool
}

func TestPoliciesEndTheTrialsThatDoBadly(t *testing.T) {
	for name, c := range map[string]struct {
		policy   pipeline.EarlyTermination
		minimise bool
		ended    []int
		told     []told
	}{
		"bandit, a factor": {pipeline.EarlyTermination{Type: "bandit", SlackFactor: 0.2}, false, nil, []told{
			{1, 1, 0.8, 0.8, false}, {2, 1, 0.67, 0.67, false}, {3, 1, 0.66, 0.66, true}, {4, 2, 0.1, 0.1, false}, {1, 2, 0.9, 0.85, false}, {2, 2, 0.7, 0.7, true},
		}},
		"bandit, a factor of losses": {pipeline.EarlyTermination{Type: "bandit", SlackFactor: 0.5}, true, nil, []told{
			{1, 1, 1, 1, false}, {2, 1, 1.5, 1.5, false}, {3, 1, 1.6, 1.6, true},
		}},
		"bandit, a factor below zero": {pipeline.EarlyTermination{Type: "bandit", SlackFactor: 0.5}, false, nil, []told{
			{1, 1, -1, -1, false}, {2, 1, -1.4, -1.4, false}, {3, 1, -1.6, -1.6, true},
		}},
		"bandit, an amount": {pipeline.EarlyTermination{Type: "bandit", SlackAmount: 0.1}, false, nil, []told{
			{1, 1, 0.8, 0.8, false}, {2, 1, 0.75, 0.75, false}, {3, 1, 0.6, 0.6, true},
		}},
		"median": {pipeline.EarlyTermination{Type: "median_stopping"}, false, nil, []told{
			{1, 1, 0.5, 0.5, false}, {2, 1, 0.9, 0.9, false}, {3, 1, 0.8, 0.8, false}, {4, 1, 0.7, 0.7, true}, {5, 1, 0.75, 0.75, false},
		}},
		"truncation": {pipeline.EarlyTermination{Type: "truncation_selection", Percentage: 50}, false, nil, []told{
			{1, 1, 0.5, 0.5, false}, {2, 1, 0.4, 0.4, true}, {3, 1, 0.9, 0.9, false}, {4, 1, 0.45, 0.45, true},
		}},
		"truncation among those that go on": {pipeline.EarlyTermination{Type: "truncation_selection", Percentage: 50, ExcludeFinished: true}, false, []int{1}, []told{
			{1, 1, 0.5, 0.5, false}, {2, 1, 0.4, 0.4, false}, {3, 1, 0.3, 0.3, true},
		}},
		"not yet, and not each time": {pipeline.EarlyTermination{Type: "bandit", SlackAmount: 0.1, Interval: 2, Delay: 4}, false, nil, []told{
			{1, 2, 0.8, 0.8, false}, {2, 2, 0.1, 0.1, false}, {1, 4, 0.8, 0.8, false}, {2, 5, 0.1, 0.1, false}, {2, 4, 0.1, 0.1, true},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var j sweep.Judge
			ended := func(trial int) bool { return slices.Contains(c.ended, trial) }
			for i, r := range c.told {
				why := j.Look(&c.policy, c.minimise, r.trial, sweep.Report{Count: r.count, Best: pipeline.Number64(r.best), Mean: pipeline.Number64(r.mean)}, ended)
				if (why != "") != r.stopped {
					t.Errorf("report %d, %+v: %q", i+1, r, why)
				}
			}
		})
	}
}

// However long a trial goes on, it is judged a bounded number of times, and
// never long after it could have been.
func TestTrialsAreJudgedSometimes(t *testing.T) {
	e := &pipeline.EarlyTermination{Type: "bandit", Interval: 3, Delay: 10}
	times, last := 0, 0
	for count := range 1_000_000 {
		if sweep.Judged(e, count) {
			times++
			if count < 10 || count%3 != 0 || last > 300 && count-last > last/20 {
				t.Fatalf("judged after %d reports, and before that after %d", count, last)
			}
			last = count
		}
	}
	if times > 1000 {
		t.Errorf("judged %d times", times)
	}
}
