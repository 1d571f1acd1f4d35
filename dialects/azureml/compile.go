package azureml

import (
	"errors"
	"fmt"

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
	template, err := Template(job)
	if err != nil {
		return nil, err
	}
	name := opts.Name
	if name == "" {
		name = job.Name
	}
	if !jobNameForm.MatchString(name) {
		return nil, fmt.Errorf("%w: %q: use letters, digits, hyphens and underscores", ErrName, name)
	}
	return template.Fill(name, ""), nil
}

// Template makes the plan of a job that was loaded without errors, but for its
// name: a schedule fills that in each time it fires.
func Template(job *Job) (*pipeline.Plan, error) {
	if err := job.problems.Errors().ErrorOrNil(); err != nil {
		return nil, err
	}
	if job.draft == nil {
		return nil, errors.New("compile: the job was not loaded")
	}
	template := job.draft.plan
	return &template, nil
}
