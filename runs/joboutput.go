package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// ErrNotMade says that an output was not made: its step has not completed.
var ErrNotMade = errors.New("was not made")

// defaultOutput is az's name for the artifacts that every job has.
const defaultOutput = "default"

// jobOutput is what a job made under the name of an output: its own, "step.output"
// of a step, or its artifacts ("artifacts" or "default"). The job may also be
// the child job of a step.
func (s *Service) jobOutput(ctx context.Context, name, output string) (pipeline.Artifact, pipeline.PortType, error) {
	job, step, err := s.ShowAny(ctx, name)
	if err != nil {
		return pipeline.Artifact{}, "", err
	}
	if output == defaultOutput {
		output = pipeline.Artifacts
	}
	if step == "" && job.Type.Single() {
		step = pipeline.MainStep
	}
	if output == pipeline.Artifacts && step == "" {
		a, err := s.allArtifacts(ctx, job)
		return a, pipeline.URIFolder, err
	}
	from := pipeline.OutputRef{Step: step, Output: output}
	if step == "" {
		if from, err = job.find(output); err != nil {
			return pipeline.Artifact{}, "", err
		}
	} else if output != pipeline.Artifacts && job.Plan.Step(step).Output(output) == nil {
		return pipeline.Artifact{}, "", fmt.Errorf("%w %q of job %s", ErrNoOutput, output, name)
	}
	made, ok := job.output(from)
	if out := job.Plan.Step(from.Step).Output(from.Output); !ok && out != nil && out.Path != "" && job.step(from.Step).Status == pipeline.Completed {
		return pipeline.Artifact{}, "", fmt.Errorf("output %q of job %s %w here: it was copied straight to %s", output, name, ErrNotMade, out.Path)
	}
	if !ok {
		return pipeline.Artifact{}, "", fmt.Errorf("output %q of job %s %w: step %s is %s", output, name, ErrNotMade, from.Step, job.step(from.Step).Status)
	}
	kind := pipeline.URIFolder
	if out := job.Plan.Step(from.Step).Output(from.Output); out != nil {
		kind = out.Type
	}
	return made, kind, nil
}

// ShowAny shows a job or, for the name of a step's child job, the job around it
// and the step.
func (s *Service) ShowAny(ctx context.Context, name string) (*Job, string, error) {
	job, err := s.Show(ctx, name)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return job, "", err
	}
	for i := strings.LastIndexByte(name, '-'); i > 0; i = strings.LastIndexByte(name[:i], '-') {
		parent, looking := s.Show(ctx, name[:i])
		if errors.Is(looking, ErrNotFound) {
			continue
		}
		if looking != nil {
			return nil, "", looking
		}
		for _, step := range parent.Plan.Steps {
			if parent.Plan.StepJobName(step.Name) == name {
				return parent, step.Name, nil
			}
		}
	}
	return nil, "", err
}

// allArtifacts are those of a pipeline's steps, a folder for each.
func (s *Service) allArtifacts(ctx context.Context, job *Job) (pipeline.Artifact, error) {
	var all artifact.Tree
	for _, state := range job.Steps {
		made, ok := state.Outputs[pipeline.Artifacts]
		if !ok {
			continue
		}
		tree, err := s.Store.Manifest(ctx, made.Digest)
		if err != nil {
			return pipeline.Artifact{}, fmt.Errorf("read the artifacts of job %s: %w", job.Name, err)
		}
		for _, e := range tree.Entries {
			e.Path = state.Name + "/" + e.Path
			all.Entries = append(all.Entries, e)
		}
	}
	return s.Store.PutTree(ctx, all)
}
