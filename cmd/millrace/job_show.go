package main

import (
	"context"

	"github.com/spf13/cobra"
)

type jobShowOptions struct {
	name string
	web  bool
}

func newJobShowCmd(a *app, runF func(context.Context, *jobShowOptions) error) *cobra.Command {
	o := &jobShowOptions{}
	cmd := &cobra.Command{
		Use:   "show -n NAME",
		Short: "Show a job and its steps",
		Long: `Show a job: what was asked for, and under "steps" what became of each of them.

` + exitCodesHelp,
		Example: `  millrace job show -n calm_river_0a1b2c3d4e -o yaml
  millrace job show -n calm_river_0a1b2c3d4e -o table --query "steps[].{step: name, status: status, reused: reused}"`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobShow(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	cmd.Flags().BoolVarP(&o.web, "web", "e", false, "open the job's page of the Temporal UI in a browser")
	return cmd
}

func runJobShow(ctx context.Context, a *app, o *jobShowOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	job, err := s.jobs.Show(ctx, o.name)
	if err != nil {
		return err
	}
	if o.web {
		a.browse(job.UI)
	}
	return a.print(job.Document(), jobTable)
}
