package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is one span as a receiver of traces gets it.
type span struct{ trace, id, parent, name, step string }

// receiver takes traces by OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []span
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if err := r.take(q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(q *http.Request) error {
	body := io.Reader(q.Body)
	if q.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(q.Body); err != nil {
			return err
		}
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(b, &request); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				got := span{hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId), s.Name, ""}
				for _, a := range s.Attributes {
					if a.Key == "millrace.step" {
						got.step = a.Value.GetStringValue()
					}
				}
				r.spans = append(r.spans, got)
			}
		}
	}
	return nil
}

// ways are the names from the root down to each span; a step's activity bears
// the name of the step, too.
func (r *receiver) ways() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := map[string]span{}
	for _, s := range r.spans {
		at[s.id] = s
	}
	var all []string
	for _, s := range r.spans {
		way := s.label()
		for parent, ok := at[s.parent]; ok; parent, ok = at[parent.parent] {
			way = parent.label() + " > " + way
		}
		if s.trace != r.spans[0].trace {
			way = "another trace: " + way
		}
		all = append(all, way)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (s span) label() string {
	if s.step != "" {
		return s.name + " " + s.step
	}
	return s.name
}

const tracedFile = `
type: pipeline
jobs:
  first:
    command: echo $TRACEPARENT > ${{outputs.o}}
    environment: {image: x}
    outputs: {o: {type: uri_file}}
  second:
    command: cat ${{inputs.i}}; echo $TRACEPARENT
    environment: {image: x}
    inputs: {i: "${{parent.jobs.first.outputs.o}}"}
`

func TestOneJobIsOneTrace(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	h := newHome(t)
	file := h.write("pipeline.yml", tracedFile)
	run := h.command("run", file, "--name", "traced", "--stream")
	run.Env = append(run.Env, "MILLRACE_ENVIRONMENTS=host", "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL)
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ways := strings.Join(r.ways(), "\n")
	const workflow = "job create > StartWorkflow:Pipeline > RunWorkflow:Pipeline > "
	for _, step := range []string{"first", "second"} {
		activity := workflow + "StartActivity:Step > RunActivity:Step " + step
		for _, phase := range []string{"", " > stage", " > run", " > commit"} {
			if !strings.Contains(ways+"\n", activity+phase+"\n") {
				t.Errorf("there is no %s", activity+phase)
			}
		}
	}
	if strings.Contains(ways, "another trace") || t.Failed() {
		t.Errorf("the spans:\n%s", ways)
	}
	// The programs were given the trace that they belong to.
	r.mu.Lock()
	trace := r.spans[0].trace
	r.mu.Unlock()
	if n := len(regexp.MustCompile(`00-`+trace+`-[0-9a-f]{16}-01`).FindAll(out, -1)); n != 2 {
		t.Errorf("%d programs know of trace %s:\n%s", n, trace, out)
	}
}

// What workers tell Prometheus and the log, with a store that is a bucket.
func TestWorkersTellWhatTheyDo(t *testing.T) {
	t.Parallel()
	server, environment, err := s3Environment("MILLRACE_STORE")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	h := newHome(t)
	environment["MILLRACE_ENVIRONMENTS"] = "host"
	command := func(args ...string) *exec.Cmd {
		cmd := h.command(args...)
		for name, value := range environment {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return cmd
	}
	dev := command("dev", "--ui=false", "--metrics", ":0", "--log-format", "json", "--cache-max", "1g")
	stderr, err := dev.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewScanner(stderr)
	var said []map[string]any
	hear := func(want string) string {
		t.Helper()
		for log.Scan() {
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("not a line of JSON: %s", log.Text())
			}
			said = append(said, line)
			if text := fmt.Sprint(line["msg"]); strings.Contains(text, want) {
				return text
			}
		}
		t.Fatalf("it never said %q but %v", want, said)
		return ""
	}
	address := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(hear("metrics at"))
	get := func(path string) (int, string) {
		answer, err := http.Get(address + path)
		if err != nil {
			return 0, err.Error()
		}
		defer answer.Body.Close()
		b, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(b)
	}
	await := func(what string, is func() bool) {
		t.Helper()
		for begin := time.Now(); !is(); time.Sleep(50 * time.Millisecond) {
			if time.Since(begin) > patience {
				_, page := get("/metrics")
				t.Fatalf("%s is still not so\n%s", what, page)
			}
		}
	}
	await("ready", func() bool { code, _ := get("/readyz"); return code == http.StatusOK })
	file := h.write("pipeline.yml", `
type: pipeline
jobs:
  make:
    command: seq 100000 > ${{outputs.o}}
    environment: {image: x}
    outputs: {o: {type: uri_file}}
  look:
    command: wc -l ${{inputs.i}}
    environment: {image: x}
    inputs: {i: "${{parent.jobs.make.outputs.o}}"}
  fail:
    command: exit 3
    environment: {image: x}
    inputs: {i: "${{parent.jobs.make.outputs.o}}"}
`)
	for range 2 {
		if out, err := command("job", "create", "-f", file, "--stream").CombinedOutput(); err == nil {
			t.Fatalf("the job did not fail\n%s", out)
		}
	}
	sees := func(pattern string) func() bool {
		return func() bool {
			_, page := get("/metrics")
			return regexp.MustCompile("(?m)^" + pattern + "$").MatchString(page)
		}
	}
	for _, pattern := range []string{
		`millrace_steps_total\{kind="",outcome="completed",queue="cpu"\} 2`,
		`millrace_steps_total\{kind="",outcome="reused",queue="cpu"\} 2`,
		`millrace_steps_total\{kind="user",outcome="failed",queue="cpu"\} 2`,
		`millrace_queue_wait_seconds_count\{queue="cpu"\} 4`,
		`millrace_phase_duration_seconds_count\{phase="run",queue="cpu"\} 4`,
		`millrace_slots_used\{queue="cpu"\} 0`,
		`millrace_store_uploaded_bytes_total [1-9].*`,
		`millrace_cache_hits_total [1-9].*`,
		`millrace_cache_max_bytes 1\.073741824e\+09`,
		`temporal_num_pollers\{.*task_queue="cpu".*\} [1-9].*`,
	} {
		await(pattern, sees(pattern))
	}
	for _, end := range []string{"step failed", "step failed"} {
		hear(end)
	}
	// The store goes, and comes not back.
	server.Close()
	await("not healthy", func() bool {
		code, words := get("/healthz")
		return code == http.StatusServiceUnavailable && strings.Contains(words, "the store does not answer")
	})
	if err := dev.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stderr)
	if err := dev.Wait(); err != nil {
		t.Error(err)
	}
	last := said[len(said)-1]
	if last["msg"] != "step failed" || last["step"] != "fail" || last["queue"] != "cpu" || last["kind"] != "user" || last["attempt"] != 1.0 {
		t.Errorf("it said %v", last)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "home", "cache", "blobs")); err != nil {
		t.Error(err)
	}
}
