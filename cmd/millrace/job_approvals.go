package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
)

type jobApprovalsOptions struct{ job string }

func newJobApprovalsCmd(a *app, runF func(context.Context, *jobApprovalsOptions) error) *cobra.Command {
	o := &jobApprovalsOptions{}
	return a.orName(&cobra.Command{
		Use:   "approvals [[-n] JOB]",
		Short: "List what waits for approval",
		Long: `List the steps that wait for somebody to approve or reject them, the one that waits
longest first: what they ask, what they were given, and the hash of that. With a job,
list those of the job.

` + exitCodesHelp,
		Example: `  millrace job approvals -o table
  millrace job approvals calm_river_0a1b2c3d4e --query "[].{step: step, hash: hash}"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return wrongUsage("usage: "+cmd.UseLine(), "unexpected argument %q", args[1])
			}
			return nil
		},
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.job = args[0]
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return runJobApprovals(ctx, a, o)
		},
	}, 1)
}

func runJobApprovals(ctx context.Context, a *app, o *jobApprovalsOptions) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	waiting, err := s.jobs.Approvals(ctx, o.job)
	if err != nil {
		return err
	}
	rows := []map[string]any{}
	for i := range waiting {
		rows = append(rows, waiting[i].Document())
	}
	return a.print(rows, approvalTable)
}

// approvalTable shows approvals to people.
func approvalTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Job", "Step", "Asked", "Until", "Message", "Hash"}}
	for _, m := range rowsOf(data) {
		t.Add(text(m["job"]), text(m["step"]), clock(text(m["asked_time"])), clock(text(m["until"])), text(m["message"]), short(text(m["hash"])))
	}
	return t
}

// short is as much of a hash as people compare.
func short(hash string) string { return pipeline.Digest(hash).Short() }
