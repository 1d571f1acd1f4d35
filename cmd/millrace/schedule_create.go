package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
)

type scheduleCreateOptions struct {
	file, name string
	set        []string
}

func newScheduleCreateCmd(a *app, runF func(context.Context, *scheduleCreateOptions) error) *cobra.Command {
	o := &scheduleCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create -f FILE",
		Short: "Create a schedule, or change the one of that name",
		Long: `Create the schedule in FILE, or put it in the place of the one that has its name. Its
job is read and checked now, and what it needs is taken into the store: later
changes of the files mean nothing to the schedule until it is created again. Data
that the job names without a version is looked up each time.

Beyond the keys that Azure ML knows, a trigger may have
  overlap: allow_all | skip | buffer_one | buffer_all | cancel_other | terminate_other
      what happens at a time at which the last job is still running (allow_all)
  catchup_window: 10m
      how late a job is still made when the server was away at its time (10m)

Clock times are those of the trigger's time zone. One that comes twice, when clocks
go back, fires once; one that does not come, when they go forward, fires as much
later. Where all hours are meant, every hour fires once, however clocks change.`,
		Example: `  millrace schedule create -f nightly.yml
  millrace schedule create -f nightly.yml -n hourly --set trigger.expression="0 * * * *"`,
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the schedule")
	f.StringVarP(&o.name, "name", "n", "", "`name` of the schedule (default: the one in the file)")
	addSet(f, &o.set)
	accept(f, nil, []string{"no-wait"})
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	return verb(a, cmd, o, runF, runScheduleCreate, "file")
}

func runScheduleCreate(ctx context.Context, a *app, o *scheduleCreateOptions) error {
	library := a.library(ctx)
	f, err := azureml.LoadSchedule(o.file, azureml.ScheduleOptions{
		LoadOptions: azureml.LoadOptions{Set: o.set, Assets: library}, Job: library.EarlierJob,
	})
	if err != nil {
		return withRemarks(f.Problems(), err)
	}
	if !a.flags.onlyErrors {
		a.renderProblems(f.Warnings)
	}
	s, err := a.reachSchedules(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	sc, err := s.jobs.CreateSchedule(ctx, f, o.name)
	if err != nil {
		return a.adviseSchedule(o.name, err)
	}
	if len(sc.Next) == 0 && !sc.Disabled {
		a.say("this schedule will not fire any more")
	}
	return a.print(sc.Document(), scheduleTable)
}
