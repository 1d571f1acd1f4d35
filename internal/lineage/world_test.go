package lineage_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

var update = flag.Bool("update", false, "write what the tests see to the files they compare with")

// world is a store with records, as jobs would leave them.
type world struct {
	testing.TB
	store   *artifact.Store
	dir     string
	catalog *asset.Catalog
	clock   time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	store, err := artifact.Open(t.Context(), (&url.URL{Scheme: "file", Path: dir}).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &world{t, store, dir, asset.New(store), time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
}

// content is an artifact with a text in it.
func (w *world) content(text string) *pipeline.Artifact {
	w.Helper()
	a, err := w.store.PutBytes(w.Context(), []byte(text))
	if err != nil {
		w.Fatal(err)
	}
	return &a
}

func (w *world) tick() time.Time {
	w.clock = w.clock.Add(time.Minute)
	return w.clock
}

// job records a job that has ended.
func (w *world) job(p pipeline.Plan, states ...pipeline.StepState) {
	w.Helper()
	p.Schema = pipeline.PlanSchema
	if p.Type == "" {
		p.Type = pipeline.PipelineJob
	}
	text, err := json.Marshal(p)
	if err != nil {
		w.Fatal(err)
	}
	plan, err := w.store.PutBytes(w.Context(), text)
	if err != nil {
		w.Fatal(err)
	}
	records := record.New(w.store)
	if err := records.Submit(w.Context(), record.Submitted{Name: p.Name, Type: p.Type, Plan: plan.Digest, Created: w.tick()}); err != nil {
		w.Fatal(err)
	}
	for i := range states {
		states[i].Started = w.tick()
		states[i].Ended = w.tick()
		if states[i].Status == "" {
			states[i].Status = pipeline.Completed
		}
	}
	if err := records.End(w.Context(), p.Name, record.Ended{Status: pipeline.Completed, Steps: states, Ended: w.tick()}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(v asset.Version) {
	w.Helper()
	v.Created = w.tick()
	if _, _, err := w.catalog.Create(w.Context(), v); err != nil {
		w.Fatal(err)
	}
}

func (w *world) read() *lineage.Graph {
	w.Helper()
	g, err := lineage.Read(w.Context(), lineage.Options{Store: w.store})
	if err != nil {
		w.Fatal(err)
	}
	return g
}

func (w *world) find(g *lineage.Graph, text string) lineage.Start {
	w.Helper()
	s, err := g.Find(w.Context(), text, "")
	if err != nil {
		w.Fatalf("Find(%s): %v", text, err)
	}
	return s
}

func literal(name, text string) pipeline.Input {
	return pipeline.Input{Name: name, Type: pipeline.String, Binding: pipeline.Binding{Literal: &text}}
}

func sibling(name, step, output string) pipeline.Input {
	return pipeline.Input{Name: name, Type: pipeline.URIFile, Binding: pipeline.Binding{Step: &pipeline.OutputRef{Step: step, Output: output}}}
}

func source(name string, s pipeline.Source) pipeline.Input {
	return pipeline.Input{Name: name, Type: pipeline.URIFile, Binding: pipeline.Binding{Source: &s}}
}

// trained is a world in which a model was trained from a data asset, reused,
// and used by others.
func trained(t *testing.T) *world {
	w := newWorld(t)
	raw, clean, model, code := w.content("raw"), w.content("clean"), w.content("model"), w.content("code")
	w.create(asset.Version{Kind: pipeline.DataAsset, Name: "iris", Version: "1", Type: "uri_file", Artifact: raw})
	w.create(asset.Version{Kind: pipeline.ComponentAsset, Name: "train", Version: "2", Type: "command",
		Definition: "command: python train.py\n", Artifacts: []pipeline.Artifact{*code}})
	plan := func(name string) pipeline.Plan {
		return pipeline.Plan{
			Name:    name,
			Outputs: []pipeline.JobOutput{{Name: "best", From: &pipeline.OutputRef{Step: "train", Output: "model"}}},
			Steps: []pipeline.Step{
				{Name: "clean", Inputs: []pipeline.Input{source("raw", pipeline.Source{URI: "iris", Asset: "azureml:iris:1", Artifact: raw}), literal("n", "3")},
					Environment: pipeline.Environment{Image: "python:3.12"}, Outputs: []pipeline.Output{{Name: "data"}}},
				{Name: "train", ComponentAsset: "azureml:train:2", Code: &pipeline.Code{Artifact: code},
					Inputs:  []pipeline.Input{sibling("data", "clean", "data"), source("notes", pipeline.Source{URI: "file:///home/ann/notes.txt", Artifact: w.content("notes")})},
					Outputs: []pipeline.Output{{Name: "model", Path: "azureml://datastores/shop/paths/${{name}}/model"}}},
			},
		}
	}
	logs := *w.content("logs")
	w.job(plan("first"),
		pipeline.StepState{Name: "clean", Outputs: map[string]pipeline.Artifact{"data": *clean, "artifacts": logs}},
		pipeline.StepState{Name: "train", Outputs: map[string]pipeline.Artifact{"model": *model, "artifacts": logs}})
	w.job(plan("second"),
		pipeline.StepState{Name: "clean", Reused: &pipeline.Origin{Job: "first", Step: "clean"}, Outputs: map[string]pipeline.Artifact{"data": *clean, "artifacts": logs}},
		pipeline.StepState{Name: "train", Reused: &pipeline.Origin{Job: "first", Step: "train"}, Outputs: map[string]pipeline.Artifact{"model": *model, "artifacts": logs}})
	w.create(asset.Version{Kind: pipeline.ModelAsset, Name: "iris", Version: "1", Type: "custom_model", Artifact: model,
		Origin: &asset.Origin{Job: "second", Step: "train", Output: "model"}})
	w.job(pipeline.Plan{Name: "third", Type: pipeline.CommandJob, Steps: []pipeline.Step{{Name: "main",
		Inputs: []pipeline.Input{{Name: "model", Type: pipeline.CustomModel, Binding: pipeline.Binding{Source: &pipeline.Source{URI: "x", Asset: "azureml:iris:1", Artifact: model}}}}}}},
		pipeline.StepState{Name: "main", Status: pipeline.Failed})
	w.job(pipeline.Plan{Name: "fourth", Type: pipeline.CommandJob, Steps: []pipeline.Step{{Name: "main",
		Inputs: []pipeline.Input{source("copy", pipeline.Source{URI: "file:///tmp/downloaded", Artifact: model})}}}},
		pipeline.StepState{Name: "main", Outputs: map[string]pipeline.Artifact{"scores": *w.content("scores")}})
	return w
}

// around is everything around a start; of one that is not known, nothing.
func (w *world) around(text string) *lineage.Lineage {
	w.Helper()
	g := w.read()
	s, err := g.Find(w.Context(), text, "")
	if err != nil {
		return g.Around(lineage.Start{}, lineage.Both, 0)
	}
	return g.Around(s, lineage.Both, 0)
}

// draw writes branches in a plain form.
func draw(branches []*lineage.Branch, depth int) string {
	var b strings.Builder
	for _, branch := range branches {
		fmt.Fprintf(&b, "%*s%s %s", 2*depth, "", branch.Node.Kind, branch.Node.Name)
		if branch.By != "" {
			fmt.Fprintf(&b, " (%s %s)", branch.By, branch.Port)
		}
		for text, is := range map[string]bool{"repeated": branch.Repeated, "cut": branch.Cut} {
			if is {
				fmt.Fprintf(&b, " %s", text)
			}
		}
		b.WriteString("\n" + draw(branch.Branches, depth+1))
	}
	return b.String()
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (- want, + got):\n%s", path, diff)
	}
}
