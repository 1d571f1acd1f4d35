package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// DownloadOptions say what to download, and where to.
type DownloadOptions struct {
	// Dir is the folder to write to; it is created.
	Dir string
	// Output is one output: of the job, or "step.output" of a step. Empty
	// means the default artifacts: logs and whatever steps wrote to outputs/.
	Output string
	// All downloads the default artifacts and every output of the job.
	All bool
}

// ErrNotEnded says that a job can be downloaded once it has ended.
var ErrNotEnded = errors.New("the job has not ended")

// Download writes what a job made to a folder, as az ml does: artifacts/ and
// named-outputs/NAME/. In artifacts/, the steps of a pipeline have a folder
// each. It returns the paths it made. What stands there already is replaced.
func (s *Service) Download(ctx context.Context, name string, o DownloadOptions) ([]string, error) {
	job, child, err := s.ShowAny(ctx, name)
	if err != nil {
		return nil, err
	}
	if !job.Status.Ended() {
		return nil, fmt.Errorf("download job %s, which is %s: %w", name, job.Status, ErrNotEnded)
	}
	type item struct {
		to      string
		content pipeline.Artifact
	}
	var items []item
	if child != "" {
		// A child job has the artifacts and outputs of its step.
		job = job.only(child)
	}
	named := func(name string, from pipeline.OutputRef) error {
		content, ok := job.output(from)
		if !ok {
			return fmt.Errorf("output %s of job %s was not made: step %s is %s", name, job.Name, from.Step, job.step(from.Step).Status)
		}
		items = append(items, item{filepath.Join(o.Dir, "named-outputs", name), content})
		return nil
	}
	if o.Output != "" && !o.All {
		from, err := job.find(o.Output)
		if err != nil {
			return nil, err
		}
		if err := named(o.Output, from); err != nil {
			return nil, err
		}
	} else {
		for _, state := range job.Steps {
			if content, ok := state.Outputs[pipeline.Artifacts]; ok {
				to := filepath.Join(o.Dir, "artifacts")
				if job.Type == pipeline.PipelineJob {
					to = filepath.Join(to, state.Name)
				}
				items = append(items, item{to, content})
			}
		}
	}
	if o.All {
		for _, out := range job.Plan.Outputs {
			if out.From == nil {
				continue
			}
			if _, ok := job.output(*out.From); ok {
				if err := named(out.Name, *out.From); err != nil {
					return nil, err
				}
			}
		}
	}
	var made []string
	for _, it := range items {
		to := it.to
		if err := os.RemoveAll(to); err != nil {
			return made, fmt.Errorf("download job %s: %w", name, err)
		}
		if !it.content.Tree {
			to = filepath.Join(to, it.content.Name)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return made, fmt.Errorf("download job %s: %w", name, err)
		}
		if err := s.Store.Stage(ctx, it.content, to, artifact.Writable); err != nil {
			_ = os.RemoveAll(to) // half of it would look like all of it
			return made, fmt.Errorf("download job %s to %s: %w", name, to, err)
		}
		made = append(made, to)
	}
	return made, nil
}

// only is a job that consists of one step of another.
func (j *Job) only(step string) *Job {
	one := *j
	plan := *j.Plan
	plan.Type = pipeline.CommandJob
	plan.Steps = []pipeline.Step{*j.Plan.Step(step)}
	plan.Outputs = nil
	for _, out := range plan.Steps[0].Outputs {
		plan.Outputs = append(plan.Outputs, pipeline.JobOutput{Name: out.Name, Type: out.Type, From: &pipeline.OutputRef{Step: step, Output: out.Name}})
	}
	one.Name, one.Type, one.Plan, one.Steps = j.Plan.StepJobName(step), plan.Type, &plan, []pipeline.StepState{j.step(step)}
	return &one
}

// find resolves an output of the job, or "step.output".
func (j *Job) find(name string) (pipeline.OutputRef, error) {
	var known []string
	for _, out := range j.Plan.Outputs {
		if out.Name == name && out.From != nil {
			return *out.From, nil
		}
		known = append(known, out.Name)
	}
	for _, step := range j.Plan.Steps {
		for _, out := range step.Outputs {
			if j.Type.Single() && out.Name == name || step.Name+"."+out.Name == name {
				return pipeline.OutputRef{Step: step.Name, Output: out.Name}, nil
			}
			known = append(known, step.Name+"."+out.Name)
		}
	}
	if len(known) == 0 {
		return pipeline.OutputRef{}, fmt.Errorf("%w %q in job %s, nor any other", ErrNoOutput, name, j.Name)
	}
	return pipeline.OutputRef{}, fmt.Errorf("%w %q in job %s; it has %s", ErrNoOutput, name, j.Name, strings.Join(known, ", "))
}

func (j *Job) step(name string) pipeline.StepState {
	for _, s := range j.Steps {
		if s.Name == name {
			return s
		}
	}
	return pipeline.StepState{Name: name, Status: pipeline.NotStarted}
}

// output is the content of a step's output, if the step made it.
func (j *Job) output(ref pipeline.OutputRef) (pipeline.Artifact, bool) {
	state := j.step(ref.Step)
	content, ok := state.Outputs[ref.Output]
	return content, ok && state.Status == pipeline.Completed
}
