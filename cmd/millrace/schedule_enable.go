package main

import (
	"context"

	"github.com/spf13/cobra"
)

type scheduleEnableOptions struct {
	name, note string
	enabled    bool
}

func newScheduleEnableCmd(a *app, runF func(context.Context, *scheduleEnableOptions) error) *cobra.Command {
	return scheduleEnableCmd(a, runF, &scheduleEnableOptions{enabled: true}, &cobra.Command{
		Use:     "enable -n NAME",
		Short:   "Let a schedule fire again",
		Long:    `Let a schedule fire again. What it missed in the meantime is not made up for: see schedule backfill.`,
		Example: "  millrace schedule enable -n nightly",
	})
}

func newScheduleDisableCmd(a *app, runF func(context.Context, *scheduleEnableOptions) error) *cobra.Command {
	return scheduleEnableCmd(a, runF, &scheduleEnableOptions{}, &cobra.Command{
		Use:     "disable -n NAME",
		Short:   "Keep a schedule from firing",
		Long:    `Keep a schedule from firing, until it is enabled again. Jobs that run now go on.`,
		Example: `  millrace schedule disable -n nightly --note "the data is being mended"`,
	})
}

func scheduleEnableCmd(a *app, runF func(context.Context, *scheduleEnableOptions) error, o *scheduleEnableOptions, cmd *cobra.Command) *cobra.Command {
	a.addScheduleName(cmd, &o.name)
	cmd.Flags().StringVar(&o.note, "note", "", "`text` that says why")
	accept(cmd.Flags(), nil, []string{"no-wait"})
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *scheduleEnableOptions) error {
		s, err := a.reachSchedules(ctx)
		if err != nil {
			return err
		}
		defer s.leave()
		sc, err := s.jobs.EnableSchedule(ctx, o.name, o.enabled, o.note)
		if err != nil {
			return err
		}
		return a.print(sc.Document(), scheduleTable)
	}, "name")
}
