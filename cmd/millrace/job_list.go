package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type jobListOptions struct {
	most int
	all  bool
}

func newJobListCmd(a *app, runF func(context.Context, *jobListOptions) error) *cobra.Command {
	o := &jobListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, the newest first",
		Long: `List the jobs of this home, the newest first, whether or not a server runs.

` + exitCodesHelp,
		Example: `  millrace job list -o table
  millrace job list --max-results 5 --query "[?status=='Failed'].name" -o tsv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.most < 1 {
				return wrongUsage("--all-results lists all", "--max-results: %d is not a number of jobs", o.most)
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobList(cmd.Context(), a, o)
		},
	}
	cmd.Flags().IntVarP(&o.most, "max-results", "r", 50, "`number` of jobs to list")
	cmd.Flags().BoolVar(&o.all, "all-results", false, "list all jobs")
	return cmd
}

func runJobList(ctx context.Context, a *app, o *jobListOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	most := o.most + 1 // one more tells that there are more
	if o.all {
		most = 0
	}
	jobs, err := s.jobs.List(ctx, most)
	if err != nil {
		return err
	}
	if !o.all && len(jobs) > o.most {
		jobs = jobs[:o.most]
		a.say("these are the newest %d jobs; --all-results lists all", o.most)
	}
	rows := make([]map[string]any, len(jobs))
	for i := range jobs {
		rows[i] = runs.Summary(jobs[i])
		a.adviseUnserved(jobs[i].Status, jobs[i].Name)
	}
	return a.print(rows, jobTable)
}
