package runs

import (
	"context"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// partsAge is for how long an answer about the parts of a step is good.
const partsAge = time.Second

// askParts asks the sweeps of a job that run how far they are. One that does not
// answer just now leaves what is known.
func (f *follower) askParts(ctx context.Context) {
	if time.Since(f.partsAsked) < partsAge {
		return
	}
	for i := range f.reported {
		state := &f.reported[i]
		step := &f.job.Plan.Steps[i]
		if step.Kind != pipeline.SweepKind || state.Status != pipeline.Running {
			continue
		}
		f.partsAsked = time.Now()
		answer, err := f.s.Temporal.QueryWorkflow(ctx, workflows.PartsID(f.job.Name, step.Name), "", workflows.TrialsQuery)
		if err != nil {
			continue
		}
		// There is more in the answer, which is asked for elsewhere.
		var p struct {
			Parts pipeline.Parts `json:"parts"`
		}
		if answer.Get(&p) == nil && p.Parts.What != "" {
			state.Parts = &p.Parts
		}
	}
}
