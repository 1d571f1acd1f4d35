package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

// source is the file of a job, and what the flags change in it.
type source struct {
	file string
	set  []string
	name string
}

// compile reads the file into a submission, and shows warnings at once. What
// only Azure ML would object to is left to job validate.
func (a *app) compile(s source) (runs.Submission, error) {
	submission, job, err := a.read(s)
	if err == nil && !a.flags.onlyErrors {
		a.renderProblems(job.Warnings)
	}
	return submission, withWarnings(job, err)
}

// read reads the file into a submission. Mistakes come back as
// azureml.Problems; the job has what else there is to say of the file.
func (a *app) read(s source) (runs.Submission, *azureml.Job, error) {
	job, err := azureml.Load(s.file, azureml.LoadOptions{Set: s.set, Assets: a.library(context.Background())})
	if err != nil {
		return runs.Submission{}, job, err
	}
	name := s.name
	if name == "" {
		name = job.Name
	}
	if name == "" {
		name = runs.NewName()
	}
	plan, err := azureml.Compile(job, azureml.CompileOptions{Name: name})
	if err != nil {
		return runs.Submission{}, nil, err
	}
	return runs.Submission{Plan: plan, Source: job, Definition: job.Text(), File: s.file}, job, nil
}

// withWarnings adds what the file was warned of to its mistakes: a key that was
// ignored is often why something else is missing.
func withWarnings(job *azureml.Job, err error) error {
	if job == nil {
		return err
	}
	return withRemarks(job.Problems(), err)
}

// withRemarks does so with everything there is to say of a file.
func withRemarks(said azureml.Problems, err error) error {
	if _, mistakes := errors.AsType[azureml.Problems](err); !mistakes || len(said.Warnings()) == 0 {
		return err
	}
	var all azureml.Problems
	for _, p := range said {
		if p.Severity != azureml.Note {
			all = append(all, p)
		}
	}
	return all
}

// renderProblems shows what is wrong with a file, and how much that is.
func (a *app) renderProblems(ps azureml.Problems) {
	ps.Render(a.Err, a.Err.Color)
	if n := len(ps.Errors()); n > 1 {
		fmt.Fprintf(a.Err, "\n%s\n", term.Count(n, "mistake"))
	}
}
