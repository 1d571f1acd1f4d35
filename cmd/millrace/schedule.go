package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newScheduleCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "schedule",
		Short: "Submit jobs again and again, as `az ml schedule` does",
		Long: `Submit a job again and again: at the times of a cron expression or a recurrence.
Steps whose inputs have not changed since the last time are reused.

Schedules fire while a server runs (` + "`millrace dev`" + `), and are kept when it stops. To
list and show them no server has to run.

` + exitCodesHelp,
		Example: `  millrace schedule create -f nightly.yml
  millrace schedule show -n nightly -o table
  millrace schedule trigger -n nightly
  millrace schedule backfill -n nightly --from 2026-01-01 --to 2026-01-31`,
	})
	cmd.AddCommand(
		newScheduleCreateCmd(a, nil),
		newScheduleListCmd(a, nil),
		newScheduleShowCmd(a, nil),
		newScheduleEnableCmd(a, nil),
		newScheduleDisableCmd(a, nil),
		newScheduleTriggerCmd(a, nil),
		newScheduleRunsCmd(a, nil),
		newScheduleBackfillCmd(a, nil),
		newScheduleUpdateCmd(a, nil),
		newScheduleDeleteCmd(a, nil),
	)
	return cmd
}

// addScheduleName adds -n for the name of a schedule that exists.
func (a *app) addScheduleName(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "name", "n", "", "name of the `schedule`")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		all, err := s.ListSchedules(ctx)
		var names []string
		for _, sc := range all {
			names = append(names, cobra.CompletionWithDesc(sc.Schedule, sc.Description))
		}
		return names, err
	}))
}

// reachSchedules is reach for what schedules need a server for: no single run of a
// file does in its place.
func (a *app) reachSchedules(ctx context.Context) (*site, error) {
	s, err := a.reach(ctx)
	if errors.Is(err, runs.ErrNoServer) {
		return nil, unreachable(err, "start `"+a.command("dev")+"` in another terminal: schedules fire while it runs")
	}
	return s, err
}

// scheduleTable is the table of schedules, as az shows it, with the next time.
func scheduleTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Description", "Is enabled", "Provisioning state", "Fires next"}}
	for _, m := range rowsOf(data) {
		next, _ := m["next_fire_times"].([]any)
		soon := ""
		if len(next) > 0 {
			soon = clock(text(next[0]))
		} else if m["unknown_to_server"] == true {
			soon = "never: not known to the server"
		}
		t.Add(text(m["name"]), text(m["description"]), capital(m["is_enabled"]), text(m["provisioning_state"]), soon)
	}
	return t
}

// scheduleDetails is what a person wants to know of one schedule.
func scheduleDetails(data any) *term.Table {
	t := &term.Table{}
	for _, m := range rowsOf(data) {
		t.Add("name", text(m["name"]))
		if s := text(m["description"]); s != "" {
			t.Add("description", s)
		}
		state := "enabled"
		if m["is_enabled"] != true {
			state = "disabled"
		}
		if note := text(m["note"]); note != "" {
			state += ": " + note
		}
		if m["unknown_to_server"] == true {
			state = "not known to the server"
		}
		t.Add("state", state)
		t.Add("fires", text(m["fires"]))
		next, _ := m["next_fire_times"].([]any)
		label := "next"
		for _, at := range next {
			t.Add(label, clock(text(at)))
			label = ""
		}
		if len(next) == 0 {
			t.Add(label, "never")
		}
		runs, _ := m["last_jobs"].([]any)
		label = "last jobs"
		for _, run := range rowsOf(runs) {
			t.Add(label, text(run["name"])+"  "+text(run["status"]))
			label = ""
		}
		for _, count := range []string{"missed", "skipped"} {
			if n := shown(m[count]); n != "0" && n != "" {
				t.Add(count, n)
			}
		}
	}
	return t
}

// clock is a moment for people: "Sun 2026-03-08 03:30 -07:00".
func clock(moment string) string {
	t, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		return moment
	}
	return t.Format("Mon 2006-01-02 15:04:05 -07:00")
}

// capital is a truth value as az's tables show it.
func capital(v any) string {
	if v == true {
		return "True"
	}
	return "False"
}

// adviseSchedule adds what to do to the errors that only schedules have.
func (a *app) adviseSchedule(name string, err error) error {
	switch {
	case errors.Is(err, runs.ErrEnabled):
		return refused("`"+a.command("schedule", "disable", "-n", name)+"` disables it", "%w", err)
	case errors.Is(err, runs.ErrUnknownSchedule):
		return refused("`"+a.command("schedule", "enable", "-n", name)+"` tells it", "%w", err)
	case errors.Is(err, runs.ErrUnnamed):
		return wrongUsage(`add "name: ..." to the file, or give -n`, "%w", err)
	}
	return err
}
