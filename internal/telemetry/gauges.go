package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// Use is what a process lends to steps at one moment.
type Use struct {
	Queues []QueueUse
	// GPUs and Memory are what there is, GPUsUsed and MemoryUsed what steps
	// have of it. Memory is in bytes; 0 where it is not counted.
	GPUs, GPUsUsed     int
	Memory, MemoryUsed int64
}

// QueueUse is what a process lends to the steps of one queue. Queues may share
// their slots.
type QueueUse struct {
	Queue       string
	Slots, Used int
}

// WatchUse has each scrape ask what is lent.
func (m *Metrics) WatchUse(use func() Use) {
	if m != nil {
		m.registry.MustRegister(useCollector(use))
	}
}

// WatchStore has each scrape ask what a store has moved.
func (m *Metrics) WatchStore(stats func() artifact.Stats) {
	if m != nil {
		m.registry.MustRegister(storeCollector(stats))
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	slotsDesc      = desc("millrace_slots", "Steps that may run at once, by queue; queues may share their slots.", "queue")
	slotsUsedDesc  = desc("millrace_slots_used", "Steps that run now, by queue.", "queue")
	gpusDesc       = desc("millrace_gpus", "GPUs that are lent to steps.")
	gpusUsedDesc   = desc("millrace_gpus_used", "GPUs that steps have now.")
	memoryDesc     = desc("millrace_memory_bytes", "Memory that is lent to steps that declare what they need; 0 where it is not counted.")
	memoryUsedDesc = desc("millrace_memory_used_bytes", "Memory that running steps have declared.")
)

// useCollector asks for what is lent when it is scraped.
type useCollector func() Use

// Describe implements [prometheus.Collector].
func (c useCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{slotsDesc, slotsUsedDesc, gpusDesc, gpusUsedDesc, memoryDesc, memoryUsedDesc} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c useCollector) Collect(to chan<- prometheus.Metric) {
	u := c()
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	for _, q := range u.Queues {
		gauge(slotsDesc, float64(q.Slots), q.Queue)
		gauge(slotsUsedDesc, float64(q.Used), q.Queue)
	}
	gauge(gpusDesc, float64(u.GPUs))
	gauge(gpusUsedDesc, float64(u.GPUsUsed))
	gauge(memoryDesc, float64(u.Memory))
	gauge(memoryUsedDesc, float64(u.MemoryUsed))
}

// storeMetrics says what of a store's numbers becomes which metric.
var storeMetrics = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(artifact.Stats) int64
}{
	{desc("millrace_store_downloaded_bytes_total", "Bytes of artifacts that came from the store."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.Downloaded }},
	{desc("millrace_store_uploaded_bytes_total", "Bytes of artifacts that went to the store."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.Uploaded }},
	{desc("millrace_cache_hits_total", "Files that the worker's cache had when they were asked for."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.Hits }},
	{desc("millrace_cache_hit_bytes_total", "Bytes that the worker's cache saved from being downloaded."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.HitBytes }},
	{desc("millrace_cache_misses_total", "Files that had to be downloaded to the worker's cache."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.Misses }},
	{desc("millrace_cache_evictions_total", "Files that had to make room in the worker's cache."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.Evicted }},
	{desc("millrace_cache_evicted_bytes_total", "Bytes that had to make room in the worker's cache."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.EvictedBytes }},
	{desc("millrace_cache_damaged_total", "Files in the worker's cache that were found changed and deleted."), prometheus.CounterValue, func(s artifact.Stats) int64 { return s.Damaged }},
	{desc("millrace_cache_bytes", "Bytes in the worker's cache, of all workers that share it."), prometheus.GaugeValue, func(s artifact.Stats) int64 { return s.CacheBytes }},
	{desc("millrace_cache_max_bytes", "Bytes that the worker's cache may hold; 0 without a cache."), prometheus.GaugeValue, func(s artifact.Stats) int64 { return s.CacheMax }},
}

// storeCollector asks for what a store has moved when it is scraped.
type storeCollector func() artifact.Stats

// Describe implements [prometheus.Collector].
func (c storeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range storeMetrics {
		to <- m.desc
	}
}

// Collect implements [prometheus.Collector].
func (c storeCollector) Collect(to chan<- prometheus.Metric) {
	now := c()
	for _, m := range storeMetrics {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.of(now)))
	}
}
