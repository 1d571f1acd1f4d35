package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/term"
)

type jobValidateOptions struct {
	source
}

func newJobValidateCmd(a *app, runF func(context.Context, *jobValidateOptions) error) *cobra.Command {
	o := &jobValidateOptions{}
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check a file without running it",
		Long: `Read a file and everything it refers to, and show all that is wrong with it, with
line and column. Nothing is started or written.

` + exitCodesHelp,
		Example: `  millrace job validate -f pipeline.yml
  millrace job validate -f pipeline.yml -o json --query "errors[].location"`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "file"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobValidate(a, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the job")
	f.StringVarP(&o.name, "name", "n", "", "`name` that the job would have")
	addSet(f, &o.set)
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	return cmd
}

func runJobValidate(a *app, o *jobValidateOptions) error {
	submission, job, err := a.read(o.source)
	if _, mistakes := errors.AsType[azureml.Problems](err); err != nil && !mistakes {
		return err
	}
	valid := ""
	if err == nil {
		valid = fmt.Sprintf("%s is valid: %s\n", o.file, term.Count(len(submission.Plan.Steps), "step"))
	}
	return a.printValidation(valid, withWarnings(job, err), job.Warnings, job.Notes)
}

// printValidation prints what is wrong with a file: for people, or as data in
// az's shape.
func (a *app) printValidation(valid string, err error, warnings, notes azureml.Problems) error {
	var problems azureml.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if !a.wantsData() {
		if err != nil {
			return err
		}
		a.renderProblems(append(warnings, notes...))
		_, err = io.WriteString(a.Out, valid)
		return err
	}
	result := map[string]any{
		"result":   "Succeeded",
		"errors":   described(problems.Errors()),
		"warnings": described(warnings),
		"notes":    described(notes),
	}
	if err != nil {
		result["result"] = "Failed"
	}
	if err := a.print(result, nil); err != nil {
		return err
	}
	if err != nil && a.flags.search == nil && (a.flags.format == "none" || a.flags.format == "table") {
		return err // neither of them says what is wrong
	}
	if err != nil {
		return said(exitInvalid)
	}
	return nil
}

// described makes data of problems.
func described(ps azureml.Problems) []any {
	list := make([]any, len(ps))
	for i, p := range ps {
		list[i] = map[string]any{
			"location": fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column),
			"file":     p.File, "line": p.Line, "column": p.Column,
			"path": p.Path, "message": p.Message, "value": marked(p), "hint": p.Hint,
		}
	}
	return list
}

// marked is the text that a problem points at, which az calls its value.
func marked(p azureml.Problem) any {
	line := []rune(p.Source)
	from := min(max(p.Column-1, 0), len(line))
	if text := strings.TrimSpace(string(line[from:min(from+max(p.Width, 0), len(line))])); text != "" {
		return text
	}
	return nil
}
