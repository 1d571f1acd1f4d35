package main

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

func TestJobMetricsReadsItsFlags(t *testing.T) {
	wants(t, newJobMetricsCmd, "one", jobMetricsOptions{job: "one"})
	wants(t, newJobMetricsCmd, "one train --watch", jobMetricsOptions{job: "one", step: "train", watch: true})
	wants(t, newJobMetricsCmd, "one --series --points 10", jobMetricsOptions{job: "one", series: true, points: 10})
	refuses(t, newJobMetricsCmd, "", "JOB is missing")
	refuses(t, newJobMetricsCmd, "one --points 10", "--series")
	refuses(t, newJobMetricsCmd, "one --series --points -1", "-1 is not a number of points")
	refuses(t, newJobMetricsCmd, "one --watch --series", "do not go together")
}

func TestJobCompareReadsItsFlags(t *testing.T) {
	wants(t, newJobCompareCmd, "one two --all", jobCompareOptions{jobs: []string{"one", "two"}, all: true})
	refuses(t, newJobCompareCmd, "one", "JOB is missing")
	refuses(t, newJobCompareCmd, strings.Repeat("one ", maxCompared+1), "at most 50 jobs")
}

func measured() []runs.Measured {
	loss := metrics.Series{Key: "loss\x1b[31m", Metric: pipeline.Metric{Last: 0.25, Min: 0.25, Max: pipeline.Number64(math.Inf(1)), Count: 3, Step: 2}}
	for i, v := range []float64{1, 0.5, 0.25} {
		loss.Points = append(loss.Points, metrics.Point{Step: int64(i), Value: v})
	}
	return []runs.Measured{
		{State: pipeline.StepState{Name: "prepare", Metrics: map[string]pipeline.Metric{"rows": {Last: 120, Min: 120, Max: 120, Count: 1}}}},
		{State: pipeline.StepState{Name: "train"}, Series: []metrics.Series{loss, {Run: "fold 1", Key: "loss", Metric: pipeline.Metric{Last: 2, Min: 2, Max: 2, Count: 1}}}},
	}
}

func TestTheTableOfMetricsSuitsWhoReadsIt(t *testing.T) {
	for _, test := range []struct {
		terminal bool
		want     string
	}{
		{false, `Step     Run     Metric  Last  Min   Max       Count
-------  ------  ------  ----  ----  --------  -----
prepare          rows    120   120   120       1
train            loss    0.25  0.25  Infinity  3
train    fold 1  loss    2     2     2         1
`},
		{true, `Step     Run     Metric  Last  Min   Max       Count  Trend
-------  ------  ------  ----  ----  --------  -----  -----
prepare          rows    120   120   120       1
train            loss    0.25  0.25  Infinity  3      █▃▁
train    fold 1  loss    2     2     2         1
`},
	} {
		var b strings.Builder
		if err := metricsTable(measured(), &term.Stream{Terminal: test.terminal}).Write(&b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("terminal %v: %s", test.terminal, diff)
		}
	}
}

func TestMetricsAreDrawnAgainOnlyWhereTheyChange(t *testing.T) {
	c := newConsole(t)
	c.Out.Terminal = true
	w := &watched{app: c.app, panel: term.NewPanel(c.Out), seen: map[string]map[string][]metrics.Point{}, ended: map[string]runs.Measured{}}
	job := &runs.Job{Name: "one", Status: pipeline.Running, Steps: []pipeline.StepState{{Name: "train", Status: pipeline.Running}}}
	for count := int64(1); count <= 3; count++ {
		job.Steps[0].Metrics = map[string]pipeline.Metric{"loss": {Last: pipeline.Number64(4 - count), Min: 1, Max: 3, Count: count}}
		w.show(context.Background(), job)
		before := c.out.Len()
		w.show(context.Background(), job)
		if c.out.Len() != before {
			t.Errorf("after %d reports it is drawn again, and nothing has changed", count)
		}
	}
	if got := c.out.String(); !strings.Contains(got, "█▅▁") && !strings.Contains(got, "█▄▁") {
		t.Errorf("there is no trend of what was seen: %q", got)
	}
	w.close()
	if !strings.HasSuffix(c.out.String(), "\x1b[J") {
		t.Error("what was drawn stays where the watching is broken off")
	}
}

func TestASummaryTellsOfMetricsAndParts(t *testing.T) {
	job := &runs.Job{Steps: []pipeline.StepState{
		{Name: "prepare"},
		{Name: "tune", Parts: &pipeline.Parts{What: "trials", Total: 4, Completed: 3, Stopped: 1, Best: "tune.2"}, Metrics: map[string]pipeline.Metric{"loss": {Last: 0.25}}},
	}}
	var b strings.Builder
	tellMetrics(&term.Stream{Writer: &b}, job)
	if want := "metrics:\n  tune  trials 4/4, 1 stopped early, best tune.2, loss 0.25\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
