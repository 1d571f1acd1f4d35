package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type jobTrialsOptions struct {
	job, step string
	top       int
	log       int
}

func newJobTrialsCmd(a *app, runF func(context.Context, *jobTrialsOptions) error) *cobra.Command {
	o := &jobTrialsOptions{}
	cmd := &cobra.Command{
		Use:   "trials [-n] JOB [STEP]",
		Short: "List the trials of a sweep, the best first",
		Long: `List the trials of a sweep with the values that were sampled and the metric that
they are compared by: those that have completed come first, the best of them on
top. STEP is needed where a job has several sweeps. It works while the sweep runs,
and afterwards without a server.

With --log, print what one of the trials has printed.

` + exitCodesHelp,
		Example: `  millrace job trials calm_river_0a1b2c3d4e
  millrace job trials calm_river_0a1b2c3d4e train --top 5
  millrace job trials calm_river_0a1b2c3d4e -o json --query "[0].params"
  millrace job trials calm_river_0a1b2c3d4e -o csv > trials.csv
  millrace job trials calm_river_0a1b2c3d4e --log 17`,
		Args:              jobAndStep,
		ValidArgsFunction: a.completeExplain,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.job = args[0]
			if len(args) > 1 {
				o.step = args[1]
			}
			switch {
			case o.top < 0:
				return wrongUsage("", "--top: %d is not a number of trials", o.top)
			case cmd.Flags().Changed("log") && o.log < 1:
				return wrongUsage("trials are counted from 1", "--log: there is no trial %d", o.log)
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobTrials(cmd.Context(), a, o)
		},
	}
	cmd.Flags().IntVar(&o.top, "top", 0, "list the best `number` of them only (default: all)")
	cmd.Flags().IntVar(&o.log, "log", 0, "print what the trial of this `number` has printed")
	return a.orName(cmd, 2)
}

func runJobTrials(ctx context.Context, a *app, o *jobTrialsOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	t, err := s.jobs.Trials(ctx, o.job, o.step)
	if err != nil {
		return err
	}
	if o.log > 0 {
		return s.jobs.TrialLog(ctx, t, o.log, a.Out)
	}
	a.adviseUnserved(t.Job.Status, t.Job.Name)
	shown := t.Trials
	if o.top > 0 {
		shown = shown[:min(len(shown), o.top)]
	}
	if !a.wantsData() {
		if err := trialsTable(t, shown).Write(a.Out); err != nil {
			return err
		}
		a.say("%s", trialsCount(t))
		return nil
	}
	if f := a.flags.format; a.flags.search == nil && (f == term.TSV || f == term.CSV) {
		rows, columns := trialsRows(t, shown)
		return a.printOrdered(rows, nil, inOrder(columns))
	}
	return a.print(trialsData(t, shown), func(any) *term.Table { return trialsTable(t, shown) })
}

