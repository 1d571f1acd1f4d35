package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type jobUpdateOptions struct {
	name    string
	changes changes
	web     bool
}

func newJobUpdateCmd(a *app, runF func(context.Context, *jobUpdateOptions) error) *cobra.Command {
	o := &jobUpdateOptions{}
	cmd := &cobra.Command{
		Use:   "update [-n] NAME",
		Short: "Change the name, description or tags of a job",
		Long: `Change what describes a job: display_name, description, experiment_name, tags and
properties. What it ran stays as it was.

` + exitCodesHelp,
		Example: `  millrace job update -n calm_river_0a1b2c3d4e --set display_name=baseline tags.team=red
  millrace job update -n calm_river_0a1b2c3d4e --remove tags.team`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobUpdate(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	addChanges(cmd.Flags(), &o.changes)
	cmd.Flags().BoolVarP(&o.web, "web", "e", false, "open the job's page of the Temporal UI in a browser")
	return cmd
}

// jobLabels are what can be changed of a job.
var jobLabels = editable{texts: []string{"display_name", "description", "experiment_name"}, maps: []string{"tags", "properties"}}

func runJobUpdate(ctx context.Context, a *app, o *jobUpdateOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	job, err := s.jobs.Label(ctx, o.name, func(l *runs.Labels) error {
		return edit(l, &o.changes, jobLabels, "job update")
	})
	if err != nil {
		return err
	}
	if o.web {
		a.browse(job.UI)
	}
	return a.print(job.Document(), jobTable)
}
