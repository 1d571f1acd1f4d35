package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// watched draws the metrics of a job while it runs. Of a step that runs, only how
// its metrics stand is known; what was seen of them makes its trend.
type watched struct {
	app   *app
	jobs  *runs.Service
	step  string
	panel *term.Panel
	quiet bool

	seen   map[string]map[string][]metrics.Point // by step and metric
	counts map[string]map[string]int64           // of reports, as they were told last
	ended  map[string]runs.Measured              // steps that have, with their series
}

// watchMetrics shows metrics until the job has ended.
func (a *app) watchMetrics(ctx context.Context, s *site, o *jobMetricsOptions) error {
	job, own, err := s.jobs.ShowAny(ctx, o.job)
	if err != nil {
		return err
	}
	step := o.step
	if step == "" {
		step = own
	}
	if step != "" {
		if _, err := pickStep(job, step); err != nil {
			return err
		}
	}
	w := &watched{
		app: a, jobs: s.jobs, step: step, panel: term.NewPanel(a.Out), quiet: a.wantsData(),
		seen: map[string]map[string][]metrics.Point{}, counts: map[string]map[string]int64{}, ended: map[string]runs.Measured{},
	}
	_, err = a.attend(ctx, s, job.Name, func(job *runs.Job) { w.show(ctx, job) })
	w.close()
	if err != nil && ctx.Err() != nil {
		return said(exitInterrupted)
	}
	return err
}

func (w *watched) show(ctx context.Context, job *runs.Job) {
	var all []runs.Measured
	for _, state := range job.Steps {
		if w.step != "" && state.Name != w.step {
			continue
		}
		if m, ok := w.measured(ctx, state); ok {
			all = append(all, m)
		}
	}
	switch {
	case w.quiet:
	case w.app.Out.Terminal:
		w.draw(job, all)
	default:
		w.tell(all)
	}
}

// measured is what is known of a step: the series it has left once it has ended,
// what was seen of it before.
func (w *watched) measured(ctx context.Context, state pipeline.StepState) (runs.Measured, bool) {
	if state.Status.Ended() {
		m, ok := w.ended[state.Name]
		if !ok {
			m = runs.Measured{State: state}
			if read, err := w.jobs.Measure(ctx, []pipeline.StepState{state}); err == nil && len(read) == 1 {
				m = read[0]
			}
			w.ended[state.Name] = m
		}
		return m, len(m.Sums()) > 0
	}
	m := runs.Measured{State: state}
	for _, s := range m.Sums() {
		before := w.seen[state.Name][s.Key]
		if n := len(before); n == 0 || before[n-1].Step != s.Metric.Count {
			if w.seen[state.Name] == nil {
				w.seen[state.Name] = map[string][]metrics.Point{}
			}
			// The count stands in for the step: it grows in any case.
			before = append(metrics.Sample(before, maxSeen), metrics.Point{Step: s.Metric.Count, Value: float64(s.Metric.Last)})
			w.seen[state.Name][s.Key] = before
		}
		s.Points = before
		m.Series = append(m.Series, s)
	}
	return m, len(m.Series) > 0
}

// maxSeen bounds what is kept of a series that is watched.
const maxSeen = 1000

// draw draws the table, and below it how far the job is.
func (w *watched) draw(job *runs.Job, all []runs.Measured) {
	var lines []string
	if len(all) > 0 {
		var b strings.Builder
		_ = metricsTable(all, w.app.Out).Write(&b)
		lines = strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
	c := job.Count()
	foot := fmt.Sprintf("%s %s: %d of %s done", job.Name, job.Status, c.Done, term.Count(c.Total, "step"))
	if job.Status.Ended() {
		// This stays, so all of it is written.
		w.panel.Show(append(lines, foot), nil)
		return
	}
	fit := w.panel.Fit(append(lines, foot))
	if n := len(fit); n > 1 && len(fit) <= len(lines) {
		fit[n-1] = foot // of all lines the last to be left out
	}
	w.panel.Show(nil, fit)
}

// tell writes a line for every step whose metrics have changed.
func (w *watched) tell(all []runs.Measured) {
	for _, m := range all {
		var news []string
		for _, s := range m.Sums() {
			if w.counts[m.State.Name] == nil {
				w.counts[m.State.Name] = map[string]int64{}
			}
			if s.Metric.Count > w.counts[m.State.Name][s.Key] {
				w.counts[m.State.Name][s.Key] = s.Metric.Count
				news = append(news, term.Clean(s.Key)+" "+term.Number(float64(s.Metric.Last)))
			}
		}
		if news != nil {
			fmt.Fprintf(w.app.Err, "%s %s %s\n", w.app.now().Local().Format(time.TimeOnly), m.State.Name, strings.Join(news, ", "))
		}
	}
}

// close takes away what is drawn, where the watching was broken off.
func (w *watched) close() {
	if w.app.Out.Terminal && !w.quiet {
		w.panel.Show(nil, nil)
	}
}