// trialsCount says how far a sweep is.
func trialsCount(t *runs.Trials) string {
	p := t.Parts
	if p.Total == 0 {
		p.Total = t.Step.Sweep.Limits.MaxTrials
	}
	format := "%d of %d trials have completed"
	if t.Job.Status == pipeline.NotResponding {
		// What has happened since is known once the job goes on.
		format = "when it was recorded last, %d of %d trials had completed"
	}
	parts := []string{fmt.Sprintf(format, p.Completed, p.Total)}
	for _, c := range []struct {
		n    int
		what string
	}{{p.Reused, "of them reused"}, {p.Running, "under way"}, {p.Stopped, "stopped early"}, {p.Failed, "failed"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// hyperparameters are the names that the trials have values of, in order.
func hyperparameters(trials []pipeline.Trial) []string {
	names := map[string]bool{}
	for i := range trials {
		for name := range trials[i].Values {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// trialsData lists trials for programs.
func trialsData(t *runs.Trials, trials []pipeline.Trial) []any {
	data := make([]any, len(trials))
	for i := range trials {
		trial := &trials[i]
		name := pipeline.TrialName(t.Step.Name, trial.Number)
		d := map[string]any{
			"trial": trial.Number, "name": t.Job.Plan.StepJobName(name), "step": name, "status": string(trial.Status),
			"best": t.Parts.Best == name, "params": trial.Values, "metric": t.Step.Sweep.Objective.Metric,
			"score": trialScore(t, trial), "last": nil, "reports": 0,
			"stopped_early": orNil(trial.Stopped), "reused": trial.Reused != nil, "reused_from": nil,
			"worker": orNil(trial.Worker), "attempts": trial.Attempts, "exit_code": trial.ExitCode, "error": orNil(trial.Error),
			"start_time": trialTime(trial.Started), "end_time": trialTime(trial.Ended), "duration": trialSeconds(trial),
		}
		if m := trial.Metric; m != nil {
			d["last"], d["reports"] = m.Last, m.Count
		}
		if from := trial.Reused; from != nil {
			d["reused_from"] = map[string]any{"job": from.Job, "step": from.Step}
		}
		data[i] = d
	}
	return data
}

// trialsRows is trialsData for the formats that have rows and columns only.
func trialsRows(t *runs.Trials, trials []pipeline.Trial) (rows []any, columns []string) {
	params := hyperparameters(trials)
	columns = []string{"trial", "score", "status", "duration", "reused", "stopped_early"}
	for _, name := range params {
		columns = append(columns, "params."+name)
	}
	rows = []any{}
	for i := range trials {
		trial := &trials[i]
		row := map[string]any{
			"trial": trial.Number, "score": trialScore(t, trial), "status": string(trial.Status), "duration": trialSeconds(trial),
			"reused": trial.Reused != nil, "stopped_early": trial.Stopped != "",
		}
		for _, name := range params {
			row["params."+name] = orNil(trial.Values[name])
		}
		rows = append(rows, row)
	}
	return rows, columns
}

// trialsTable is the table that people see.
func trialsTable(t *runs.Trials, trials []pipeline.Trial) *term.Table {
	params := hyperparameters(trials)
	table := &term.Table{Header: append([]string{"Trial", t.Step.Sweep.Objective.Metric, "Status", "Duration"}, params...)}
	failed := slices.ContainsFunc(trials, func(trial pipeline.Trial) bool { return trial.Error != "" })
	if failed {
		table.Header = append(table.Header, "Reason")
	}
	for i := range trials {
		trial := &trials[i]
		score, status := "", string(trial.Status)
		if v, ok := trial.Score(t.Step.Sweep.Objective.Minimise); ok {
			score = term.Number(v)
		}
		switch {
		case trial.Stopped != "":
			status = "Stopped early"
		case trial.Reused != nil:
			status = "Reused"
		case pipeline.TrialName(t.Step.Name, trial.Number) == t.Parts.Best:
			status = "Best"
		}
		lasted := ""
		if d := lasting(trial); d > 0 && trial.Reused == nil {
			lasted = term.Duration(d)
		}
		row := []string{strconv.Itoa(trial.Number), score, status, lasted}
		for _, name := range params {
			row = append(row, term.Cut(trial.Values[name], 24))
		}
		if failed {
			row = append(row, reason(trial))
		}
		table.Add(row...)
	}
	return table
}

// reason is in short why a trial failed.
func reason(trial *pipeline.Trial) string {
	if trial.ExitCode != nil && *trial.ExitCode != 0 && trial.Error != "" {
		return fmt.Sprintf("exit code %d", *trial.ExitCode)
	}
	return term.Cut(term.Clean(firstLine(trial.Error)), 48)
}

func trialScore(t *runs.Trials, trial *pipeline.Trial) any {
	if v, ok := trial.Score(t.Step.Sweep.Objective.Minimise); ok {
		return pipeline.Number64(v)
	}
	return nil
}

// lasting is how long a trial's program ran, or has run.
func lasting(trial *pipeline.Trial) time.Duration {
	switch {
	case trial.Started.IsZero():
		return 0
	case trial.Ended.IsZero():
		return time.Since(trial.Started)
	}
	return trial.Ended.Sub(trial.Started)
}

func trialSeconds(trial *pipeline.Trial) any {
	if d := lasting(trial); d > 0 {
		return d.Round(time.Millisecond).Seconds()
	}
	return nil
}

func trialTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000+00:00")
}
