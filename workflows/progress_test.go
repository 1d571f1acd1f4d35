package workflows

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestTheTableOfStepsSaysWhatBecameOfEachKind(t *testing.T) {
	e := &execution{steps: []pipeline.StepState{
		{Name: "prep", Status: pipeline.Completed, Queue: "cpu", Reused: &pipeline.Origin{Job: "calm", Step: "prep"}, Metrics: map[string]pipeline.Metric{"rows": {Last: 120}}},
		{Name: "train", Status: pipeline.Completed, Queue: "gpu", Metrics: map[string]pipeline.Metric{"e": {}, "d": {}, "c": {}, "b": {Last: 0.25}, "a|b": {Last: 1. / 3}}},
		{Name: "tune", Status: pipeline.Running, Queue: "cpu", Parts: &pipeline.Parts{What: "trials", Total: 60, Completed: 9, Stopped: 3, Running: 2, Best: "tune.7"}},
		{Name: "cut", Status: pipeline.Running, Queue: "cpu", Parts: &pipeline.Parts{What: "batches", Total: 9}, Waiting: "0 of 9 batches; 2 a second, 5s left"},
		{Name: "score", Status: pipeline.Failed, Queue: "cpu", Parts: &pipeline.Parts{What: "batches", Total: 3, Failed: 3}, Failure: &pipeline.Failure{Message: "too many\nfailed"}},
		{Name: "deploy", Status: pipeline.Completed, Queue: "cpu", Skipped: "good is false"},
		{Name: "late", Status: pipeline.Queued, Queue: "cpu"},
	}}
	const want = `| step | state | queue | |
|---|---|---|---|
| prep | Reused | cpu | from calm.prep; rows 120 |
| train | Completed | gpu | a/b 0.3333, b 0.25, c 0, d 0, 1 more |
| tune | Running | cpu | trials 12/60, 2 running, 3 stopped early, best tune.7 |
| cut | Running | cpu | 0 of 9 batches; 2 a second, 5s left |
| score | Failed | cpu | batches 3/3, 3 failed; too many failed |
| deploy | Skipped | cpu | good is false |
| late | Queued or running | cpu |  |
`
	if diff := cmp.Diff(want, e.details()); diff != "" {
		t.Error(diff)
	}
}
