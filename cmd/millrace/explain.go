package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type explainOptions struct {
	job, step string
}

func newExplainCmd(a *app, runF func(context.Context, *explainOptions) error) *cobra.Command {
	o := &explainOptions{}
	return a.orName(&cobra.Command{
		Use:   "explain [-n] JOB STEP",
		Short: "Say why a step ran, or from where it was reused",
		Long: `Show what the result of a step depends on. For a reused step, say where its
outputs were taken from; for one that ran, what differs from the earlier run of
that step that is nearest to it. The STEP of a command job may be left out. STEP may
be a trial of a sweep, as in train.4; a sweep is explained by its best trial.

` + exitCodesHelp,
		Example: `  millrace explain calm_river_0a1b2c3d4e train
  millrace explain calm_river_0a1b2c3d4e train -o json --query changes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return arguments("JOB", "STEP")(cmd, args)
		},
		ValidArgsFunction: a.completeExplain,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.job = args[0]
			if len(args) > 1 {
				o.step = args[1]
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runExplain(cmd.Context(), a, o)
		},
	}, 2)
}

func (a *app) completeExplain(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeJobs(cmd, args, word)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func runExplain(ctx context.Context, a *app, o *explainOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	step := o.step
	if step == "" || s.client == nil {
		job, err := s.jobs.Show(ctx, o.job)
		if err != nil {
			return err
		}
		if step, err = pickStep(job, step); err != nil {
			return err
		}
	}
	e, err := s.jobs.Explain(ctx, o.job, step)
	if err != nil {
		return err
	}
	if a.wantsData() {
		return a.print(e, nil)
	}
	return a.explain(e)
}

// pickStep finds the step that is meant.
func pickStep(job *runs.Job, step string) (string, error) {
	var names []string
	for _, s := range job.Steps {
		if s.Name == step {
			return step, nil
		}
		names = append(names, s.Name)
		if _, ok := pipeline.TrialNumber(s.Name, step); ok {
			return step, nil
		}
	}
	if step == "" && job.Type.Single() {
		return pipeline.MainStep, nil
	}
	hint := "its steps are " + strings.Join(names[:min(len(names), 20)], ", ")
	if step == "" {
		return "", wrongUsage(hint, "STEP is missing")
	}
	if near, ok := closest(step, names); ok {
		hint = "did you mean " + near + "?"
	}
	return "", wrongUsage(hint, "job %s has no step %q", job.Name, step)
}

// explain writes an explanation for people.
func (a *app) explain(e *runs.Explanation) error {
	w := a.Out
	fmt.Fprintf(w, "%s of job %s %s\n", w.Paint(term.Bold, e.Step), e.Job, e.Verdict)
	if len(e.Changes) > 0 {
		fmt.Fprintf(w, "\ndifferent from %s.%s:\n", e.Nearest.Job, e.Nearest.Step)
		for _, c := range e.Changes {
			a.change(w, c.Change)
			a.changedFiles(w, c.Files)
		}
	}
	if len(e.Ingredients) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\ningredients:")
	width, _ := w.Window()
	t := &term.Table{}
	for _, i := range e.Ingredients {
		t.Add("  "+i.Label, term.Cut(term.Clean(strings.ReplaceAll(i.Text, "\n", " ")), max(20, min(width, 160)-24)))
	}
	if err := t.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nkey %s\n", e.Key)
	return err
}

// changedFiles lists the files of a tree that differ, the first of many.
func (a *app) changedFiles(w *term.Stream, files []runs.FileChange) {
	const most = 20
	for i, f := range files {
		if i == most {
			fmt.Fprintf(w, "      and %d more files\n", len(files)-most)
			return
		}
		fmt.Fprintf(w, "      %s %s\n", f.Kind, term.Clean(f.Path))
	}
}

// change shows both sides of an ingredient, and of a text of several lines
// only those that differ.
func (a *app) change(w *term.Stream, c cache.Change) {
	fmt.Fprintf(w, "  %s\n", w.Paint(term.Bold, c.Label))
	old, now := differing(c.Old, c.New)
	if c.Kind != cache.Added {
		for _, line := range old {
			fmt.Fprintln(w, w.Paint(term.Red, "    - "+term.Clean(line)))
		}
	}
	if c.Kind != cache.Removed {
		for _, line := range now {
			fmt.Fprintln(w, w.Paint(term.Green, "    + "+term.Clean(line)))
		}
	}
}

// differing leaves out the lines (or, in one long line, the words) that both
// texts have.
func differing(old, now string) (onlyOld, onlyNow []string) {
	split := func(s string) []string { return strings.Split(s, "\n") }
	const long = 200
	if !strings.Contains(old+now, "\n") && len(old)+len(now) > long {
		split = strings.Fields
	}
	without := func(list, other []string) []string {
		has := make(map[string]bool, len(other))
		for _, s := range other {
			has[s] = true
		}
		var kept []string
		for _, s := range list {
			if !has[s] {
				kept = append(kept, s)
			}
		}
		return kept
	}
	a, b := split(old), split(now)
	onlyOld, onlyNow = without(a, b), without(b, a)
	if onlyOld == nil && onlyNow == nil {
		return a, b // the same in another order
	}
	return onlyOld, onlyNow
}
