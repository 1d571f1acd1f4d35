package azureml

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// CompileOptions are what the plan needs and the file may lack.
type CompileOptions struct {
	// Name is the job's name; "" takes the one from the file.
	Name string
}

// ErrName says that a job cannot be called so.
var ErrName = errors.New("not a name for a job")

// Compile makes the plan of a job that was loaded without errors. The plan is
// the caller's: compiling again, under another name, gives another one. Code
// snapshots are shared where nodes share them, by pointer.
func Compile(job *Job, opts CompileOptions) (*pipeline.Plan, error) {
	if err := job.problems.Errors().ErrorOrNil(); err != nil {
		return nil, err
	}
	if job.draft == nil {
		return nil, errors.New("compile: the job was not loaded")
	}
	name := opts.Name
	if name == "" {
		name = job.Name
	}
	if !jobNameForm.MatchString(name) {
		return nil, fmt.Errorf("%w: %q: use letters, digits, hyphens and underscores", ErrName, name)
	}
	plan := job.draft.plan
	plan.Name = name
	plan.Inputs = namedInputs(plan.Inputs, name)
	plan.Steps = slices.Clone(plan.Steps)
	for i := range plan.Steps {
		s := &plan.Steps[i]
		s.Inputs = namedInputs(s.Inputs, name)
		s.Outputs = slices.Clone(s.Outputs)
		for j := range s.Outputs {
			o := &s.Outputs[j]
			o.Path = strings.ReplaceAll(o.Path, jobNameHole, plan.StepJobName(s.Name))
			o.File = strings.ReplaceAll(o.File, jobNameHole, plan.StepJobName(s.Name))
		}
	}
	plan.Outputs = slices.Clone(plan.Outputs)
	for i := range plan.Outputs {
		if o := &plan.Outputs[i]; o.From != nil {
			o.Path = strings.ReplaceAll(o.Path, jobNameHole, plan.StepJobName(o.From.Step))
		}
	}
	return &plan, nil
}

// namedInputs fills the job's name into literals and paths.
func namedInputs(inputs []pipeline.Input, name string) []pipeline.Input {
	inputs = slices.Clone(inputs)
	for i := range inputs {
		b := &inputs[i].Binding
		if b.Literal != nil && strings.Contains(*b.Literal, jobNameHole) {
			text := strings.ReplaceAll(*b.Literal, jobNameHole, name)
			b.Literal = &text
		}
		if b.Source != nil {
			source := *b.Source
			source.URI = strings.ReplaceAll(source.URI, jobNameHole, name)
			b.Source = &source
		}
	}
	return inputs
}
