package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

type jobAnswerOptions struct {
	job, step     string
	approve       bool
	hash, comment string
}

func newJobApproveCmd(a *app, runF func(context.Context, *jobAnswerOptions) error) *cobra.Command {
	o := &jobAnswerOptions{approve: true}
	cmd := &cobra.Command{
		Use:   "approve [-n] JOB [STEP]",
		Short: "Approve what a step of a job asks",
		Long: `Approve what a step of a job asks, so that the steps after it run. The step can be
left out where one step waits. What is approved is the data and the values that the
step was given, which their hash stands for; with --hash, nothing is approved that
has another one. Who has approved, when, and why is kept with the step.

` + exitCodesHelp,
		Example: `  millrace job approve calm_river_0a1b2c3d4e check_model
  millrace job approve calm_river_0a1b2c3d4e check_model --hash 3f2a9c1b7d10 --comment "looks good"`,
	}
	return answerCmd(a, cmd, o, runF)
}

func newJobRejectCmd(a *app, runF func(context.Context, *jobAnswerOptions) error) *cobra.Command {
	o := &jobAnswerOptions{}
	cmd := &cobra.Command{
		Use:   "reject [-n] JOB [STEP] --comment WHY",
		Short: "Reject what a step of a job asks",
		Long: `Reject what a step of a job asks: the step fails, with the comment as the reason,
and so does the job; steps that finalize it still run. The step can be left out where
one step waits.

` + exitCodesHelp,
		Example: `  millrace job reject calm_river_0a1b2c3d4e check_model --comment "worse than last week"`,
	}
	return answerCmd(a, cmd, o, runF)
}

// answerCmd finishes both commands.
func answerCmd(a *app, cmd *cobra.Command, o *jobAnswerOptions, runF func(context.Context, *jobAnswerOptions) error) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		hint := "usage: " + cmd.UseLine()
		switch {
		case len(args) == 0:
			return wrongUsage(hint, "JOB is missing")
		case len(args) > 2:
			return wrongUsage(hint, "unexpected argument %q", args[2])
		}
		return nil
	}
	cmd.ValidArgsFunction = a.completeJobs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.job = args[0]
		if len(args) > 1 {
			o.step = args[1]
		}
		if !o.approve {
			if err := required(cmd, "comment"); err != nil {
				return err
			}
		}
		if runF != nil {
			return runF(cmd.Context(), o)
		}
		ctx, stop := interruptible(cmd.Context())
		defer stop()
		return runJobAnswer(ctx, a, o)
	}
	cmd.Flags().StringVar(&o.hash, "hash", "", "answer only if what is asked has this `hash`; its first 8 digits do")
	cmd.Flags().StringVarP(&o.comment, "comment", "m", "", "say `why`")
	return a.orName(cmd, 2)
}

func runJobAnswer(ctx context.Context, a *app, o *jobAnswerOptions) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	answered, err := s.jobs.Answer(ctx, o.job, runs.Decision{Step: o.step, Approve: o.approve, Hash: o.hash, Comment: o.comment},
		func(asked *runs.Approval) { a.tellApproval(asked) })
	if errors.Is(err, runs.ErrRefused) {
		return refused("`"+a.command("job", "approvals", o.job)+"` shows what waits, and its hashes", "%w", err)
	}
	if err != nil {
		return err
	}
	a.say("step %s of job %s %s", answered.Step, answered.Job, answered.Question.Answer.Words())
	if !a.wantsData() {
		return nil
	}
	return a.print(answered.Document(), approvalTable)
}

// tellApproval shows a person what there is to approve.
func (a *app) tellApproval(asked *runs.Approval) {
	if asked.Question.Message != "" {
		a.say("%s", term.Clean(asked.Question.Message))
	}
	for _, name := range slices.Sorted(maps.Keys(asked.Inputs)) {
		a.say("  %s: %s", name, term.Clean(inputWords(asked.Inputs[name])))
	}
	a.say("  hash: %s", asked.Question.Hash)
}

// inputWords is an input of a job document in a line.
func inputWords(input any) string {
	m, ok := input.(map[string]any)
	switch {
	case !ok:
		return shown(input)
	case m["digest"] != nil:
		return fmt.Sprintf("%v, %v", m["digest"], m["path"])
	}
	return shown(m["path"])
}
