package lineage_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	store, err := artifact.Open(t.Context(), "file://"+dir)
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

// TestLineage draws the trees of every start of the world, and compares them
// with testdata.
func TestLineage(t *testing.T) {
	w := trained(t)
	g := w.read()
	if len(g.Problems) > 0 {
		t.Errorf("problems: %q", g.Problems)
	}
	for name, text := range map[string]string{
		"model": "azureml:iris:1", "data": "azureml:iris:1", "component": "azureml:train@latest",
		"output": "first/train/model", "reused_output": "second/train/model", "job_output": "azureml://jobs/second/outputs/best",
		"step": "first/clean", "command": "third/main", "job": "second", "place": "file:///home/ann/notes.txt",
		"published": "azureml://datastores/shop/paths/first-train/model",
		"content":   string(w.content("model").Digest), "short_content": w.content("code").Digest.Short(),
	} {
		t.Run(name, func(t *testing.T) {
			var kind pipeline.AssetKind
			if name == "model" || name == "data" {
				kind = pipeline.AssetKind(name)
			}
			s, err := g.Find(t.Context(), text, kind)
			if err != nil {
				t.Fatal(err)
			}
			l := g.Around(s, lineage.Both, 0)
			compare(t, filepath.Join("testdata", name+".txt"), l.Title+"\n\nmade from\n"+draw(l.Up(), 1)+"\nmade from it\n"+draw(l.Down(), 1))
		})
	}
}

func TestEitherWay(t *testing.T) {
	w := trained(t)
	g := w.read()
	s := w.find(g, "first/train")
	for d, want := range map[lineage.Direction][2]bool{lineage.Upstream: {true, false}, lineage.Downstream: {false, true}, lineage.Both: {true, true}} {
		l := g.Around(s, d, 0)
		if got := [2]bool{len(l.Up()) > 0, len(l.Down()) > 0}; got != want {
			t.Errorf("direction %d goes up, down: %v, want %v", d, got, want)
		}
	}
}

// The depth is how many steps the walk goes through.
func TestDepth(t *testing.T) {
	w := trained(t)
	g := w.read()
	s, err := g.Find(t.Context(), "azureml:iris:1", pipeline.DataAsset)
	if err != nil {
		t.Fatal(err)
	}
	steps := func(l *lineage.Lineage) (names []string) {
		for _, n := range l.Nodes {
			if n.Kind == lineage.Step {
				names = append(names, n.Name)
			}
		}
		return names
	}
	for depth, want := range [][]string{
		1: {"first/clean"},
		2: {"first/clean", "first/train"},
		3: {"first/clean", "first/train", "third/main", "fourth/main"},
	} {
		if depth == 0 {
			continue
		}
		l := g.Around(s, lineage.Downstream, depth)
		if diff := cmp.Diff(want, steps(l)); diff != "" {
			t.Errorf("depth %d (- want, + got):\n%s", depth, diff)
		}
		if cut := len(l.More) > 0; cut != (depth < 3) {
			t.Errorf("depth %d: more at %q", depth, l.More)
		}
	}
}

// Edges lead from what was there to what came of it, between nodes that are
// part of the answer.
func TestEdgesHaveTheirNodes(t *testing.T) {
	w := trained(t)
	g := w.read()
	l := g.Around(w.find(g, "second"), lineage.Both, 0)
	nodes := map[string]bool{}
	for _, n := range l.Nodes {
		if nodes[n.ID] {
			t.Errorf("%s is there twice", n.ID)
		}
		nodes[n.ID] = true
	}
	for _, e := range l.Edges {
		if !nodes[e.From] || !nodes[e.To] {
			t.Errorf("an edge leads from %s to %s", e.From, e.To)
		}
	}
	if len(l.Nodes) < 10 || len(l.Edges) < 10 {
		t.Errorf("only %d nodes and %d edges", len(l.Nodes), len(l.Edges))
	}
}

func TestReusedStepsAreTheOnesThatRan(t *testing.T) {
	w := trained(t)
	g := w.read()
	for reused, ran := range map[string]string{"second/train": "first/train", "second/train/model": "first/train/model", "second-train": "first/train"} {
		s := w.find(g, reused)
		l := g.Around(s, lineage.Both, 0)
		i := slices.IndexFunc(l.Nodes, func(n *lineage.Node) bool { return n.ID == s.Nodes[0] })
		if n := l.Nodes[i]; n.Name != ran || !strings.Contains(l.Title, reused) {
			t.Errorf("%s leads to %s (%s), want %s", reused, n.Name, l.Title, ran)
		}
	}
}

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

func TestWhatIsNotThere(t *testing.T) {
	w := trained(t)
	g := w.read()
	for text, want := range map[string]string{
		"azureml:iriss:1":                "did you mean azureml:iris?",
		"azureml:train:9":                "has no version 9 (it has 2)",
		"azureml:iris:1":                 "say which with --type data",
		"azureml:a b":                    "write azureml:NAME:VERSION",
		"frist":                          "did you mean first?",
		"first/trian":                    "it has first/clean/artifacts, first/clean/data",
		"first/train/modl":               "first/train/model",
		"frist/train":                    "did you mean first?",
		"azureml://jobs/first/outputs/x": "is not the output of a job",
		"blake3:00000000":                "no recorded step",
		"blake3:":                        "digests begin with",
		"0123456789":                     "no recorded step",
		"file:///nowhere":                "no recorded step has read or written",
		"":                               "is recorded",
		"/":                              "is recorded",
		"azureml:":                       "does not name an asset",
	} {
		_, err := g.Find(t.Context(), text, "")
		unknown, ok := errors.AsType[*lineage.Unknown](err)
		if !ok {
			t.Errorf("Find(%q) = %v", text, err)
		} else if all := unknown.Message + "\n" + unknown.Hint; !strings.Contains(all, want) {
			t.Errorf("Find(%q) says %q, want %q", text, all, want)
		}
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
