package main

import (
	"context"

	"github.com/spf13/cobra"
)

type jobArchiveOptions struct {
	name     string
	archived bool
}

func newJobArchiveCmd(a *app, runF func(context.Context, *jobArchiveOptions) error) *cobra.Command {
	return jobArchiveCmd(a, runF, &jobArchiveOptions{archived: true}, &cobra.Command{
		Use:   "archive [-n] NAME",
		Short: "Take a job out of lists",
		Long: `Take a job out of lists. It stays as it is, and is shown where it is named, or
with job list --include-archived.

` + exitCodesHelp,
		Example: "  millrace job archive -n calm_river_0a1b2c3d4e",
	})
}

func newJobRestoreCmd(a *app, runF func(context.Context, *jobArchiveOptions) error) *cobra.Command {
	return jobArchiveCmd(a, runF, &jobArchiveOptions{}, &cobra.Command{
		Use:   "restore [-n] NAME",
		Short: "Bring an archived job back into lists",
		Long: `Bring an archived job back into lists.

` + exitCodesHelp,
		Example: "  millrace job restore -n calm_river_0a1b2c3d4e",
	})
}

func jobArchiveCmd(a *app, runF func(context.Context, *jobArchiveOptions) error, o *jobArchiveOptions, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := required(cmd, "name"); err != nil {
			return err
		}
		if runF != nil {
			return runF(cmd.Context(), o)
		}
		return runJobArchive(cmd.Context(), a, o)
	}
	a.addName(cmd, &o.name)
	return cmd
}

func runJobArchive(ctx context.Context, a *app, o *jobArchiveOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	_, err = s.jobs.Archive(ctx, o.name, o.archived)
	return err
}
