package lineage_test

import (
	"fmt"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

// BenchmarkRead reads a thousand jobs of ten steps, in which a third of the
// steps is reused.
func BenchmarkRead(b *testing.B) {
	w := newWorld(b)
	const jobs, steps = 1000, 10
	code := w.content("code")
	for j := range jobs {
		p := pipeline.Plan{Name: fmt.Sprintf("job_%04d", j)}
		var states []pipeline.StepState
		for s := range steps {
			name := fmt.Sprintf("step_%d", s)
			step := pipeline.Step{Name: name, Code: &pipeline.Code{Artifact: code}, Environment: pipeline.Environment{Image: "python:3.12"},
				Command: pipeline.Template{{Text: "python run.py --from "}, {Input: "from"}, {Text: " --to "}, {Output: "to"}},
				Inputs:  []pipeline.Input{literal("rate", "0.1"), literal("rounds", "3")}, Outputs: []pipeline.Output{{Name: "to"}}}
			if s > 0 {
				step.Inputs = append(step.Inputs, sibling("from", fmt.Sprintf("step_%d", s-1), "to"))
			}
			p.Steps = append(p.Steps, step)
			state := pipeline.StepState{Name: name, Outputs: map[string]pipeline.Artifact{
				"to": {Digest: pipeline.NewDigest(fmt.Appendf(nil, "%016d%016d", j, s)), Size: 10}, "artifacts": *code}}
			if s%3 == 0 && j > 0 {
				state.Reused = &pipeline.Origin{Job: fmt.Sprintf("job_%04d", j-1), Step: name}
			}
			states = append(states, state)
		}
		w.job(p, states...)
	}
	for b.Loop() {
		if g := w.read(); len(g.Problems) > 0 {
			b.Fatal(g.Problems)
		}
	}
}
