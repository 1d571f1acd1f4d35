package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type jobCancelOptions struct {
	name   string
	noWait bool
}

func newJobCancelCmd(a *app, runF func(context.Context, *jobCancelOptions) error) *cobra.Command {
	o := &jobCancelOptions{}
	cmd := &cobra.Command{
		Use:   "cancel -n NAME",
		Short: "Ask a job to stop, and wait until it has",
		Long: `Ask a job to stop: its running steps are ended, and no other is started. The
command waits until the job has ended.

` + exitCodesHelp,
		Example: "  millrace job cancel -n calm_river_0a1b2c3d4e\n  millrace job cancel -n calm_river_0a1b2c3d4e --no-wait",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobCancel(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "do not wait for the end")
	return cmd
}

func runJobCancel(ctx context.Context, a *app, o *jobCancelOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	if err := s.jobs.Cancel(ctx, o.name); err != nil {
		return err
	}
	if o.noWait {
		return nil
	}
	job, err := a.attend(ctx, s, o.name, func(*runs.Job) {})
	if ctx.Err() != nil {
		a.say("stopped waiting; job %s is being canceled", o.name)
		return said(exitInterrupted)
	}
	if err != nil {
		return err
	}
	a.say("job %s is %s", job.Name, job.Status)
	return nil
}
