package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type jobCancelOptions struct {
	name   string
	tag    string
	noWait bool
}

func newJobCancelCmd(a *app, runF func(context.Context, *jobCancelOptions) error) *cobra.Command {
	o := &jobCancelOptions{}
	cmd := &cobra.Command{
		Use:   "cancel [-n] NAME",
		Short: "Ask a job to stop, and wait until it has",
		Long: `Ask a job to stop: its running steps are ended, and no other is started. The
command waits until the job has ended. With --tag, ask all jobs that have the tag.

` + exitCodesHelp,
		Example: `  millrace job cancel -n calm_river_0a1b2c3d4e
  millrace job cancel -n calm_river_0a1b2c3d4e --no-wait
  millrace job cancel --tag sweep=three`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.tag == "" {
				if err := required(cmd, "name"); err != nil {
					return err
				}
			} else if o.name != "" {
				return wrongUsage("", "--name and --tag exclude each other")
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobCancel(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	cmd.Flags().StringVarP(&o.tag, "tag", "t", "", "cancel all jobs with this `tag`: name or name=value")
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
	names := []string{o.name}
	if o.tag != "" {
		if names, err = unended(ctx, s.jobs, o.tag); err != nil {
			return err
		}
		if len(names) == 0 {
			a.say("no job that has not ended has the tag %s", o.tag)
		}
	}
	for _, name := range names {
		err := s.jobs.Cancel(ctx, name)
		if err != nil && (o.tag == "" || !errors.Is(err, runs.ErrEnded)) {
			return err
		}
	}
	if o.noWait {
		return nil
	}
	for _, name := range names {
		if err := awaitCancel(ctx, a, s, name); err != nil {
			return err
		}
	}
	return nil
}

// unended are the jobs with a tag that have not ended.
func unended(ctx context.Context, jobs *runs.Service, tag string) ([]string, error) {
	all, err := jobs.Select(ctx, runs.Selection{Archived: runs.TakeIn, Tags: pairs([]string{tag})})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, job := range all {
		if !job.Status.Ended() {
			names = append(names, job.Name)
		}
	}
	return names, nil
}

func awaitCancel(ctx context.Context, a *app, s *site, name string) error {
	told := make(map[string]bool)
	job, err := a.attend(ctx, s, name, func(job *runs.Job) {
		for _, step := range job.Steps {
			if step.Status == pipeline.CancelRequested && step.Waiting != "" && !told[step.Name] {
				told[step.Name] = true
				a.say("waiting for step %s: %s", step.Name, step.Waiting)
			}
		}
	})
	if ctx.Err() != nil {
		a.say("stopped waiting; job %s is being canceled", name)
		return said(exitInterrupted)
	}
	if err != nil {
		return err
	}
	a.say("job %s is %s", job.Name, job.Status)
	return nil
}
