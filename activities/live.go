package activities

import (
	"maps"
	"sync"

	"github.com/millrace-ml/millrace/pipeline"
)

// live sums up what a program reports while it runs, for heartbeats.
type live struct {
	mu      sync.Mutex
	metrics map[string]pipeline.Metric
}

// hear takes in one value. Of many metrics the first are told of.
func (l *live) hear(key string, step int64, value float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, known := l.metrics[key]
	if !known && len(l.metrics) >= pipeline.MaxMetrics {
		return
	}
	if l.metrics == nil {
		l.metrics = make(map[string]pipeline.Metric)
	}
	l.metrics[key] = m.Add(step, value)
}

// now is how the metrics stand.
func (l *live) now() map[string]pipeline.Metric {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.metrics)
}

// says is what an activity tells in its heartbeats.
func (l *live) says() any { return Beat{Metrics: l.now()} }
