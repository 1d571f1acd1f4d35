package main

import (
	"context"

	"github.com/spf13/cobra"
)

type jobServicesOptions struct {
	name string
	node int
}

func newJobServicesCmd(a *app, runF func(context.Context, *jobServicesOptions) error) *cobra.Command {
	o := &jobServicesOptions{}
	cmd := &cobra.Command{
		Use:   "show-services [-n] NAME",
		Short: "Show the pages that a job has",
		Long: `Show the pages that a job has: the one of the Temporal UI, while a server with a UI
runs. Services inside of steps, such as ssh, are not started.

` + exitCodesHelp,
		Example: "  millrace job show-services -n calm_river_0a1b2c3d4e --query Studio.endpoint -o tsv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobServices(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	cmd.Flags().IntVarP(&o.node, "node-index", "i", 0, "accepted; all nodes are this machine")
	_ = cmd.Flags().MarkHidden("node-index")
	return cmd
}

func runJobServices(ctx context.Context, a *app, o *jobServicesOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	job, _, err := s.jobs.ShowAny(ctx, o.name)
	if err != nil {
		return err
	}
	return a.print(job.Services(), nil)
}
