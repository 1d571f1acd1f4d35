package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newScheduleDeleteCmd(a *app, runF func(context.Context, *scheduleNameOptions) error) *cobra.Command {
	o := &scheduleNameOptions{}
	cmd := &cobra.Command{
		Use:   "delete -n NAME",
		Short: "Delete a schedule that is disabled",
		Long:  `Delete a schedule, which must be disabled first. The jobs that it made stay.`,
		Example: `  millrace schedule disable -n nightly
  millrace schedule delete -n nightly`,
	}
	a.addScheduleName(cmd, &o.name)
	addYes(cmd, &o.yes)
	accept(cmd.Flags(), nil, []string{"no-wait"})
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *scheduleNameOptions) error {
		s, err := a.reachSchedules(ctx)
		if err != nil {
			return err
		}
		defer s.leave()
		return a.adviseSchedule(o.name, s.jobs.DeleteSchedule(ctx, o.name))
	}, "name")
}
