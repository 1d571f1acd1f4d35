package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type jobMetricsOptions struct {
	job, step string
	watch     bool
	series    bool
	points    int
}

func newJobMetricsCmd(a *app, runF func(context.Context, *jobMetricsOptions) error) *cobra.Command {
	o := &jobMetricsOptions{}
	cmd := &cobra.Command{
		Use:   "metrics [-n] JOB [STEP]",
		Short: "Show the metrics that the steps of a job have reported",
		Long: `Show the metrics that the steps of a job have reported, through MLflow or in the
file that MILLRACE_METRICS names: the last value of each, the least and the
greatest, and how often it was reported. A reused step shows those of the step
that it was taken from. With --watch, show them while the job runs.

` + exitCodesHelp,
		Example: `  millrace job metrics calm_river_0a1b2c3d4e
  millrace job metrics calm_river_0a1b2c3d4e train --watch
  millrace job metrics calm_river_0a1b2c3d4e -o json --query "[?metric=='loss'].last"
  millrace job metrics calm_river_0a1b2c3d4e train --series -o csv > loss.csv`,
		Args:              jobAndStep,
		ValidArgsFunction: a.completeExplain,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.job = args[0]
			if len(args) > 1 {
				o.step = args[1]
			}
			switch {
			case o.watch && o.series:
				return wrongUsage("", "--watch and --series do not go together: while a step runs, its series is not known")
			case cmd.Flags().Changed("points") && !o.series:
				return wrongUsage("", "--points bounds what --series shows")
			case o.points < 0:
				return wrongUsage("", "--points: %d is not a number of points", o.points)
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobMetrics(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.watch, "watch", false, "show the metrics until the job has ended, as they are reported")
	f.BoolVar(&o.series, "series", false, "write all values as data, as csv unless -o says otherwise")
	f.IntVar(&o.points, "points", 0, "with --series, the largest `number` of points of each, chosen to look like all of them (default: all)")
	return a.orName(cmd, 2)
}

func runJobMetrics(ctx context.Context, a *app, o *jobMetricsOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	if o.watch {
		if err := a.watchMetrics(ctx, s, o); err != nil {
			return err
		}
		if !a.wantsData() && a.Out.Terminal {
			return nil // the last of what was drawn stays
		}
	}
	job, all, err := s.jobs.Metrics(ctx, o.job, o.step)
	if err != nil {
		return err
	}
	switch {
	case o.series:
		if a.flags.format == "" {
			a.flags.format = term.CSV
		}
		return a.printOrdered(seriesData(all, o.points), nil, inOrder(seriesColumns))
	case a.wantsData():
		return a.printOrdered(metricsData(all), metricsGrid, inOrder(metricsColumns))
	case len(all) == 0:
		return a.noMetrics(job, o)
	}
	return metricsTable(all, a.Out).Write(a.Out)
}

// noMetrics says that there are none, and how a step reports some.
func (a *app) noMetrics(job *runs.Job, o *jobMetricsOptions) error {
	who := "job " + o.job
	if o.step != "" {
		who = "step " + o.step + " of " + who
	}
	not := "has reported no metrics"
	if !job.Status.Ended() {
		not = "has reported no metrics yet"
	}
	a.say("%s %s", who, not)
	for i := range job.Plan.Steps {
		step := &job.Plan.Steps[i]
		loop := job.Plan.StepJobName(step.Name)
		if step.Loop != nil && (o.step == step.Name || o.job == loop || o.step == "" && o.job == job.Name) {
			a.say("the iterations of %s are jobs of their own, as in `%s`; `%s` lists them", step.Name,
				a.command("job", "metrics", loop+"-1"), a.command("job", "list", "--parent-job-name", loop))
			return nil
		}
	}
	a.say(`a step reports them with mlflow.log_metric, or with lines such as {"loss": 0.25} that it appends to the file $MILLRACE_METRICS`)
	return nil
}

// The columns of the formats in which they have an order.
var (
	metricsColumns = []string{"step", "run", "metric", "last", "min", "max", "count", "last_metric_step", "reused"}
	seriesColumns  = []string{"step", "run", "metric", "metric_step", "timestamp", "value"}
)

// inOrder puts keys in an order where it has all of them.
func inOrder(columns []string) term.Order {
	return func(keys []string) []string {
		for _, key := range keys {
			if !slices.Contains(columns, key) {
				return keys
			}
		}
		return columns
	}
}

// metricsData lists the metrics of steps for programs.
func metricsData(all []runs.Measured) []any {
	data := []any{}
	for _, m := range all {
		for _, s := range m.Sums() {
			data = append(data, map[string]any{
				"step": m.State.Name, "run": orNil(s.Run), "metric": s.Key, "last": s.Metric.Last, "min": s.Metric.Min, "max": s.Metric.Max,
				"count": s.Metric.Count, "last_metric_step": s.Metric.Step, "reused": m.State.Reused != nil,
			})
		}
	}
	return data
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// seriesData lists the values themselves, at most most of each series; 0 is all.
func seriesData(all []runs.Measured, most int) []any {
	data := []any{}
	for _, m := range all {
		for _, s := range m.Series {
			points := s.Points
			if most > 0 {
				points = metrics.Sample(points, most)
			}
			for _, p := range points {
				data = append(data, map[string]any{
					"step": m.State.Name, "run": orNil(s.Run), "metric": s.Key, "metric_step": p.Step,
					"timestamp": p.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), "value": pipeline.Number64(p.Value),
				})
			}
		}
	}
	return data
}

// metricsGrid is the table of metricsData.
func metricsGrid(data any) *term.Table {
	t := &term.Table{Header: []string{"Step", "Run", "Metric", "Last", "Min", "Max", "Count"}}
	list, _ := data.([]any)
	for _, row := range list {
		m, _ := row.(map[string]any)
		t.Add(text(m["step"]), text(m["run"]), text(m["metric"]), shownNumber(m["last"]), shownNumber(m["min"]), shownNumber(m["max"]), shownNumber(m["count"]))
	}
	return t
}

func shownNumber(v any) string {
	if f, ok := v.(float64); ok {
		return term.Number(f)
	}
	return text(v) // NaN, or an infinity
}

// trendWidth is how many columns a sparkline has.
const trendWidth = 24

// metricsTable is the table that people see; on a terminal each metric has a
// line that shows how it went.
func metricsTable(all []runs.Measured, w *term.Stream) *term.Table {
	trends, several := w.Terminal, false
	for _, m := range all {
		for _, s := range m.Series {
			several = several || s.Run != ""
		}
	}
	t := &term.Table{Header: []string{"Step"}}
	if several {
		t.Header = append(t.Header, "Run")
	}
	t.Header = append(t.Header, "Metric", "Last", "Min", "Max", "Count")
	if trends {
		t.Header = append(t.Header, "Trend")
	}
	for _, m := range all {
		for _, s := range m.Sums() {
			row := []string{m.State.Name}
			if several {
				row = append(row, s.Run)
			}
			row = append(row, s.Key, term.Number(float64(s.Metric.Last)), term.Number(float64(s.Metric.Min)),
				term.Number(float64(s.Metric.Max)), fmt.Sprint(s.Metric.Count))
			if trends {
				row = append(row, trend(s.Points))
			}
			t.Add(row...)
		}
	}
	return t
}

// trend draws a series of several values.
func trend(points []metrics.Point) string {
	if len(points) < 2 {
		return ""
	}
	sampled := metrics.Sample(points, trendWidth)
	values := make([]float64, len(sampled))
	for i, p := range sampled {
		values[i] = p.Value
	}
	return term.Spark(values)
}
