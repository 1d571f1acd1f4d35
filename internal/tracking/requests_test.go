package tracking

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/step"
)

// Whatever is sent, the answer is one that clients understand: never that the
// server is in trouble, over which they would try again.
func FuzzRequests(f *testing.F) {
	calls := slices.Sorted(keysOf(routes()))
	for i := range calls {
		for _, body := range []string{`{}`, `{"run_id":"job-train","key":"a","value":"1","timestamp":"3","metrics":[{"key":"x","value":NaN,"timestamp":1}]}`,
			`{"name":"net","source":"runs:/job-train/a","filter":"name = 'a'","order_by":["name DESC"]}`, `{"trace":{"trace_info":{"trace_id":"t"}}}`} {
			f.Add(i, "x", "a=b", body)
		}
	}
	f.Fuzz(func(t *testing.T, i int, name, query, body string) {
		s := &session{Tracker: New(Tracker{User: "ada"}), of: step.Tracked{Run: "job-train", Step: "train", ExperimentID: "e1", Folder: t.TempDir(), Note: func(string) {}}, done: make(chan struct{})}
		s.state = s.begin()
		defer s.Leave()
		method, path, _ := strings.Cut(calls[(i%len(calls)+len(calls))%len(calls)], " ")
		r := httptest.NewRequestWithContext(t.Context(), method, "/api/2.0/mlflow/"+strings.ReplaceAll(path, "*", url.PathEscape(name)), strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer ")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s %s: got %d %s", method, r.URL, body, w.Code, w.Body)
		}
		// What was taken is taken up by the next worker.
		if s.journal.root != nil {
			before, err := json.Marshal(s.summary())
			must(t, err)
			s.journal.close()
			next := &session{Tracker: s.Tracker, of: s.of, kept: s.kept}
			next.state = next.begin()
			must(t, s.journal.read(next.state.apply))
			if after, err := json.Marshal(next.summary()); err != nil || string(before) != string(after) {
				t.Errorf("%s %s %s:\nbefore %s\nafter  %s, %v", method, r.URL, body, before, after, err)
			}
		}
	})
}

func BenchmarkASessionThatNobodyUses(b *testing.B) {
	t := New(Tracker{User: "ada"})
	of := step.Tracked{Run: "job-train", Step: "train", ExperimentID: "e1", Folder: b.TempDir(), Note: func(string) {}}
	for b.Loop() {
		s, err := t.Open(of)
		must(b, err)
		s.Environ("main", map[string]string{})
		s.Close(b.Context())
	}
}

func BenchmarkLogMetric(b *testing.B) {
	s, err := New(Tracker{User: "ada"}).Open(step.Tracked{Run: "job-train", Step: "train", ExperimentID: "e1", Folder: b.TempDir(), Note: func(string) {}})
	must(b, err)
	defer s.Leave()
	own := s.(*session)
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/api/2.0/mlflow/runs/log-metric",
			strings.NewReader(`{"run_uuid":"job-train","run_id":"job-train","key":"loss","value":0.5,"timestamp":1795406752000,"step":1}`))
		r.Header.Set("Authorization", "Bearer "+own.kept.Token)
		w := httptest.NewRecorder()
		if own.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
