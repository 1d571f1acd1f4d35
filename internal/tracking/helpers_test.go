package tracking

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// attempt is an attempt of a step, and a program in it that reports.
type attempt struct {
	*testing.T
	of  step.Tracked
	env map[string]string
	*session

	mu    sync.Mutex
	notes []string
	heard []string
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begin opens the session of an attempt.
func begin(t *testing.T) *attempt {
	t.Helper()
	a := &attempt{T: t}
	a.of = step.Tracked{
		Job: "job", Experiment: "Default", ExperimentID: "e1", Step: "train", Run: "job-train", Folder: t.TempDir(),
		Note: func(text string) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.notes = append(a.notes, text)
		},
		Metric: func(key string, step int64, value float64) {
			text, err := json.Marshal([]any{key, step, number(value)})
			must(t, err)
			a.heard = append(a.heard, string(text))
		},
	}
	a.open()
	t.Cleanup(func() {
		select {
		case <-a.done:
		default:
			a.Leave()
		}
	})
	return a
}

// open opens the session, or opens it again as the next worker does.
func (a *attempt) open() {
	a.Helper()
	if a.session != nil {
		a.of.Record = a.Record()
		http.DefaultClient.CloseIdleConnections()
		a.heard = nil
	}
	s, err := New(Tracker{User: "ada"}).Open(a.of)
	must(a, err)
	a.session = s.(*session)
	a.env = map[string]string{}
	a.Environ("main", a.env)
}

// hears is what the attempt's owner was told so far.
func (a *attempt) hears() []string {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	return slices.Clone(a.heard)
}

// says is what the step's log was told so far.
func (a *attempt) says() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.notes)
}

// send sends a request as it is and returns the answer's status and text.
func (a *attempt) send(method, path, token string, body string) (int, string) {
	a.Helper()
	r, err := http.NewRequestWithContext(a.Context(), method, a.env["MLFLOW_TRACKING_URI"]+path, strings.NewReader(body))
	must(a, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	must(a, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(a, err)
	return answer.StatusCode, string(text)
}

// call calls an endpoint and returns its answer.
func (a *attempt) call(call string, body string) map[string]any {
	a.Helper()
	status, text := a.try(call, body)
	if status != http.StatusOK {
		a.Fatalf("%s %s: got %d %s", call, body, status, text)
	}
	var answer map[string]any
	must(a, json.Unmarshal([]byte(text), &answer))
	return answer
}

func (a *attempt) try(call string, body string) (int, string) {
	a.Helper()
	method, path, _ := strings.Cut(call, " ")
	return a.send(method, "/api/2.0/mlflow/"+path, a.env["MLFLOW_TRACKING_TOKEN"], body)
}

// refused wants a call to be refused with a code.
func (a *attempt) refused(code, call, body string) {
	a.Helper()
	status, text := a.try(call, body)
	var r refusal
	_ = json.Unmarshal([]byte(text), &r)
	if status < 400 || status >= 500 || r.Code != code || r.Message == "" {
		a.Errorf("%s %s: got %d %s, want %s", call, body, status, text, code)
	}
}

// wants compares a part of an answer with JSON.
func (a *attempt) wants(got any, want string) {
	a.Helper()
	text, err := json.Marshal(got)
	must(a, err)
	var compact bytes.Buffer
	must(a, json.Compact(&compact, []byte(want)))
	if string(text) != compact.String() {
		a.Errorf("got  %s\nwant %s", text, compact.String())
	}
}

// at looks into an answer.
func at(answer any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := answer.(map[string]any)
			answer = m[p]
		case int:
			list, _ := answer.([]any)
			if p >= len(list) {
				return nil
			}
			answer = list[p]
		}
	}
	return answer
}

func (a *attempt) write(name, text string) {
	a.Helper()
	file, err := os.OpenFile(filepath.Join(a.of.Folder, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(a, err)
	_, err = file.WriteString(text)
	must(a, err)
	must(a, file.Close())
}

// metric is how a metric of a report stands, in JSON.
func metric(report step.Report, key string) string {
	m, ok := report.Metrics[key]
	if !ok {
		return "none"
	}
	text, _ := json.Marshal(struct {
		pipeline.Metric
	}{m})
	return string(text)
}
