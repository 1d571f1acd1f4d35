package runs

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// past is a store in which jobs have run, and no server runs any more.
type past struct {
	*Service
	t *testing.T
}

func newPast(t *testing.T) *past {
	t.Helper()
	store, err := artifact.Open(context.Background(), "file://"+filepath.ToSlash(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &past{New(Options{Store: store}), t}
}

func (p *past) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// tree puts files into the store.
func (p *past) tree(files map[string]string) pipeline.Artifact {
	p.t.Helper()
	dir := p.t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		p.must(os.MkdirAll(filepath.Dir(path), 0o755))
		p.must(os.WriteFile(path, []byte(text), 0o644))
	}
	a, err := p.Store.ImportTree(context.Background(), dir, artifact.Copy)
	p.must(err)
	return a
}

// training is a pipeline of two steps, as it was submitted.
func training(job, rate string, code pipeline.Artifact) *pipeline.Plan {
	return &pipeline.Plan{
		Schema: pipeline.PlanSchema, Type: pipeline.PipelineJob, Name: job, DisplayName: "Training",
		Outputs: []pipeline.JobOutput{{Name: "best", Type: pipeline.URIFolder, From: &pipeline.OutputRef{Step: "train", Output: "model"}}},
		Steps: []pipeline.Step{
			{Name: "prepare", Queue: "cpu", Deterministic: true, Command: pipeline.Template{{Text: "prepare"}}, Outputs: []pipeline.Output{{Name: "data", Type: pipeline.URIFolder}}},
			{
				Name: "train", Queue: "gpu", Deterministic: true, Command: pipeline.Template{{Text: "train --rate "}, {Input: "rate"}},
				Code: &pipeline.Code{Artifact: &code},
				Inputs: []pipeline.Input{
					{Name: "data", Type: pipeline.URIFolder, Binding: pipeline.Binding{Step: &pipeline.OutputRef{Step: "prepare", Output: "data"}}},
					{Name: "rate", Type: pipeline.Number, Binding: pipeline.Binding{Literal: &rate}},
				},
				Outputs: []pipeline.Output{{Name: "model", Type: pipeline.URIFolder}},
			},
		},
	}
}

// ran records a job as if its train step had run.
func (p *past) ran(plan *pipeline.Plan, created time.Time, status pipeline.Status) {
	p.t.Helper()
	ctx := context.Background()
	data, err := json.Marshal(plan)
	p.must(err)
	stored, err := p.Store.PutBytes(ctx, data)
	p.must(err)
	p.must(p.records.Submit(ctx, record.Submitted{
		Name: plan.Name, Type: plan.Type, Plan: stored.Digest, Created: created, DisplayName: plan.DisplayName, File: "pipeline.yml",
	}))
	prepared, model := p.tree(map[string]string{"rows.csv": "1"}), p.tree(map[string]string{"model.json": "{}"})
	logs := p.tree(map[string]string{"user_logs/std_log.txt": "epoch 1\n"})
	step := &plan.Steps[1]
	inputs := map[string]pipeline.Value{"data": pipeline.Content(prepared), "rate": pipeline.Text(*step.Inputs[1].Binding.Literal)}
	ingredients := cache.Ingredients(step, inputs, nil)
	key := cache.KeyOf(ingredients)
	state := pipeline.StepState{Name: "train", Status: status, Queue: "gpu", Key: string(key), Inputs: map[string]pipeline.Value{"data": inputs["data"]}}
	state.Outputs = map[string]pipeline.Artifact{pipeline.Artifacts: logs}
	if status == pipeline.Completed {
		state.Outputs["model"] = model
		p.must(p.cache.Record(ctx, cache.Entry{Key: key, Job: plan.Name, Step: "train", Outputs: state.Outputs, Ingredients: ingredients, Created: created}))
	} else {
		state.Failure = &pipeline.Failure{Kind: pipeline.UserFailure, Message: "exit code 3"}
		p.must(p.cache.Note(ctx, ingredients))
	}
	p.must(p.records.End(ctx, plan.Name, record.Ended{
		Status: status, Started: created, Ended: created.Add(time.Minute),
		Steps: []pipeline.StepState{{Name: "prepare", Status: pipeline.Completed, Queue: "cpu", Key: string(cache.KeyOf(nil)), Outputs: map[string]pipeline.Artifact{"data": prepared}}, state},
	}))
}

var monday = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func TestFinishedJobsAreShownWithoutAServer(t *testing.T) {
	p := newPast(t)
	code := p.tree(map[string]string{"train.py": "print(1)"})
	p.ran(training("first", "0.1", code), monday, pipeline.Completed)
	p.ran(training("second", "0.1", code), monday.Add(time.Hour), pipeline.Failed)
	jobs, err := p.List(context.Background(), 0)
	p.must(err)
	var got []string
	for _, j := range jobs {
		got = append(got, j.Name+" "+string(j.Status))
	}
	if diff := cmp.Diff([]string{"second Failed", "first Completed"}, got); diff != "" {
		t.Error(diff)
	}
	job, err := p.Show(context.Background(), "first")
	p.must(err)
	if c := job.Count(); c.Done != 2 || c.Total != 2 {
		t.Errorf("counts %+v", c)
	}
	if _, err := p.Show(context.Background(), "third"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a job that never was: %v", err)
	}
}

func TestAJobThatNobodyServesIsNotResponding(t *testing.T) {
	p := newPast(t)
	p.must(func() error {
		stored, err := p.Store.PutBytes(context.Background(), []byte(`{"schema":1,"name":"lost","steps":[{"name":"a","command":null,"environment":{}}]}`))
		p.must(err)
		return p.records.Submit(context.Background(), record.Submitted{Name: "lost", Plan: stored.Digest, Created: monday})
	}())
	job, err := p.Show(context.Background(), "lost")
	p.must(err)
	if job.Status != pipeline.NotResponding || job.Steps[0].Status != pipeline.NotStarted {
		t.Errorf("the job is %s, its step %s", job.Status, job.Steps[0].Status)
	}
	for name, err := range map[string]error{
		"cancel": p.Cancel(context.Background(), "lost"),
		"download": func() error {
			_, err := p.Download(context.Background(), "lost", DownloadOptions{Dir: t.TempDir()})
			return err
		}(),
	} {
		want := ErrNoServer
		if name == "download" {
			want = ErrNotEnded
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestTheDocumentHasTheShapeThatScriptsRead(t *testing.T) {
	p := newPast(t)
	p.ran(training("first", "0.1", p.tree(map[string]string{"train.py": "print(1)"})), monday, pipeline.Completed)
	job, err := p.Show(context.Background(), "first")
	p.must(err)
	data, err := json.Marshal(job.Document())
	p.must(err)
	var doc struct {
		Name, Type, Status, ID string
		Display                string `json:"display_name"`
		CreationContext        struct {
			CreatedAt string `json:"created_at"`
		} `json:"creation_context"`
		Services map[string]struct{ Type string }
		Outputs  map[string]struct{ Type, Path, Digest string }
		Steps    []struct {
			Name, Status, Queue string
			Reused              bool
			Inputs              map[string]any
			Outputs             map[string]struct{ Type, Path, Digest string }
		}
	}
	p.must(json.Unmarshal(data, &doc))
	if doc.Name != "first" || doc.Type != "pipeline" || doc.Status != "Completed" || doc.Display != "Training" || doc.Services["Studio"].Type != "Studio" {
		t.Errorf("the job itself: %+v", doc)
	}
	if doc.CreationContext.CreatedAt != "2026-11-02T09:00:00.000000+00:00" {
		t.Errorf("created at %q", doc.CreationContext.CreatedAt)
	}
	train := doc.Steps[1]
	if train.Name != "train" || train.Queue != "gpu" || train.Inputs["rate"] != "0.1" || !strings.HasPrefix(train.Outputs["model"].Digest, "blake3:") {
		t.Errorf("the train step: %+v", train)
	}
	if best := doc.Outputs["best"]; best.Digest != train.Outputs["model"].Digest || best.Path != "azureml://datastores/workspaceblobstore/paths/azureml/first-train/model/" {
		t.Errorf("the output best: %+v", best)
	}
}

func TestExplanations(t *testing.T) {
	p := newPast(t)
	ctx := context.Background()
	code := p.tree(map[string]string{"train.py": "print(1)", "same.py": ""})
	p.ran(training("first", "0.1", code), monday, pipeline.Completed)
	p.ran(training("slower", "0.05", code), monday.Add(time.Hour), pipeline.Completed)
	p.ran(training("recoded", "0.05", p.tree(map[string]string{"train.py": "print(2)", "same.py": "", "new.py": ""})), monday.Add(2*time.Hour), pipeline.Completed)
	p.ran(training("broken", "0.3", code), monday.Add(3*time.Hour), pipeline.Failed)

	for _, tt := range []struct {
		job, verdict, nearest string
		changes               string
	}{
		{"first", "ran, because no earlier run of this step is known", "", ""},
		{"slower", "ran, because 1 ingredient differs from its run in job first", "first", "input rate: literal 0.1 -> literal 0.05"},
		{"recoded", "ran, because 1 ingredient differs from its run in job slower", "slower", "code: added new.py, changed train.py"},
		{"broken", "ran, because 1 ingredient differs from its run in job slower", "slower", "input rate: literal 0.05 -> literal 0.3"},
	} {
		t.Run(tt.job, func(t *testing.T) {
			e, err := p.Explain(ctx, tt.job, "train")
			p.must(err)
			if e.Verdict != tt.verdict {
				t.Errorf("verdict %q, want %q", e.Verdict, tt.verdict)
			}
			if e.Nearest == nil && tt.nearest != "" || e.Nearest != nil && e.Nearest.Job != tt.nearest {
				t.Errorf("nearest %+v, want job %q", e.Nearest, tt.nearest)
			}
			var changes []string
			for _, c := range e.Changes {
				text := c.Label + ": " + c.Old + " -> " + c.New
				if c.Files != nil {
					var files []string
					for _, f := range c.Files {
						files = append(files, string(f.Kind)+" "+f.Path)
					}
					text = c.Label + ": " + strings.Join(files, ", ")
				}
				changes = append(changes, text)
			}
			if got := strings.Join(changes, "; "); got != tt.changes {
				t.Errorf("changes %q, want %q", got, tt.changes)
			}
		})
	}
	if _, err := p.Explain(ctx, "first", "tarin"); !errors.Is(err, ErrNoStep) {
		t.Errorf("a step that is not there: %v", err)
	}
}

func TestDownloadsHaveTheFoldersOfAzureML(t *testing.T) {
	p := newPast(t)
	p.ran(training("first", "0.1", p.tree(map[string]string{"train.py": "print(1)"})), monday, pipeline.Completed)
	for _, tt := range []struct {
		name    string
		options DownloadOptions
		want    []string
	}{
		{"logs and artifacts", DownloadOptions{}, []string{"artifacts/train/user_logs/std_log.txt"}},
		{"one output", DownloadOptions{Output: "best"}, []string{"named-outputs/best/model.json"}},
		{"an output of a step", DownloadOptions{Output: "prepare.data"}, []string{"named-outputs/prepare.data/rows.csv"}},
		{"all", DownloadOptions{All: true}, []string{"artifacts/train/user_logs/std_log.txt", "named-outputs/best/model.json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Dir = t.TempDir()
			for range 2 { // a second time replaces the first
				_, err := p.Download(context.Background(), "first", tt.options)
				p.must(err)
			}
			var got []string
			p.must(filepath.WalkDir(tt.options.Dir, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					rel, _ := filepath.Rel(tt.options.Dir, path)
					got = append(got, filepath.ToSlash(rel))
				}
				return err
			}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := p.Download(context.Background(), "first", DownloadOptions{Dir: t.TempDir(), Output: "bset"})
	if !errors.Is(err, ErrNoOutput) || !strings.Contains(err.Error(), "it has best, prepare.data, train.model") {
		t.Errorf("an output that is not there: %v", err)
	}
}

func TestComputesBecomeQueues(t *testing.T) {
	s := New(Options{Queues: map[string]string{"big": "highmem", "gpu-cluster": "cpu"}})
	for _, tt := range []struct {
		compute, instance, want string
	}{
		{"", "", "cpu"},
		{"cpu-cluster", "", "cpu"},
		{"local", "", "cpu"},
		{"serverless", "", "cpu"},
		{"serverless", "Standard_NC6s_v3", "gpu"},
		{"", "STANDARD_ND40RS_V2", "gpu"},
		{"cpu-cluster", "Standard_NC6s_v3", "cpu"},
		{"my-gpu-box", "", "gpu"},
		{"batch-cluster", "", "cpu"},
		{"big", "", "highmem"},
		{"gpu-cluster", "", "cpu"},
	} {
		step := &pipeline.Step{Compute: tt.compute, Resources: pipeline.Resources{InstanceType: tt.instance}}
		if got := s.queue(step, nil); got != tt.want {
			t.Errorf("compute %q with instance %q goes to %q, want %q", tt.compute, tt.instance, got, tt.want)
		}
	}
}

func TestNamesAreAcceptedAndDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		name := NewName()
		if err := record.CheckName(name); err != nil {
			t.Fatal(err)
		}
		if strings.Count(name, "_") != 2 || seen[name] {
			t.Fatalf("name %q", name)
		}
		seen[name] = true
	}
}

func TestEverythingThatCannotBeTakenIntoTheStoreIsReported(t *testing.T) {
	p := newPast(t)
	dir := t.TempDir()
	shared := &pipeline.Code{Files: []pipeline.LocalFile{{Path: "a.py", Source: filepath.Join(dir, "a.py")}}}
	source := func(name string) pipeline.Input {
		return pipeline.Input{Name: name, Type: pipeline.URIFile, Binding: pipeline.Binding{Source: &pipeline.Source{Local: filepath.Join(dir, name), Position: "p.yml:3:4"}}}
	}
	plan := &pipeline.Plan{Name: "job", Steps: []pipeline.Step{
		{Name: "a", Code: shared, Inputs: []pipeline.Input{source("here"), source("gone")}},
		{Name: "b", Code: shared, Inputs: []pipeline.Input{source("here"), source("lost")}},
	}}
	p.must(os.WriteFile(filepath.Join(dir, "here"), []byte("1"), 0o644))
	err := p.pin(context.Background(), plan)
	if err == nil {
		t.Fatal("pinned what is not there")
	}
	got := strings.Split(err.Error(), "\n")
	if len(got) != 3 || !strings.Contains(got[0], "gone") || !strings.Contains(got[1], "lost") || !strings.HasPrefix(got[2], "take the code of a into the store") {
		t.Errorf("reported:\n%v", err)
	}
	if plan.Steps[1].Inputs[0].Binding.Source.Artifact == nil {
		t.Error("what is there was not taken")
	}
}
