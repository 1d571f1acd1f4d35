package runs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

func names(jobs []Job) []string {
	var list []string
	for _, j := range jobs {
		list = append(list, j.Name)
	}
	return list
}

func TestLabelsOfAJobAreChangedAndStay(t *testing.T) {
	p, ctx := newPast(t), context.Background()
	p.ran(training("first", "0.1", p.tree(nil)), monday, pipeline.Completed)
	job, err := p.Label(ctx, "first", func(l *Labels) error {
		if l.DisplayName != "Training" {
			t.Errorf("the labels begin with %+v", l)
		}
		l.DisplayName, l.Experiment, l.Tags = "Best", "spring", map[string]string{"a": "1"}
		return nil
	})
	if err != nil || job.DisplayName != "Best" {
		t.Fatalf("%+v, %v", job, err)
	}
	if _, err := p.Label(ctx, "first", func(l *Labels) error { l.Description = "The best."; return nil }); err != nil {
		t.Fatal(err)
	}
	if job, err = p.Show(ctx, "first"); err != nil {
		t.Fatal(err)
	}
	d := job.Document()
	got := map[string]any{"name": d["display_name"], "experiment": d["experiment_name"], "description": d["description"], "tags": d["tags"], "status": d["status"]}
	want := map[string]any{"name": "Best", "experiment": "spring", "description": "The best.", "tags": map[string]string{"a": "1"}, "status": "Completed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d["creation_context"].(map[string]any)["last_modified_at"] == nil {
		t.Error("nothing says when it was changed")
	}
	refusal := errors.New("no")
	if _, err := p.Label(ctx, "first", func(*Labels) error { return refusal }); !errors.Is(err, refusal) {
		t.Error(err)
	}
	if _, err := p.Label(ctx, "first-train", func(*Labels) error { return nil }); !errors.Is(err, ErrStep) {
		t.Error(err)
	}
	if _, err := p.Label(ctx, "nobody", func(*Labels) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestJobsAreSelected(t *testing.T) {
	p, ctx := newPast(t), context.Background()
	for i, name := range []string{"a", "b", "c", "d"} {
		p.ran(training(name, "0.1", p.tree(nil)), monday.Add(time.Duration(i)*time.Hour), pipeline.Completed)
	}
	for _, name := range []string{"b", "d"} {
		if _, err := p.Archive(ctx, name, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Label(ctx, "a", func(l *Labels) error { l.Tags = map[string]string{"team": "red"}; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		sel  Selection
		want []string
	}{
		{"without the archived ones", Selection{}, []string{"c", "a"}},
		{"with them", Selection{Archived: TakeIn}, []string{"d", "c", "b", "a"}},
		{"only them", Selection{Archived: TakeOnly}, []string{"d", "b"}},
		{"the newest of them", Selection{Archived: TakeOnly, Most: 1}, []string{"d"}},
		{"the newest two", Selection{Most: 2}, []string{"c", "a"}},
		{"by tag", Selection{Tags: map[string]string{"team": ""}}, []string{"a"}},
		{"by tag and value", Selection{Tags: map[string]string{"team": "blue"}}, nil},
	} {
		got, err := p.Select(ctx, test.sel)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, names(got)); diff != "" {
			t.Errorf("%s: %s", test.what, diff)
		}
	}
	if job, err := p.Archive(ctx, "b", false); err != nil || job.Archived {
		t.Errorf("restored: %+v, %v", job, err)
	}
}

func TestStepsAreShownAsChildJobs(t *testing.T) {
	p, ctx := newPast(t), context.Background()
	p.ran(training("first", "0.1", p.tree(nil)), monday, pipeline.Completed)
	job, step, err := p.ShowAny(ctx, "first-train")
	if err != nil || step != "train" || job.Name != "first" {
		t.Fatalf("%v, %q, %v", job, step, err)
	}
	var got []any
	for _, child := range job.Children() {
		got = append(got, child["name"], child["parent_job_name"], child["status"], child["type"])
	}
	want := []any{"first-prepare", "first", "Completed", "command", "first-train", "first", "Completed", "command"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	dir := t.TempDir()
	if _, err := p.Download(ctx, "first-train", DownloadOptions{Dir: dir, All: true}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"artifacts/user_logs/std_log.txt", "named-outputs/model/model.json"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	if job.Child("nothing") != nil {
		t.Error("a step that is not there is shown")
	}
}
