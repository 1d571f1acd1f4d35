package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers of one process, for Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	sdk      *sdkMetrics

	steps        *prometheus.CounterVec
	queueWait    *prometheus.HistogramVec
	duration     *prometheus.HistogramVec
	phases       *prometheus.HistogramVec
	environments *prometheus.HistogramVec
}

// Buckets, in seconds: steps take from a moment to days, requests less.
var (
	long  = []float64{.01, .1, .5, 2, 10, 60, 300, 1800, 2 * 3600, 8 * 3600, 24 * 3600, 72 * 3600}
	short = []float64{.005, .02, .1, .5, 1, 5, 15, 60, 300, 1800}
)

// NewMetrics makes the metrics of a process of that version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		sdk:      newSDKMetrics(),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_steps_total",
			Help: "Attempts of steps that have ended, by queue and outcome: completed, reused, failed, cancelled, given_back. Kind says whose failure it was.",
		}, []string{"queue", "outcome", "kind"}),
		queueWait: histogram("millrace_queue_wait_seconds", "How long steps waited in a queue for a worker.", long, "queue"),
		duration:  histogram("millrace_step_duration_seconds", "How long attempts took, from the worker's taking the step to its result.", long, "queue", "outcome"),
		phases:    histogram("millrace_phase_duration_seconds", "How long attempts took to stage their inputs, to run their program, to commit their outputs.", long, "queue", "phase"),
		environments: histogram("millrace_environment_duration_seconds",
			"How long it took to make an environment ready or to find that it is, by result: ready, failed.", short, "queue", "result"),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "millrace_build_info", Help: "The version that runs; always 1."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(build, m.steps, m.queueWait, m.duration, m.phases, m.environments, m.sdk,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler answers with all metrics, in Prometheus's format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) waited(queue string, d time.Duration) {
	if m != nil && d > 0 {
		m.queueWait.WithLabelValues(queue).Observe(d.Seconds())
	}
}

func (m *Metrics) ended(queue, outcome, kind string, took time.Duration) {
	if m == nil {
		return
	}
	m.steps.WithLabelValues(queue, outcome, kind).Inc()
	if took > 0 {
		m.duration.WithLabelValues(queue, outcome).Observe(took.Seconds())
	}
}

func (m *Metrics) phase(queue, name string, took time.Duration) {
	if m != nil {
		m.phases.WithLabelValues(queue, name).Observe(took.Seconds())
	}
}

func (m *Metrics) prepared(queue string, took time.Duration, err error) {
	if m == nil {
		return
	}
	result := "ready"
	if err != nil {
		result = "failed"
	}
	m.environments.WithLabelValues(queue, result).Observe(took.Seconds())
}
