package lineage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// Where the step that ran is no longer recorded, the one that reused it stands
// for it.
func TestAStepWhoseOriginIsForgotten(t *testing.T) {
	w := trained(t)
	if err := os.RemoveAll(filepath.Join(w.dir, "jobs", "first")); err != nil {
		t.Fatal(err)
	}
	g := w.read()
	l := g.Around(w.find(g, "second/train/model"), lineage.Upstream, 0)
	if got := draw(l.Up(), 0); !strings.Contains(got, "data azureml:iris:1 (input raw)") || strings.Contains(got, "first/") {
		t.Errorf("made from\n%s", got)
	}
}

// A deleted asset is still known from the plans that used it.
func TestADeletedAsset(t *testing.T) {
	w := trained(t)
	if err := w.catalog.Forget(t.Context(), pipeline.DataAsset, "iris", "1"); err != nil {
		t.Fatal(err)
	}
	g := w.read()
	s, err := g.Find(t.Context(), "azureml:iris:1", pipeline.DataAsset)
	if err != nil {
		t.Fatal(err)
	}
	l := g.Around(s, lineage.Downstream, 1)
	if missing := l.Nodes[0].Missing; !strings.Contains(missing, "no longer in the store") || len(l.Down()) != 1 {
		t.Errorf("missing %q, %d branches", missing, len(l.Down()))
	}
}

// What was shared is followed from one store to another, both ways.
func TestSharedAssets(t *testing.T) {
	w := trained(t)
	shared := newWorld(t)
	shared.clock = w.clock
	shared.create(asset.Version{Kind: pipeline.ModelAsset, Name: "flowers", Version: "7", Type: "custom_model", Artifact: w.content("model"),
		Origin: &asset.Origin{Asset: "azureml:iris:1"}})
	const far = "azureml://registries/team/models/flowers/versions/7"
	w.job(pipeline.Plan{Name: "fifth", Type: pipeline.CommandJob, Steps: []pipeline.Step{{Name: "main",
		Environment: pipeline.Environment{Asset: "azureml://registries/gone/environments/x/versions/1"},
		Inputs:      []pipeline.Input{source("model", pipeline.Source{URI: "x", Asset: far, Artifact: w.content("model")})}}}},
		pipeline.StepState{Name: "main"})
	options := lineage.Options{Store: w.store, Registries: []string{"team"}, Registry: func(_ context.Context, name string) (*asset.Catalog, error) {
		if name != "team" {
			return nil, errors.New("its store does not answer")
		}
		return shared.catalog, nil
	}}
	for _, looked := range [][]string{{"team"}, nil} {
		options.Registries = looked
		g, err := lineage.Read(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		l := g.Around(w.find(g, "azureml://registries/team/models/flowers/labels/latest"), lineage.Both, 0)
		if up := draw(l.Up(), 0); !strings.Contains(up, "model azureml:iris:1 (shared )") || !strings.Contains(up, "output first/train/model (registered )") {
			t.Errorf("made from\n%s", up)
		}
		if down := draw(l.Down(), 0); !strings.Contains(down, "step fifth/main (input model)") {
			t.Errorf("made from it\n%s", down)
		}
		l = g.Around(w.find(g, "fifth/main"), lineage.Upstream, 0)
		i := slices.IndexFunc(l.Nodes, func(n *lineage.Node) bool { return n.Kind == "environment" })
		if i < 0 || !strings.Contains(l.Nodes[i].Missing, "its store does not answer") {
			t.Errorf("nothing says why the environment is not known: %+v", l.Nodes)
		}
	}
}

// Of a job that has not ended, the steps that have are known.
func TestAJobThatHasNotEnded(t *testing.T) {
	w := trained(t)
	if err := os.Remove(filepath.Join(w.dir, "jobs", "fourth", "ended.json")); err != nil {
		t.Fatal(err)
	}
	if l := w.around("file:///tmp/downloaded"); len(l.Down()) != 0 {
		t.Errorf("made from it\n%s", draw(l.Down(), 0))
	}
	err := record.New(w.store).Note(t.Context(), "fourth", "1", []pipeline.StepState{{Name: "main", Status: pipeline.Completed, Started: w.tick(), Ended: w.tick()}})
	if err != nil {
		t.Fatal(err)
	}
	if got := draw(w.around("file:///tmp/downloaded").Down(), 0); got != "step fourth/main (input copy)\n" {
		t.Errorf("made from it\n%s", got)
	}
}

// FuzzRecords reads records that say anything.
func FuzzRecords(f *testing.F) {
	f.Add(`{"type":"command","steps":[{"name":"main","inputs":[{"name":"x","binding":{"source":{"uri":"u","asset":"azureml:a"}}}]}]}`,
		`{"steps":[{"name":"main","status":"Completed","outputs":{"o":{"digest":"x"}},"reused_from":{"job":"fuzzed","step":"main"}}]}`)
	f.Add(`{"outputs":[{"name":"o","from":{"step":"s","output":"o"}}],"steps":[{"name":"s","environment":{"build":{"context":{}}}},{"name":"s"},{}]}`,
		`{"steps":[{"name":"s","start_time":"2026-01-01T00:00:00Z","inputs":{"a":{}},"outputs":{"":{},"o":{"digest":"blake3:"}}},{"name":""}]}`)
	f.Add(`null`, `{"steps":null}`)
	f.Fuzz(func(t *testing.T, plan, ended string) {
		w := newWorld(t)
		if err := record.New(w.store).Submit(t.Context(), record.Submitted{Name: "fuzzed", Plan: w.content(plan).Digest, Created: w.tick()}); err != nil {
			t.Fatal(err)
		}
		if err := w.store.WriteRecord(t.Context(), "jobs/fuzzed/ended.json", []byte(ended)); err != nil {
			t.Fatal(err)
		}
		g := w.read()
		for _, text := range []string{"fuzzed", "fuzzed/main", "fuzzed/s/o", "azureml:a", "blake3:"} {
			if s, err := g.Find(t.Context(), text, ""); err == nil {
				l := g.Around(s, lineage.Both, 1)
				_ = draw(l.Up(), 0) + draw(l.Down(), 0)
			}
		}
	})
}

// Damaged records are named, and hide nothing else.
func TestDamagedRecords(t *testing.T) {
	for name, damage := range map[string]func(w *world) string{
		"submitted": func(w *world) string { return w.spoil("jobs/third/submitted.json", `{"name":`) },
		"ended":     func(w *world) string { return w.spoil("jobs/third/ended.json", `[]`) },
		"a plan that is none": func(w *world) string {
			return w.spoil("jobs/third/submitted.json", `{"name":"third","plan":"../../etc"}`)
		},
		"a plan that is gone": func(w *world) string {
			return w.spoil("jobs/third/submitted.json", `{"name":"third","plan":"blake3:`+strings.Repeat("0", 64)+`"}`)
		},
		"an asset": func(w *world) string { return w.spoil("assets/component/train/versions/2.json", `{`) },
		"a plan of other things": func(w *world) string {
			return w.spoil("jobs/third/submitted.json", `{"name":"third","plan":"`+string(w.content(`{"steps":[{"name":7}]}`).Digest)+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := trained(t)
			what := damage(w)
			g := w.read()
			if len(g.Problems) != 1 || !strings.Contains(g.Problems[0], what) {
				t.Errorf("problems: %q, want one about %s", g.Problems, what)
			}
			l := g.Around(w.find(g, "first/train/model"), lineage.Both, 0)
			if got := draw(l.Down(), 0); !strings.Contains(got, "fourth/main") {
				t.Errorf("made from it\n%s", got)
			}
		})
	}
}

// spoil overwrites a record, and returns what a complaint about it has to name.
func (w *world) spoil(key, text string) string {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, key), []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
	return strings.Split(key, "/")[len(strings.Split(key, "/"))/2]
}

