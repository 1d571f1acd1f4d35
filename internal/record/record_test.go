package record

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

func stores(t *testing.T) map[string]*artifact.Store {
	all := make(map[string]*artifact.Store)
	for kind, url := range map[string]string{"mem": "mem://", "file": "file://" + t.TempDir(), "s3": s3test.Start(t)} {
		s, err := artifact.Open(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		all[kind] = s
	}
	return all
}

func TestJobsAreListedNewestFirst(t *testing.T) {
	ctx := context.Background()
	for kind, store := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			r := New(store)
			start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			for i, job := range []string{"zebra", "apple", "mango"} {
				if err := r.Submit(ctx, Submitted{Name: job, Created: start.Add(time.Duration(i) * time.Nanosecond)}); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			if err := r.Recent(ctx, func(job string, _ time.Time) bool { got = append(got, job); return len(got) < 2 }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"mango", "apple"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	ctx := context.Background()
	for kind, store := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			r := New(store)
			first := Submitted{Name: "a", File: "first.yml", Created: time.Unix(1, 0).UTC()}
			if err := r.Submit(ctx, first); err != nil {
				t.Fatal(err)
			}
			err := r.Submit(ctx, Submitted{Name: "a", File: "second.yml", Created: time.Unix(2, 0)})
			if !errors.Is(err, ErrExists) {
				t.Errorf("second submission: got %v, want ErrExists", err)
			}
			got, err := r.Submitted(ctx, "a")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("the first submission was changed: %s", diff)
			}
			var listed int
			if err := r.Recent(ctx, func(string, time.Time) bool { listed++; return true }); err != nil {
				t.Fatal(err)
			}
			if listed != 1 {
				t.Errorf("the job is listed %d times, want once", listed)
			}
		})
	}
}

func TestARunningJobHasNotEnded(t *testing.T) {
	ctx := context.Background()
	for kind, store := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			r := New(store)
			if err := r.Submit(ctx, Submitted{Name: "a", Created: time.Unix(1, 0)}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Ended(ctx, "a"); !errors.Is(err, ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			want := Ended{Status: pipeline.Completed, Steps: []pipeline.StepState{{Name: "train", Status: pipeline.Completed}}}
			if err := r.End(ctx, "a", want); err != nil {
				t.Fatal(err)
			}
			got, err := r.Ended(ctx, "a")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNamesThatWouldLeaveTheirFolderAreRefused(t *testing.T) {
	r := New(stores(t)["mem"])
	for _, job := range []string{"", "..", "a/b", "../a", ".hidden", "a b", "a\x00"} {
		if err := r.Submit(context.Background(), Submitted{Name: job}); err == nil {
			t.Errorf("job name %q was accepted", job)
		}
		if _, err := r.Submitted(context.Background(), job); !errors.Is(err, ErrNotFound) {
			t.Errorf("reading job %q: got %v, want ErrNotFound", job, err)
		}
	}
}

func TestStepsAreNotedUntilTheirJobEnds(t *testing.T) {
	ctx := context.Background()
	for kind, store := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			r := New(store)
			note := func(id string, steps ...pipeline.StepState) {
				t.Helper()
				if err := r.Note(ctx, "a", id, steps); err != nil {
					t.Fatal(err)
				}
			}
			note("train", pipeline.StepState{Name: "train", Status: pipeline.Failed})
			note("train", pipeline.StepState{Name: "train", Status: pipeline.Completed})
			note("reused-0", pipeline.StepState{Name: "prepare", Status: pipeline.Completed}, pipeline.StepState{Name: "split", Status: pipeline.Completed})
			got, err := r.Noted(ctx, "a")
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range got {
				names = append(names, s.Name+" "+string(s.Status))
			}
			if diff := cmp.Diff([]string{"prepare Completed", "split Completed", "train Completed"}, names); diff != "" {
				t.Error(diff)
			}
			if err := r.End(ctx, "a", Ended{Status: pipeline.Completed}); err != nil {
				t.Fatal(err)
			}
			if got, err := r.Noted(ctx, "a"); err != nil || len(got) > 0 {
				t.Errorf("after the end: %v, %v", got, err)
			}
		})
	}
}
