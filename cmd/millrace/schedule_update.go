package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type scheduleUpdateOptions struct {
	name    string
	changes changes
}

func newScheduleUpdateCmd(a *app, runF func(context.Context, *scheduleUpdateOptions) error) *cobra.Command {
	o := &scheduleUpdateOptions{}
	cmd := &cobra.Command{
		Use:   "update -n NAME",
		Short: "Change the description or the tags of a schedule",
		Long: `Change what describes a schedule: display_name, description, tags and properties. To
change when it fires, or what it makes, create it again.`,
		Example: `  millrace schedule update -n nightly --set description="every night" tags.team=red`,
	}
	a.addScheduleName(cmd, &o.name)
	addChanges(cmd.Flags(), &o.changes)
	accept(cmd.Flags(), nil, []string{"no-wait"})
	return verb(a, cmd, o, runF, runScheduleUpdate, "name")
}

// scheduleNotes are what can be changed of a schedule.
var scheduleNotes = editable{texts: []string{"display_name", "description"}, maps: []string{"tags", "properties"}}

func runScheduleUpdate(ctx context.Context, a *app, o *scheduleUpdateOptions) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	sc, err := s.jobs.UpdateSchedule(ctx, o.name, func(n *runs.ScheduleNotes) error {
		return edit(n, &o.changes, scheduleNotes, "schedule update")
	})
	if err != nil {
		return err
	}
	return a.print(sc.Document(), scheduleTable)
}
