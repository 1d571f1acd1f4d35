package step_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// tracker is one whose sessions write down what is asked of them.
type tracker struct {
	said   []string
	opened []step.Tracked
}

func (t *tracker) Open(of step.Tracked) (step.Session, error) {
	t.said = append(t.said, "open "+string(of.Record))
	t.opened = append(t.opened, of)
	return &session{t, of}, nil
}

type session struct {
	*tracker
	of step.Tracked
}

func (s *session) Record() json.RawMessage { return json.RawMessage(`"here"`) }

func (s *session) Environ(process string, env map[string]string) {
	env["REPORT_TO"] = s.of.Run + " " + process
}

func (s *session) Leave() { s.said = append(s.said, "leave") }

func (s *session) Close(context.Context) step.Report {
	s.said = append(s.said, "close")
	folder := filepath.Join(s.of.Folder, "reported")
	if os.MkdirAll(folder, 0o755) != nil || os.WriteFile(filepath.Join(folder, "a.txt"), []byte("a"), 0o600) != nil {
		return step.Report{}
	}
	s.of.Metric("loss", 1, 0.5)
	return step.Report{
		Metrics: map[string]pipeline.Metric{"loss": pipeline.Metric{}.Add(1, 0.5)},
		Models:  []pipeline.Model{{Name: "net", Path: "a.txt", Type: pipeline.CustomModel}},
		Folders: []step.Reported{{Path: "", Folder: folder}, {Path: "below", Folder: filepath.Join(s.of.Folder, "nothing")}},
	}
}

func TestWhatIsReportedIsKeptWithTheStep(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		fails   bool
	}{
		"of one that ends well": {command: `echo "$REPORT_TO"; echo b > outputs/b.txt`},
		"of one that fails":     {command: `echo "$REPORT_TO"; echo b > outputs/b.txt; exit 3`, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			w, tracker := newWorld(t), new(tracker)
			w.Tracker = tracker
			a := attempt(test.command)
			var heard []float64
			a.Metric = func(_ string, _ int64, value float64) { heard = append(heard, value) }
			var result step.Result
			if test.fails {
				_, result = w.fail(t, a, pipeline.UserFailure)
			} else {
				result, _ = w.run(t, a)
			}
			want := map[string]string{"outputs/b.txt": "b\n", "user_logs/std_log.txt": "job-main-work main\n", "a.txt": "a"}
			if diff := cmp.Diff(want, w.contents(t, result.Outputs[pipeline.Artifacts])); diff != "" {
				t.Error(diff)
			}
			if len(result.Models) != 1 || result.Metrics["loss"].Last != 0.5 || !slices.Equal(heard, []float64{0.5}) {
				t.Errorf("got %+v, heard %v", result, heard)
			}
			if diff := cmp.Diff([]string{"open ", "close"}, tracker.said); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheNextWorkerGoesOnTakingReports(t *testing.T) {
	w, tracker := newWorld(t), new(tracker)
	w.Tracker = tracker
	a := attempt(`touch ready; until [ -e go ]; do sleep 0.02; done`)
	w.left(t, a)
	next := w.next()
	o := next.orphan(t)
	must(t, os.WriteFile(w.wd("go"), nil, 0o600))
	a.Metric = func(string, int64, float64) {}
	result, err := o.Resume(t.Context(), a)
	must(t, err)
	if diff := cmp.Diff([]string{"open ", "leave", `open "here"`, "close"}, tracker.said); diff != "" {
		t.Error(diff)
	}
	if tracker.opened[1].Folder != tracker.opened[0].Folder || result.Metrics["loss"].Count != 1 {
		t.Errorf("got %+v, %+v", tracker.opened, result)
	}
}

func TestAFileMaySayWhereItsProgramReportsTo(t *testing.T) {
	w, tracker := newWorld(t), new(tracker)
	w.Tracker = tracker
	a := attempt("true")
	a.Metric = func(string, int64, float64) {}
	a.Step.Variables = map[string]string{"MLFLOW_TRACKING_URI": "http://elsewhere"}
	w.run(t, a)
	if !tracker.opened[0].Elsewhere {
		t.Errorf("got %+v", tracker.opened)
	}
}
