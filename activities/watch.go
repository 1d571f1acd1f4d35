package activities

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/sweep"
	"github.com/millrace-ml/millrace/pipeline"
)

// Watch has the metric of a trial told to its sweep while the program runs.
type Watch struct {
	Trial    int    `json:"trial"`
	Metric   string `json:"metric"`
	Minimise bool   `json:"minimise,omitempty"`
	// Early says after which reports the sweep judges; nil has nothing told.
	Early *pipeline.EarlyTermination `json:"early_termination,omitempty"`
	// Share bounds what is told: so many times in the first so many seconds,
	// and ever more rarely then.
	Share int `json:"share,omitempty"`
}

// ReportSignal is the name of the signal that tells a sweep how a trial stands.
// It carries a [TrialReport].
const ReportSignal = "report"

// TrialReport is how a trial stood after each of some reports of its metric.
type TrialReport struct {
	Trial   int            `json:"trial"`
	Reports []sweep.Report `json:"reports"`
}

// maxReports bounds one signal: of more, every second is left out, the latest
// ones last.
const maxReports = 64

// watcher follows the metric of one attempt.
type watcher struct {
	Watch
	mu     sync.Mutex
	metric pipeline.Metric
	sum    float64
	open   []sweep.Report // not told yet
	wake   chan struct{}
	// telling is held while reports are on their way.
	telling sync.Mutex
}

// hearing is told every value of every metric.
type hearing func(key string, step int64, value float64)

// metricSum adds what was heard to what is kept of an attempt, in which there may
// not be room for all metrics.
type metricSum func(map[string]pipeline.Metric) map[string]pipeline.Metric

// listen follows the metric of a trial's attempt until the context ends; of a step
// that is no trial it does nothing. Whoever heard before hears as well.
func (a *Activities) listen(ctx context.Context, left Left, heard hearing) (hearing, metricSum) {
	if left.Input.Watch == nil {
		return heard, func(metrics map[string]pipeline.Metric) map[string]pipeline.Metric { return metrics }
	}
	w := &watcher{Watch: *left.Input.Watch, wake: make(chan struct{}, 1)}
	kept := w.kept
	if w.Early != nil && a.Temporal != nil {
		send := func(ctx context.Context, r TrialReport) error {
			return a.Temporal.SignalWorkflow(ctx, left.Workflow, left.Run, ReportSignal, r)
		}
		go w.tell(ctx, send)
		kept = func(metrics map[string]pipeline.Metric) map[string]pipeline.Metric {
			// Others are judged by how this one stood: the sweep has to know
			// before it knows of the end.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastReport)
			defer cancel()
			_ = w.tellNow(last, send)
			return w.kept(metrics)
		}
	}
	return func(key string, step int64, value float64) {
		if heard != nil {
			heard(key, step, value)
		}
		w.hear(key, step, value)
	}, kept
}

// lastReport bounds how long the end of a trial waits for its last reports to be
// told.
const lastReport = 5 * time.Second

func (w *watcher) hear(key string, step int64, value float64) {
	if key != w.Metric {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.metric = w.metric.Add(step, value)
	w.sum += value
	count := int(w.metric.Count)
	if w.Early == nil || !sweep.Judged(w.Early, count) {
		return
	}
	w.open = append(w.open, sweep.Report{
		Count: count, Best: pipeline.Number64(w.metric.Best(w.Minimise)), Mean: pipeline.Number64(w.sum / float64(count)),
	})
	if len(w.open) > maxReports {
		w.open = everySecond(w.open)
	}
	w.wakeUp()
}

// everySecond thins a list out, and keeps its end.
func everySecond(list []sweep.Report) []sweep.Report {
	var kept []sweep.Report
	for i, r := range list {
		if (len(list)-1-i)%2 == 0 {
			kept = append(kept, r)
		}
	}
	return kept
}

func (w *watcher) kept(metrics map[string]pipeline.Metric) map[string]pipeline.Metric {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := metrics[w.Metric]; there || w.metric.Count == 0 {
		return metrics
	}
	all := maps.Clone(metrics)
	if all == nil {
		all = make(map[string]pipeline.Metric)
	}
	all[w.Metric] = w.metric
	return all
}

// sending tells the sweep.
type sending func(context.Context, TrialReport) error

// tellNow sends what there is to tell, and keeps it where that does not work.
func (w *watcher) tellNow(ctx context.Context, send sending) error {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.mu.Lock()
	open := w.open
	w.open = nil
	w.mu.Unlock()
	if len(open) == 0 {
		return nil
	}
	err := send(ctx, TrialReport{Trial: w.Trial, Reports: open})
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.open = slices.Concat(open, w.open); len(w.open) > maxReports {
			w.open = everySecond(w.open)
		}
	}
	return err
}

// wakeUp has what there is to tell be told.
func (w *watcher) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// tell sends what there is to tell, at a bounded rate.
func (w *watcher) tell(ctx context.Context, send sending) {
	begin := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		if w.tellNow(ctx, send) != nil {
			w.wakeUp() // it is told later
		}
		pause := max(time.Second, time.Since(begin)/time.Duration(max(w.Share, 1)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// namesOf are some names of metrics, in order.
func namesOf(metrics map[string]pipeline.Metric, most int) []string {
	names := slices.Sorted(maps.Keys(metrics))
	return names[:min(len(names), most)]
}
