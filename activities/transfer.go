package activities

import (
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/millrace-ml/millrace/internal/transfer"
	"github.com/millrace-ml/millrace/pipeline"
)

// Transfer moves the data of a step, in the worker itself. Another attempt goes
// on where this one has got to.
func (a *Activities) Transfer(ctx context.Context, in StepInput) (result StepResult, err error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, in.Root)
	if err != nil {
		return StepResult{}, err
	}
	s := plan.step(in)
	info := activity.GetInfo(ctx)
	if s.Transfer == nil || a.Mover == nil {
		return StepResult{}, invalid("step %s is no data transfer", in.Name)
	}
	ctx, ended := a.observe(ctx, in, s, int(info.Attempt))
	defer func() { ended(result, err) }()
	running, stopped := a.untilStopped(ctx)
	defer stopped()
	progress := new(transfer.Progress)
	defer beat(ctx, func() any { return Beat{Waiting: progress.String()} })()
	number := Attempt{Worker: a.Identity, Number: int(info.Attempt), Started: time.Now()}
	moved, err := a.Mover.Run(running, plan.transfer(in, s, number.Number), progress)
	number.Ended = time.Now()
	if err != nil {
		return StepResult{}, a.attemptFailed(running, err, stepGivesUpAt, StepFailed{Attempt: number})
	}
	state := pipeline.StepState{
		Name: in.Name, Status: pipeline.Completed, Queue: s.Queue, Inputs: in.Inputs, Outputs: moved.Outputs, Metrics: moved.Metrics,
		Worker: number.Worker, Attempts: number.Number, Started: number.Started, Ended: number.Ended,
	}
	_ = a.Records.Note(ctx, in.Job, in.Name, []pipeline.StepState{state})
	return StepResult{Outputs: moved.Outputs, Reported: Reported{Metrics: moved.Metrics}, Attempt: number}, nil
}

// transfer is what the step is to move.
func (p *indexed) transfer(in StepInput, s *pipeline.Step, attempt int) transfer.Task {
	t := transfer.Task{Job: in.Job, Step: in.Name, Attempt: attempt, Transfer: s.Transfer}
	given := values(s, in.Inputs)
	for _, input := range s.Inputs {
		if v, ok := given[input.Name]; ok {
			t.Inputs = append(t.Inputs, transfer.Input{Name: input.Name, Type: input.Type, Value: v})
		}
	}
	if len(s.Outputs) > 0 {
		t.Output = &s.Outputs[0]
		t.Kept = t.Output.Asset != nil || p.reads(s.Name, t.Output.Name)
	}
	return t
}

// reads reports whether a step reads an output.
func (p *indexed) reads(step, output string) bool {
	return slices.ContainsFunc(p.Steps, func(s pipeline.Step) bool {
		return slices.ContainsFunc(s.Inputs, func(in pipeline.Input) bool {
			from := in.Binding.Step
			return from != nil && from.Step == step && from.Output == output
		})
	})
}
