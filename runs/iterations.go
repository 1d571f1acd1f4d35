package runs

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// The iterations of a loop are jobs, parts of the job that the loop's step is to
// the outside. They are shown, read and canceled as any other, but stand in no
// list of jobs but that of their parent.

// ChildrenOf are the child jobs of a job, at most so many; 0 is all. Those of a
// pipeline are its steps; of a step that is a loop, its iterations.
func (s *Service) ChildrenOf(ctx context.Context, name string, most int) ([]map[string]any, error) {
	job, step, err := s.ShowAny(ctx, name)
	if err != nil {
		return nil, err
	}
	if step == "" {
		return job.Children(), nil
	}
	names, err := s.records.Children(ctx, name)
	if err != nil {
		return nil, err
	}
	if most > 0 {
		names = names[:min(most, len(names))]
	}
	children := make([]map[string]any, 0, len(names))
	for _, child := range names {
		r, err := s.records.Submitted(ctx, child)
		if err != nil {
			return nil, err
		}
		part := s.describe(r, nil)
		if err := s.state(ctx, part); err != nil {
			return nil, err
		}
		children = append(children, Summary(*part))
	}
	return children, nil
}

// ofIteration makes the plan of a job of the body of a loop: with the job's name,
// and what the iteration was given.
func ofIteration(body *pipeline.Plan, r record.Submitted) *pipeline.Plan {
	plan := body.Fill(r.Name, "")
	plan.Root = r.Root
	for i := range plan.Inputs {
		in := &plan.Inputs[i]
		v, ok := r.Values[in.Binding.Parameter]
		switch {
		case !ok || in.Binding.Parameter == "":
		case v.Literal != nil:
			in.Binding = pipeline.Binding{Literal: v.Literal}
		case v.Artifact != nil:
			in.Binding = pipeline.Binding{Source: &pipeline.Source{Artifact: v.Artifact}}
		case v.URI != "":
			in.Binding = pipeline.Binding{Source: &pipeline.Source{URI: v.URI}}
		}
	}
	return plan
}

// loopsAge is how long an answer of a loop is good for.
const loopsAge = 500 * time.Millisecond

// iterations asks the loops of a job that run how far they are.
func (f *follower) iterations(ctx context.Context) {
	if time.Since(f.looped) < loopsAge {
		return
	}
	for i := range f.reported {
		state := &f.reported[i]
		step := &f.job.Plan.Steps[i]
		if step.Loop == nil || state.Status != pipeline.Running {
			continue
		}
		f.looped = time.Now()
		answer, err := f.s.Temporal.QueryWorkflow(ctx, f.job.Plan.StepJobName(step.Name), "", workflows.LoopQuery)
		if err != nil {
			continue // it begins just now, or no worker serves it
		}
		var p workflows.LoopProgress
		if answer.Get(&p) != nil {
			continue
		}
		state.Parts, state.Waiting = &p.Parts, ""
		if step.Kind == pipeline.DoWhile && p.Number > 0 {
			state.Waiting = fmt.Sprintf("iteration %d of at most %d", p.Number, p.Most)
			if len(p.Running) > 0 {
				state.Waiting += f.within(ctx, p.Running[0])
			}
		}
	}
}

// within says what an iteration is at.
func (f *follower) within(ctx context.Context, name string) string {
	job, err := f.s.Show(ctx, name)
	if err != nil {
		return ""
	}
	for _, state := range job.Steps {
		switch {
		case state.Status.Ended() || state.Status == pipeline.NotStarted:
		case waiting(state) != "":
			return ": " + state.Name + ": " + waiting(state)
		default:
			return ": " + state.Name + " is running"
		}
	}
	return ""
}
