package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type jobCloneOptions struct {
	from, name string
	set        []string
	after      afterCreate
}

func newJobCloneCmd(a *app, runF func(context.Context, *jobCloneOptions) error) *cobra.Command {
	o := &jobCloneOptions{}
	cmd := &cobra.Command{
		Use:   "clone JOB",
		Short: "Submit an earlier job again, with changes",
		Long: `Submit an earlier job again under a new name, with the changes of --set. Its code,
data and components are those that were submitted then, even where the files
have changed or are gone. Steps that the changes do not reach are reused.

` + exitCodesHelp,
		Example: `  millrace job clone calm_river_0a1b2c3d4e --set inputs.epochs=5
  millrace job clone calm_river_0a1b2c3d4e -n second_try --set settings.force_rerun=true --stream`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && o.name != "" {
				return wrongUsage("-n is the name of the new job: `"+a.command("job", "clone", o.name)+"` submits "+o.name+" again",
					"JOB is missing: the job to submit again, which has no flag")
			}
			return arguments("JOB")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.from = args[0]
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobClone(cmd.Context(), a, o)
		},
		ValidArgsFunction: a.completeJobs,
	}
	f := cmd.Flags()
	f.StringVarP(&o.name, "name", "n", "", "`name` of the new job (default: a new one)")
	addSet(f, &o.set)
	o.after.addFlags(f)
	return cmd
}

func runJobClone(ctx context.Context, a *app, o *jobCloneOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	submission, job, err := s.jobs.Clone(ctx, o.from, runs.CloneOptions{Name: o.name, Set: o.set, Assets: a.library(ctx)})
	if err != nil {
		return withWarnings(job, err)
	}
	if !a.flags.onlyErrors {
		a.renderProblems(job.Warnings)
	}
	return o.after.submit(ctx, a, s, submission)
}