// Records that lie about each other lead in circles, and to an end.
func TestCircles(t *testing.T) {
	w := newWorld(t)
	same := w.content("same")
	steps := []pipeline.Step{
		{Name: "a", Inputs: []pipeline.Input{sibling("x", "b", "out"), sibling("self", "a", "out")}},
		{Name: "b", Inputs: []pipeline.Input{sibling("y", "a", "out"), sibling("none", "c", "out")}},
	}
	made := map[string]pipeline.Artifact{"out": *same, "../x": {Digest: "blake3:short"}}
	w.job(pipeline.Plan{Name: "one", Steps: steps},
		pipeline.StepState{Name: "a", Reused: &pipeline.Origin{Job: "two", Step: "a"}, Outputs: made},
		pipeline.StepState{Name: "b", Outputs: made})
	w.job(pipeline.Plan{Name: "two", Steps: steps},
		pipeline.StepState{Name: "a", Reused: &pipeline.Origin{Job: "one", Step: "a"}, Outputs: made},
		pipeline.StepState{Name: "b", Reused: &pipeline.Origin{Job: "two", Step: "b"}, Outputs: made},
		pipeline.StepState{Name: "unplanned", Outputs: made})
	w.create(asset.Version{Kind: pipeline.DataAsset, Name: "x", Version: "1", Artifact: same, Origin: &asset.Origin{Asset: "azureml:y:1"}})
	w.create(asset.Version{Kind: pipeline.DataAsset, Name: "y", Version: "1", Artifact: same, Origin: &asset.Origin{Asset: "azureml:x:1"}})
	g := w.read()
	for _, text := range []string{"one", "two", "one/a", "two/b", "two/b/out", string(same.Digest), "azureml:x:1", "short"} {
		s, err := g.Find(t.Context(), text, "")
		if err != nil {
			continue
		}
		l := g.Around(s, lineage.Both, 0)
		if draw(l.Up(), 0)+draw(l.Down(), 0) == "" && text != "short" {
			t.Errorf("nothing around %s", text)
		}
	}
}

// The newest jobs are read where there are too many.
func TestManyJobs(t *testing.T) {
	w := trained(t)
	g, err := lineage.Read(t.Context(), lineage.Options{Store: w.store, Most: 2})
	if err != nil {
		t.Fatal(err)
	}
	if g.LeftOut != 2 {
		t.Errorf("%d jobs left out, want 2", g.LeftOut)
	}
	w.find(g, "fourth")
	if _, err := g.Find(t.Context(), "first", ""); err == nil {
		t.Error("the oldest job was read")
	}
}
