package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newScheduleTriggerCmd(a *app, runF func(context.Context, *scheduleNameOptions) error) *cobra.Command {
	o := &scheduleNameOptions{}
	cmd := &cobra.Command{
		Use:   "trigger -n NAME",
		Short: "Have a schedule make a job now",
		Long: `Have a schedule make a job now, whether it is enabled or not, and print the name
of the job.`,
		Example: `  millrace schedule trigger -n nightly
  millrace job stream -n $(millrace schedule trigger -n nightly --query job_name -o tsv)`,
	}
	a.addScheduleName(cmd, &o.name)
	return verb(a, cmd, o, runF, runScheduleTrigger, "name")
}

func runScheduleTrigger(ctx context.Context, a *app, o *scheduleNameOptions) error {
	s, err := a.reachSchedules(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	job, err := s.jobs.TriggerSchedule(ctx, o.name)
	if err != nil {
		return a.adviseSchedule(o.name, err)
	}
	return a.print(map[string]any{
		"job_name": job.Name, "schedule_action_type": "CreateJob", "status": string(job.Status),
	}, func(any) *term.Table { return jobTable(runs.Summary(*job)) })
}

type scheduleRunsOptions struct {
	name string
	listed
}

func newScheduleRunsCmd(a *app, runF func(context.Context, *scheduleRunsOptions) error) *cobra.Command {
	o := &scheduleRunsOptions{}
	cmd := &cobra.Command{
		Use:     "runs -n NAME",
		Short:   "List the jobs that a schedule has made",
		Long:    `List the jobs that a schedule has made, the newest first, whether or not a server runs.`,
		Example: "  millrace schedule runs -n nightly -o table",
	}
	a.addScheduleName(cmd, &o.name)
	addMost(cmd, &o.listed, 50, "jobs")
	cmd.Flags().BoolVar(&o.all, "all-results", false, "list all jobs")
	return verb(a, cmd, o, runF, runScheduleRuns, "name")
}

func runScheduleRuns(ctx context.Context, a *app, o *scheduleRunsOptions) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	most := o.most + 1 // one more tells that there are more
	if o.all || o.most <= 0 {
		most = 0
	}
	jobs, err := s.jobs.ScheduledJobs(ctx, o.name, most)
	if err != nil {
		return err
	}
	rows := []map[string]any{}
	for _, job := range cut(a, &o.listed, jobs, allResults) {
		rows = append(rows, runs.Summary(job))
	}
	return a.print(rows, jobTable)
}

type scheduleBackfillOptions struct {
	name, from, to string
}

func newScheduleBackfillCmd(a *app, runF func(context.Context, *scheduleBackfillOptions) error) *cobra.Command {
	o := &scheduleBackfillOptions{}
	cmd := &cobra.Command{
		Use:   "backfill -n NAME --from TIME",
		Short: "Have a schedule make the jobs of a time that is past",
		Long: `Have a schedule make the jobs that it would have made from one time to another, both
included: one after another, the earliest first. A time whose job there is already
is left out; asked_before says that an earlier backfill has asked for a job that is
still to be made, and asking again makes no second one. Times are written as in the file, and without an offset are those of
the schedule's time zone.`,
		Example: `  millrace schedule backfill -n nightly --from 2026-01-01 --to 2026-01-31T23:59:59
  millrace schedule backfill -n nightly --from 2026-01-01T02:00:00Z -o table`,
	}
	a.addScheduleName(cmd, &o.name)
	cmd.Flags().StringVar(&o.from, "from", "", "`time` to begin with")
	cmd.Flags().StringVar(&o.to, "to", "", "`time` to end with (default: now)")
	return verb(a, cmd, o, runF, runScheduleBackfill, "name", "from")
}

func runScheduleBackfill(ctx context.Context, a *app, o *scheduleBackfillOptions) error {
	s, err := a.reachSchedules(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	sc, err := s.jobs.ShowSchedule(ctx, o.name)
	if err != nil {
		return err
	}
	from, to, err := o.bounds(sc, a.now())
	if err != nil {
		return err
	}
	slots, err := s.jobs.BackfillSchedule(ctx, o.name, from, to)
	if err != nil {
		return a.adviseSchedule(o.name, err)
	}
	rows := []map[string]any{}
	for _, slot := range slots {
		rows = append(rows, map[string]any{"time": slot.Time.Format(time.RFC3339), "job_name": slot.Job, "made_before": slot.Before, "asked_before": slot.Asked})
	}
	if len(rows) == 0 {
		a.say("the schedule does not fire in this time")
	}
	return a.print(rows, func(data any) *term.Table {
		t := &term.Table{Header: []string{"Time", "Job", "Made before"}}
		for _, m := range rowsOf(data) {
			made := capital(m["made_before"])
			if m["asked_before"] == true {
				made = "asked for"
			}
			t.Add(clock(text(m["time"])), text(m["job_name"]), made)
		}
		return t
	})
}

// bounds reads the times, in the schedule's time zone.
func (o *scheduleBackfillOptions) bounds(sc *runs.Schedule, now time.Time) (from, to time.Time, err error) {
	spec, err := sc.Spec()
	if err != nil {
		return from, to, err
	}
	const example = "write 2026-01-31T08:00:00, 2026-01-31T08:00:00Z or 2026-01-31"
	if from, err = recurrence.ParseTime(o.from, spec.Location()); err != nil {
		return from, to, wrongUsage(example, "--from: %w", err)
	}
	if to = now; o.to != "" {
		if to, err = recurrence.ParseTime(o.to, spec.Location()); err != nil {
			return from, to, wrongUsage(example, "--to: %w", err)
		}
	}
	if to.Before(from) {
		return from, to, wrongUsage("", "--from is after --to")
	}
	return from, to, nil
}
