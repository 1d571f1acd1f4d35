package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

type scheduleListOptions struct {
	most                          int
	includeDisabled, disabledOnly bool
}

func newScheduleListCmd(a *app, runF func(context.Context, *scheduleListOptions) error) *cobra.Command {
	o := &scheduleListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List schedules",
		Long:  `List the schedules that are enabled, by name, whether or not a server runs.`,
		Example: `  millrace schedule list -o table
  millrace schedule list --include-disabled --query "[].{name: name, next: next_fire_times[0]}"`,
	}
	f := cmd.Flags()
	f.IntVarP(&o.most, "max-results", "r", 0, "`number` of schedules to list")
	f.BoolVar(&o.includeDisabled, "include-disabled", false, "list disabled schedules too")
	f.BoolVar(&o.disabledOnly, "disabled-only", false, "list disabled schedules only")
	cmd.MarkFlagsMutuallyExclusive("include-disabled", "disabled-only")
	return verb(a, cmd, o, runF, runScheduleList)
}

func runScheduleList(ctx context.Context, a *app, o *scheduleListOptions) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	all, err := s.jobs.ListSchedules(ctx)
	if err := a.sayDamaged(err); err != nil {
		return err
	}
	rows := []map[string]any{}
	var lost []string
	for i := range all {
		if all[i].Disabled && (o.includeDisabled || o.disabledOnly) || !all[i].Disabled && !o.disabledOnly {
			rows = append(rows, all[i].Document())
			if all[i].Unknown {
				lost = append(lost, all[i].Schedule)
			}
		}
	}
	if o.most > 0 && len(rows) > o.most {
		rows = rows[:o.most]
		a.say("Displaying top %d results from the list command; %s", o.most, moreResults)
	}
	if len(rows) > 0 && s.client == nil {
		a.say("no server runs: schedules do not fire until `%s` is started", a.command("dev"))
	}
	if len(lost) > 0 {
		a.say("the server does not know, and so never fires, %s: %s; `%s` hands one over",
			term.Count(len(lost), "schedule"), strings.Join(lost, ", "), a.command("schedule", "enable", "-n", lost[0]))
	}
	return a.print(rows, scheduleTable)
}

type scheduleNameOptions struct {
	name string
	yes  bool
}

func newScheduleShowCmd(a *app, runF func(context.Context, *scheduleNameOptions) error) *cobra.Command {
	o := &scheduleNameOptions{}
	cmd := &cobra.Command{
		Use:   "show -n NAME",
		Short: "Show a schedule, when it fires next, and its last jobs",
		Long:  `Show a schedule, the next five times at which it fires, and the last jobs that it made.`,
		Example: `  millrace schedule show -n nightly -o table
  millrace schedule show -n nightly --query next_fire_times`,
	}
	a.addScheduleName(cmd, &o.name)
	return verb(a, cmd, o, runF, runScheduleShow, "name")
}

// shownJobs is how many of a schedule's last jobs are shown.
const shownJobs = 5

func runScheduleShow(ctx context.Context, a *app, o *scheduleNameOptions) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	sc, err := s.jobs.ShowSchedule(ctx, o.name)
	if err != nil {
		return err
	}
	jobs, err := s.jobs.ScheduledJobs(ctx, o.name, shownJobs)
	if err != nil {
		return err
	}
	d := sc.Document()
	last := []map[string]any{}
	for _, job := range jobs {
		last = append(last, runs.Summary(job))
	}
	d["last_jobs"] = last
	a.adviseUnheeded(s, sc)
	return a.print(d, scheduleDetails)
}

// adviseUnheeded says why a schedule will not fire just now.
func (a *app) adviseUnheeded(s *site, sc *runs.Schedule) {
	switch {
	case sc.Disabled:
	case s.client == nil:
		a.say("no server runs: schedules do not fire until `%s` is started", a.command("dev"))
	case sc.Unknown:
		a.say("the server does not know this schedule: `%s` tells it", a.command("schedule", "enable", "-n", sc.Schedule))
	}
}
