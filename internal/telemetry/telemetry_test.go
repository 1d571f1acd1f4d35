package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
)

// lively are metrics in which everything has happened once.
func lively(t *testing.T) *Metrics {
	t.Helper()
	m := NewMetrics("test")
	o := &Observer{Metrics: m}
	for outcome, kind := range map[string]string{"completed": "", "failed": "user", "cancelled": "", "given_back": "", "": ""} {
		ctx, ended := o.Began(t.Context(), "job", "train", "cpu", 1, 2*time.Second)
		o.Phase(ctx, "run")(nil)
		ended(outcome, kind, errors.New("no"))
	}
	o.Reused("job", "train", "cpu")
	o.Prepared("cpu", time.Second, nil)
	o.Prepared("cpu", time.Second, errors.New("no network"))
	m.WatchUse(func() Use {
		return Use{Queues: []QueueUse{{"cpu", 4, 3}, {"gpu", 2, 1}}, GPUs: 2, GPUsUsed: 1, Memory: 64, MemoryUsed: 32}
	})
	m.WatchStore(func() artifact.Stats { return artifact.Stats{Downloaded: 10, Hits: 3, Misses: 1, CacheMax: 100} })
	sdk := m.Temporal().WithTags(map[string]string{"task_queue": "cpu"})
	for range 2 { // found again
		sdk.Counter("temporal_request").Inc(2)
		sdk.WithTags(map[string]string{"poller-type": "x"}).Gauge("temporal_num_pollers").Update(5)
		sdk.WithTags(map[string]string{"poller-type": "y", "more": "z"}).Gauge("temporal_num_pollers").Update(6)
		sdk.Timer("temporal_request_latency").Record(time.Second)
	}
	return m
}

func serve(t *testing.T, m *Metrics) *Endpoint {
	t.Helper()
	e, err := Listen(":0", m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func get(t *testing.T, e *Endpoint, path string) (int, string) {
	t.Helper()
	r, err := http.Get("http://" + e.Addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestWhatPrometheusScrapes(t *testing.T) {
	e := serve(t, lively(t))
	if !strings.HasPrefix(e.Addr(), "127.0.0.1:") {
		t.Errorf("listens at %s, not only for this machine", e.Addr())
	}
	code, page := get(t, e, "/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d: %s", code, page)
	}
	for _, want := range []string{
		`millrace_build_info{version="test"} 1`,
		`millrace_steps_total{kind="",outcome="completed",queue="cpu"} 1`,
		`millrace_steps_total{kind="user",outcome="failed",queue="cpu"} 1`,
		`millrace_steps_total{kind="",outcome="reused",queue="cpu"} 1`,
		`millrace_steps_total{kind="",outcome="given_back",queue="cpu"} 1`,
		`millrace_queue_wait_seconds_sum{queue="cpu"} 10`,
		`millrace_step_duration_seconds_count{outcome="completed",queue="cpu"} 1`,
		`millrace_phase_duration_seconds_count{phase="run",queue="cpu"} 5`,
		`millrace_environment_duration_seconds_count{queue="cpu",result="failed"} 1`,
		`millrace_slots{queue="cpu"} 4`, `millrace_slots_used{queue="gpu"} 1`,
		`millrace_gpus 2`, `millrace_gpus_used 1`, `millrace_memory_used_bytes 32`,
		`millrace_store_downloaded_bytes_total 10`, `millrace_cache_hits_total 3`, `millrace_cache_max_bytes 100`,
		`temporal_request_total{task_queue="cpu"} 4`,
		`temporal_num_pollers{poller_type="x",task_queue="cpu"} 5`,
		`temporal_num_pollers{more="z",poller_type="y",task_queue="cpu"} 6`,
		`temporal_request_latency_seconds_count{task_queue="cpu"} 2`,
		"go_goroutines", "process_start_time_seconds",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if strings.Contains(page, `outcome=""`) {
		t.Error("a step that waits for another has an outcome")
	}
}

func TestHealthIsSaidInWords(t *testing.T) {
	var health, ready error
	e := serve(t, NewMetrics("test"))
	look := func(path string, code int, words string) {
		t.Helper()
		if gotCode, got := get(t, e, path); gotCode != code || !strings.Contains(got, words) {
			t.Errorf("%s: %d %q, want %d %q", path, gotCode, got, code, words)
		}
	}
	look("/healthz", 503, "starting")
	e.Report(func(context.Context) error { return health }, func(context.Context) error { return ready })
	look("/healthz", 200, "ok")
	look("/readyz", 200, "ok")
	ready = errors.New("the worker takes no further steps")
	look("/healthz", 200, "ok")
	look("/readyz", 503, "takes no further steps")
	health = errors.New("the store does not answer")
	look("/healthz", 503, "the store does not answer")
	look("/readyz", 503, "the store does not answer")
	look("/other", 404, "")
}

func TestAnAddressThatIsTakenIsRefused(t *testing.T) {
	e := serve(t, NewMetrics("test"))
	if _, err := Listen(e.Addr(), NewMetrics("test")); err == nil || !strings.Contains(err.Error(), "serve metrics") {
		t.Errorf("error = %v", err)
	}
}

// metricName finds what an expression of Prometheus asks for.
var metricName = regexp.MustCompile(`\b(millrace|temporal|go|process)_[a-z0-9_]+`)

func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "grafana", "millrace.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			ID          int
			Title, Type string
			Targets     []struct{ Expr, RefID string }
		}
		Templating struct {
			List []struct{ Query any }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	families, err := lively(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range families {
		known[f.GetName()] = true
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			known[f.GetName()+suffix] = f.GetType().String() == "HISTOGRAM"
		}
	}
	look := func(where, expr string) {
		names := metricName.FindAllString(expr, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for no metric: %s", where, expr)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s asks for %s, which is no metric", where, name)
			}
		}
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q has an id that another one has", p.Title)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			look(fmt.Sprintf("panel %q", p.Title), target.Expr)
		}
	}
	for _, v := range board.Templating.List {
		if query, ok := v.Query.(string); ok && strings.Contains(query, "label_values") {
			look("a variable", query)
		}
	}
}

func TestTheLogSaysWhatBecomesOfSteps(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLog(&out, JSON, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	o := &Observer{Log: log}
	_, ended := o.Began(t.Context(), "brave_mill", "train.fit", "gpu", 2, 0)
	ended("failed", "user", errors.New("exit code 3"))
	o.Reused("brave_mill", "prep", "cpu") // only with debug
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	var last map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &last); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"level": "WARN", "msg": "step failed", "job": "brave_mill", "step": "train.fit", "queue": "gpu",
		"attempt": 2.0, "kind": "user", "error": "exit code 3",
	} {
		if last[key] != want {
			t.Errorf("%s = %v, want %v", key, last[key], want)
		}
	}
	if _, err := NewLog(&out, "xml", 0); err == nil || !strings.Contains(err.Error(), "text or json") {
		t.Errorf("error = %v", err)
	}
}

func TestNothingIsToldToNobody(t *testing.T) {
	for _, o := range []*Observer{nil, {}} {
		ctx, ended := o.Began(t.Context(), "job", "step", "cpu", 1, time.Second)
		o.Phase(ctx, "run")(errors.New("no"))
		ended("failed", "user", errors.New("no"))
		o.Reused("job", "step", "cpu")
		o.Prepared("cpu", time.Second, errors.New("no"))
		if env := o.Environ(ctx); env != nil {
			t.Errorf("the program gets %v", env)
		}
	}
	var traces *Traces
	if i, err := traces.Interceptors(); i != nil || err != nil {
		t.Errorf("interceptors %v, %v", i, err)
	}
}
