package runs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/metrics"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// reported are the artifacts of a step that has reported loss values, and what
// else it has told.
func (p *past) reported(told string, losses ...float64) pipeline.Artifact {
	p.t.Helper()
	var points []metrics.Point
	for i, loss := range losses {
		points = append(points, metrics.Point{Run: "own", Key: "loss", Step: int64(i), Time: time.UnixMilli(int64(i)), Value: loss},
			metrics.Point{Run: "fold1id", Key: "loss", Step: int64(i), Time: time.UnixMilli(int64(i)), Value: -loss})
	}
	var b bytes.Buffer
	p.must(metrics.Write(&b, points))
	return p.tree(map[string]string{metrics.File: b.String(), toldFile: told})
}

const toldText = `{"run": {"run_id": "own", "name": "train", "params": {"depth": %q}}, "runs": [{"run_id": "fold1id", "name": "fold 1"}]}`

// trained records a job whose train step has reported metrics.
func (p *past) trained(name, rate string, code, left pipeline.Artifact) {
	p.t.Helper()
	p.ran(training(name, rate, code), time.Now(), pipeline.Completed)
	end, err := p.records.Ended(p.t.Context(), name)
	p.must(err)
	train := &end.Steps[1]
	train.Outputs = map[string]pipeline.Artifact{pipeline.Artifacts: left}
	train.Metrics = map[string]pipeline.Metric{"loss": {Last: 1, Min: 1, Max: 3, Count: 3}}
	p.must(p.records.End(p.t.Context(), name, end))
}

func TestTheMetricsOfAStepAreThoseOfAllItsRuns(t *testing.T) {
	p := newPast(t)
	p.trained("calm", "0.1", p.tree(map[string]string{"train.py": "1"}), p.reported(fmt.Sprintf(toldText, "3"), 3, 2, 1))
	_, all, err := p.Metrics(t.Context(), "calm", "")
	p.must(err)
	if len(all) != 1 || all[0].State.Name != "train" || len(all[0].Series) != 2 {
		t.Fatalf("got %+v", all)
	}
	own, fold := all[0].Series[0], all[0].Series[1]
	if own.Run != "" || own.Metric.Last != 1 || len(own.Points) != 3 || fold.Run != "fold 1" || fold.Metric.Last != -1 {
		t.Errorf("got %+v and %+v", own, fold)
	}
	if got := all[0].Own(); len(got) != 1 || got[0].Key != "loss" {
		t.Errorf("its own: %+v", got)
	}
	if _, _, err := p.Metrics(t.Context(), "calm", "nope"); err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("another step: %v", err)
	}
	// Child jobs, as az names them, are steps.
	if _, all, err = p.Metrics(t.Context(), "calm-prepare", ""); err != nil || len(all) != 0 {
		t.Errorf("the other step: %+v, %v", all, err)
	}
}

func TestMetricsAreSummedUpWhereTheSeriesAreGone(t *testing.T) {
	p := newPast(t)
	p.trained("calm", "0.1", p.tree(map[string]string{"train.py": "1"}), pipeline.Artifact{Digest: pipeline.Digest("blake3:" + strings.Repeat("0", 64)), Tree: true})
	_, all, err := p.Metrics(t.Context(), "calm", "train")
	p.must(err)
	if len(all) != 1 || all[0].Series != nil || len(all[0].Sums()) != 1 || all[0].Sums()[0].Metric.Count != 3 {
		t.Errorf("got %+v", all)
	}
}

func TestRunsOfOneNameAreToldApart(t *testing.T) {
	series := []metrics.Series{{Run: "a"}, {Run: "b"}, {Run: "c"}, {Run: "d"}, {Run: "unknown"}}
	of := told{Run: toldRun{ID: "a"}, Runs: []toldRun{{ID: "b", Name: "fold"}, {ID: "c", Name: "fold"}, {ID: "d"}}}
	of.entitle(series)
	var names []string
	for _, s := range series {
		names = append(names, s.Run)
	}
	if diff := cmp.Diff([]string{"", "fold (b)", "fold (c)", "d", "unknown"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestJobsAreComparedStepByStep(t *testing.T) {
	p := newPast(t)
	one, two := p.tree(map[string]string{"train.py": "1", "lib.py": "l"}), p.tree(map[string]string{"train.py": "2", "lib.py": "l", "new.py": "n"})
	p.trained("first", "0.1", one, p.reported(fmt.Sprintf(toldText, "3"), 3, 2, 1))
	p.trained("second", "0.2", two, p.reported(fmt.Sprintf(toldText, "3"), 3, 2, 0.5))
	c, err := p.Compare(t.Context(), "first", "second")
	p.must(err)
	got := map[string]string{}
	for _, f := range c.Facts {
		var values []string
		for _, v := range f.Values {
			if v == nil {
				values = append(values, "-")
			} else {
				values = append(values, *v)
			}
		}
		if f.Differs {
			got[string(f.Section)+" "+f.Step+" "+f.Name] = strings.Join(values, " | ")
		}
	}
	want := map[string]string{
		"parameters train rate": "0.1 | 0.2",
		"metrics train loss":    "1 | 0.5",
		"code train code":       string(one.Digest) + " | " + string(two.Digest),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	i := slices.IndexFunc(c.Facts, func(f Fact) bool { return f.Name == "code" && f.Differs })
	if diff := cmp.Diff([][]FileChange{{{"added", "new.py"}, {"changed", "train.py"}}}, c.Facts[i].Files); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(c.Facts, func(f Fact) bool { return f.Name == "depth" && !f.Differs && *f.Values[0] == "3" }) {
		t.Error("what is the same is not there")
	}
	if _, err := p.Compare(t.Context(), "first", "nope"); err == nil {
		t.Error("a job that never was is compared")
	}
}

func TestAJobThatHasOtherStepsIsComparedToo(t *testing.T) {
	p := newPast(t)
	code := p.tree(map[string]string{"train.py": "1"})
	p.ran(training("first", "0.1", code), time.Now(), pipeline.Completed)
	plan, err := p.Store.PutBytes(t.Context(), []byte(`{"schema":1,"name":"other","steps":[{"name":"prepare","command":null,"environment":{}}]}`))
	p.must(err)
	p.must(p.records.Submit(t.Context(), record.Submitted{Name: "other", Plan: plan.Digest, Created: time.Now()}))
	p.must(p.records.End(t.Context(), "other", record.Ended{Status: pipeline.Completed, Steps: []pipeline.StepState{{Name: "prepare", Status: pipeline.Completed}}}))
	c, err := p.Compare(t.Context(), "first", "other")
	p.must(err)
	for _, f := range c.Facts {
		if f.Step == "train" && f.Values[1] != nil {
			t.Errorf("%s of train is %s where there is no such step", f.Name, *f.Values[1])
		}
	}
}
