package main

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/telemetry"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workers"
)

// telemetryFlags are those of the commands that run steps.
type telemetryFlags struct {
	metrics, logFormat, logLevel, cacheMax string
}

func (t *telemetryFlags) add(f *pflag.FlagSet) {
	f.StringVar(&t.metrics, "metrics", "", "`address` at which Prometheus is answered, such as :9464 for this machine only (MILLRACE_METRICS)")
	f.StringVar(&t.cacheMax, "cache-max", "", "`size` up to which files from a store that is a bucket are kept on this machine, such as 50g; 0 keeps none (default: 20g, or half of the free disk)")
}

// addLog adds the flags of the commands that go on until they are stopped.
func (t *telemetryFlags) addLog(f *pflag.FlagSet) {
	f.StringVar(&t.logFormat, "log-format", "", "have what is said on stderr be a log: `text` or json")
	f.StringVar(&t.logLevel, "log-level", "", "the `least` that is logged: debug, info, warn or error (default: info)")
}

func (t *telemetryFlags) fill(f *config.Flags, given func(flag string) bool) {
	for flag, of := range map[string]struct {
		from *string
		into **string
	}{
		"metrics": {&t.metrics, &f.Telemetry.Metrics}, "cache-max": {&t.cacheMax, &f.CacheMax},
		"log-format": {&t.logFormat, &f.Telemetry.LogFormat}, "log-level": {&t.logLevel, &f.Telemetry.LogLevel},
	} {
		if given(flag) {
			*of.into = of.from
		}
	}
}

// instruments are what this process tells of itself with. All are nil where
// nobody asked for them.
type instruments struct {
	telemetry.Observer
	endpoint *telemetry.Endpoint
	// use are the workers that run now; a worker that follows its server starts
	// anew.
	use     atomic.Pointer[workers.Workers]
	watched bool
}

// openTraces makes what sends traces, for any command; nil where the environment
// names no receiver.
func (a *app) openTraces() (*telemetry.Traces, error) {
	if !telemetry.Tracing(a.env.LookupEnv) {
		return nil, nil
	}
	t, err := telemetry.NewTraces(context.Background(), buildVersion(), a.log())
	if err != nil {
		return nil, wrongUsage("look at the OTEL_EXPORTER_OTLP_ variables", "%w", err)
	}
	a.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), tracePatience)
		defer cancel()
		_ = t.Close(ctx)
	})
	return t, nil
}

// openTelemetry makes the instruments that the settings of a process that runs
// steps ask for.
func (a *app) openTelemetry() (*instruments, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	i := &instruments{}
	if i.Traces, err = a.traces(); err != nil {
		return nil, err
	}
	i.Log = a.voice(c)
	if c.Telemetry.Metrics != "" {
		i.Metrics = telemetry.NewMetrics(buildVersion())
		if i.endpoint, err = telemetry.Listen(c.Telemetry.Metrics, i.Metrics); err != nil {
			return nil, unreachable(err, "choose another address with --metrics")
		}
		i.Metrics.WatchUse(i.lent)
		a.later(func() { _ = i.endpoint.Close() })
		a.say("metrics at http://%s/metrics", i.endpoint.Addr())
	}
	return i, nil
}

// tracePatience is how long a command that ends waits for its traces to be
// taken.
const tracePatience = 5 * time.Second

// voice is the log on stderr; nil where people watch and have asked for none.
func (a *app) voice(c config.Config) *slog.Logger {
	t := c.Telemetry
	if t.LogFormat == "" && t.LogLevel == nil && !a.flags.serving.logs {
		return nil
	}
	level := slog.LevelInfo
	if a.flags.onlyErrors {
		level = slog.LevelError
	}
	if t.LogLevel != nil {
		level = *t.LogLevel
	}
	log, err := telemetry.NewLog(a.Err, cmp.Or(t.LogFormat, telemetry.Text), level)
	if err != nil {
		return nil // the settings were checked
	}
	return log
}

// speak has what is said be logged, where a log was asked for.
func (a *app) speak(c config.Config) {
	if t := c.Telemetry; t.LogFormat != "" || t.LogLevel != nil {
		a.spoken = a.voice(c)
	}
}

// span is a span of a trace for something that a command does.
func (a *app) span(ctx context.Context, name string) (context.Context, func(error)) {
	t, err := a.traces()
	if err != nil {
		return ctx, func(error) {} // whoever connects says it
	}
	return t.Start(ctx, name)
}

// instrument has a client of Temporal, and the workers that use it, be traced
// and measured.
func (a *app) instrument(o *client.Options) error {
	traces, err := a.traces()
	if err != nil {
		return err
	}
	if o.Interceptors, err = traces.Interceptors(); err != nil || !a.flags.serving.serves {
		return err
	}
	i, err := a.telemetry()
	if err == nil && i.Metrics != nil {
		o.MetricsHandler = i.Metrics.Temporal()
	}
	return err
}

// equip gives workers their cache and somebody to tell what they do.
func (a *app) equip(c config.Config, o *workers.Options) error {
	i, err := a.telemetry()
	if err != nil {
		return err
	}
	o.Observer = &i.Observer
	o.Store, err = a.withCache(c, o.Store)
	if err == nil && !i.watched {
		i.watched = true
		i.Metrics.WatchStore(o.Store.Stats)
	}
	return err
}

// withCache is the store with a cache of its files on this machine, where it is
// a bucket.
func (a *app) withCache(c config.Config, store *artifact.Store) (*artifact.Store, error) {
	h, err := a.home()
	if err != nil || store.Dir() != "" {
		return store, err
	}
	dir := filepath.Join(h.Dir(), "cache")
	var bound int64
	if c.CacheMax == "" || c.CacheMax == "auto" {
		bound, err = artifact.CacheMax(dir)
	} else {
		bound, err = pipeline.ParseSize(c.CacheMax)
	}
	if err != nil {
		return nil, err
	}
	with, err := store.WithCache(dir, bound)
	if err != nil {
		return nil, unreachable(err, "--cache-max 0 does without a cache")
	}
	return with, nil
}

// watch has whoever asks be told how workers are.
func (a *app) watch(w *workers.Workers) {
	i, err := a.telemetry()
	if err != nil {
		return // said already
	}
	i.endpoint.Report(w.Health, w.Ready)
	i.use.Store(w)
}

// lent is what the workers of this process lend now.
func (i *instruments) lent() telemetry.Use {
	w := i.use.Load()
	if w == nil {
		return telemetry.Use{}
	}
	u := w.Load()
	of := telemetry.Use{GPUs: u.GPUs, GPUsUsed: u.GPUsUsed, Memory: u.Memory, MemoryUsed: u.MemoryUsed}
	for _, q := range u.Queues {
		of.Queues = append(of.Queues, telemetry.QueueUse(q))
	}
	return of
}
