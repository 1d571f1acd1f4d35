package telemetry

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// sdkMetrics are those that Temporal's client and workers keep of themselves.
// Their names begin with temporal_; which labels they have, the SDK decides as
// it goes, so that they are not described beforehand.
type sdkMetrics struct {
	mu     sync.Mutex
	series map[string]prometheus.Metric
}

func newSDKMetrics() *sdkMetrics { return &sdkMetrics{series: map[string]prometheus.Metric{}} }

// Temporal is what a client of Temporal is given, so that its metrics are here;
// nil where there are none.
func (m *Metrics) Temporal() client.MetricsHandler {
	if m == nil {
		return nil
	}
	return &sdkHandler{metrics: m.sdk}
}

// Describe implements [prometheus.Collector].
func (*sdkMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (s *sdkMetrics) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, metric := range s.series {
		to <- metric
	}
}

// sdkHandler makes metrics with some labels.
type sdkHandler struct {
	metrics *sdkMetrics
	labels  prometheus.Labels
}

// WithTags implements [client.MetricsHandler].
func (h *sdkHandler) WithTags(tags map[string]string) client.MetricsHandler {
	all := maps.Clone(h.labels)
	if all == nil {
		all = prometheus.Labels{}
	}
	for name, value := range tags {
		all[plain(name)] = value
	}
	return &sdkHandler{metrics: h.metrics, labels: all}
}

// Counter implements [client.MetricsHandler].
func (h *sdkHandler) Counter(name string) client.MetricsCounter {
	name = strings.TrimSuffix(plain(name), "_total") + "_total"
	return sdkCounter{find(h, name, func(o prometheus.Opts) prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts(o)) })}
}

// Gauge implements [client.MetricsHandler].
func (h *sdkHandler) Gauge(name string) client.MetricsGauge {
	return sdkGauge{find(h, plain(name), func(o prometheus.Opts) prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts(o)) })}
}

// Timer implements [client.MetricsHandler].
func (h *sdkHandler) Timer(name string) client.MetricsTimer {
	return sdkTimer{find(h, plain(name)+"_seconds", func(o prometheus.Opts) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: o.Name, Help: o.Help, ConstLabels: o.ConstLabels, Buckets: short})
	})}
}

// find returns the series with the handler's labels, which is made when it is
// first asked for.
func find[M prometheus.Metric](h *sdkHandler, name string, fresh func(prometheus.Opts) M) M {
	var key strings.Builder
	key.WriteString(name)
	for _, label := range slices.Sorted(maps.Keys(h.labels)) {
		key.WriteString("\x00" + label + "\x00" + h.labels[label])
	}
	h.metrics.mu.Lock()
	defer h.metrics.mu.Unlock()
	if known, ok := h.metrics.series[key.String()].(M); ok {
		return known
	}
	made := fresh(prometheus.Opts{Name: name, Help: "A metric of Temporal's SDK.", ConstLabels: h.labels})
	h.metrics.series[key.String()] = made
	return made
}

var notPlain = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// plain is a name as Prometheus takes it.
func plain(name string) string { return notPlain.ReplaceAllString(name, "_") }

type sdkCounter struct{ prometheus.Counter }

// Inc implements [client.MetricsCounter].
func (c sdkCounter) Inc(n int64) { c.Add(float64(max(0, n))) }

type sdkGauge struct{ prometheus.Gauge }

// Update implements [client.MetricsGauge].
func (g sdkGauge) Update(n float64) { g.Set(n) }

type sdkTimer struct{ prometheus.Histogram }

// Record implements [client.MetricsTimer].
func (t sdkTimer) Record(d time.Duration) { t.Observe(d.Seconds()) }
