package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/pipeline"
)

func newMaker(t *testing.T) Maker {
	t.Helper()
	store, err := artifact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return Maker{Store: store, Records: record.New(store)}
}

func (k Maker) put(t *testing.T, thing any) pipeline.Digest {
	t.Helper()
	data, err := json.Marshal(thing)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := k.Store.PutBytes(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return kept.Digest
}

// nightly is a schedule in the zone of Los Angeles, whose job has the inputs.
func (k Maker) nightly(t *testing.T, inputs ...pipeline.Input) *Making {
	t.Helper()
	m := &Making{
		Schedule: "nightly", Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Type: pipeline.PipelineJob, CreatedBy: "somebody",
		Trigger:    recurrence.Trigger{Type: recurrence.Cron, Expression: "30 2 * * *", Zone: "Pacific Standard Time"},
		Definition: "inputs: {at: '${{ creation_context.trigger_time }}'}",
		Closed:     k.put(t, map[string]string{"definition": "inputs: {at: '${{creation_context.trigger_time}}', me: '${{name}}'}"}),
		Plan: k.put(t, &pipeline.Plan{
			Schema: pipeline.PlanSchema, Type: pipeline.PipelineJob, DisplayName: "as in the file",
			Steps: []pipeline.Step{{Name: "a", Queue: "cpu", Inputs: inputs}},
		}),
	}
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	m.Alarms = spec.Alarms(m.Since)
	return m
}

func literal(text string) pipeline.Input {
	return pipeline.Input{Name: "text", Type: pipeline.String, Binding: pipeline.Binding{Literal: &text}}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestWhatIsDue(t *testing.T) {
	m := newMaker(t).nightly(t)
	for moment, want := range map[string]bool{
		"2026-01-05T10:30:00Z": true,  // 02:30
		"2026-03-08T09:30:00Z": false, // an alarm for a summer that has not begun
		"2026-03-08T10:30:00Z": true,  // 03:30, in the place of 02:30
		"2026-03-09T09:30:00Z": true,
		"2026-03-09T10:30:00Z": false, // an alarm for a winter that is over
		"2026-01-05T10:31:07Z": true,  // by hand
	} {
		if got, err := m.Due(at(t, moment)); err != nil || got != want {
			t.Errorf("due at %s: %v, %v, want %v", moment, got, err, want)
		}
	}
}

func TestAJobIsMadeOnce(t *testing.T) {
	k := newMaker(t)
	m := k.nightly(t, literal("${{name}} at ${{creation_context.trigger_time}}"))
	moment := at(t, "2026-03-08T10:30:00Z")
	const name = "nightly-20260308T103000Z"
	var group sync.WaitGroup
	var mu sync.Mutex
	first := 0
	for range 8 {
		group.Go(func() {
			made, err := k.Make(t.Context(), m, moment)
			if err != nil {
				t.Error(err)
				return
			}
			if made.Job.Name != name || made.Plan.Name != name || made.Plan.DisplayName != name {
				t.Errorf("made %+v", made.Job)
			}
			mu.Lock()
			defer mu.Unlock()
			if !made.Before {
				first++
			}
		})
	}
	group.Wait()
	if first != 1 {
		t.Errorf("%d of 8 made the job, want 1", first)
	}
	var listed []string
	if err := k.Records.Recent(t.Context(), func(job string, _ time.Time) bool { listed = append(listed, job); return true }); err != nil {
		t.Fatal(err)
	}
	if len(listed) != 1 || listed[0] != name {
		t.Errorf("listed are %v", listed)
	}

	made, err := k.Make(t.Context(), m, moment)
	if err != nil {
		t.Fatal(err)
	}
	if got := *made.Plan.Steps[0].Inputs[0].Binding.Literal; got != name+" at 2026-03-08T10:30:00Z" {
		t.Errorf("the input is %q", got)
	}
	job := made.Job
	if job.Schedule != "nightly" || job.Experiment != "nightly" || job.CreatedBy != "somebody" || !strings.Contains(job.Definition, "'2026-03-08T10:30:00Z'") {
		t.Errorf("recorded %+v", job)
	}
	closed, err := k.Store.ReadAll(t.Context(), job.Closed, 1<<20)
	if err != nil || !strings.Contains(string(closed), "at: '2026-03-08T10:30:00Z', me: '${{name}}'") {
		t.Errorf("what it was made from is %s, %v", closed, err)
	}
}

func TestANameThatIsTakenIsNotRunAgain(t *testing.T) {
	k := newMaker(t)
	err := k.Records.Submit(t.Context(), record.Submitted{Name: "nightly-20260308T103000Z", Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Make(t.Context(), k.nightly(t), at(t, "2026-03-08T10:30:00Z")); !errors.Is(err, ErrTaken) {
		t.Errorf("Make: %v", err)
	}
}

func TestDataThatFloatsIsLookedUpEachTime(t *testing.T) {
	k := newMaker(t)
	catalog := asset.New(k.Store)
	version := func(n string, tree bool) asset.Version {
		t.Helper()
		a, err := k.Store.PutBytes(t.Context(), []byte("rows "+n))
		if err != nil {
			t.Fatal(err)
		}
		content := pipeline.Artifact{Digest: a.Digest, Name: "rows.csv", Size: a.Size, Files: 1, Tree: tree}
		v, _, err := catalog.Create(t.Context(), asset.Version{Kind: pipeline.DataAsset, Name: "rows", Type: "uri_file", Artifact: &content, Created: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	one := version("1", false)
	source := func() *pipeline.Source {
		return &pipeline.Source{URI: datastore.UploadURI(*one.Artifact, "rows.csv"), Asset: "azureml:rows:1", Artifact: one.Artifact}
	}
	floating, pinned := source(), source()
	floating.Floating = "azureml:rows@latest"
	input := func(name string, src *pipeline.Source) pipeline.Input {
		return pipeline.Input{Name: name, Type: pipeline.URIFile, Binding: pipeline.Binding{Source: src}}
	}
	m := k.nightly(t, input("floating", floating), input("pinned", pinned))
	want := func(moment, floating string) {
		t.Helper()
		made, err := k.Make(t.Context(), m, at(t, moment))
		if err != nil {
			t.Fatal(err)
		}
		for i, asset := range []string{floating, "azureml:rows:1"} {
			src := made.Plan.Steps[0].Inputs[i].Binding.Source
			if src.Asset != asset || src.Artifact == nil || !strings.Contains(src.URI, src.Artifact.Digest.Hex()) {
				t.Errorf("%s: input %d is %+v", moment, i, src)
			}
		}
	}
	want("2026-03-08T10:30:00Z", "azureml:rows:1")
	two := version("2", false)
	want("2026-03-09T09:30:00Z", "azureml:rows:2")
	want("2026-03-08T10:30:00Z", "azureml:rows:1") // what is made stays

	if err := catalog.Archive(t.Context(), pipeline.DataAsset, "rows", two.Version, true); err != nil {
		t.Fatal(err)
	}
	want("2026-03-10T09:30:00Z", "azureml:rows:1")

	version("3", true)
	if _, err := k.Make(t.Context(), m, at(t, "2026-03-11T09:30:00Z")); err == nil || !strings.Contains(err.Error(), "input floating: version 3 of rows is a folder") {
		t.Errorf("Make: %v", err)
	}
	if err := catalog.Archive(t.Context(), pipeline.DataAsset, "rows", "", true); err != nil {
		t.Fatal(err)
	}
	_, why := k.Make(t.Context(), m, at(t, "2026-03-11T09:30:00Z"))
	if !errors.Is(why, asset.ErrNotFound) {
		t.Errorf("Make: %v", why)
	}

	// A job that cannot be made is seen among the jobs.
	if err := k.Fail(t.Context(), m, at(t, "2026-03-11T09:30:00Z"), why); err != nil {
		t.Fatal(err)
	}
	end, err := k.Records.Ended(t.Context(), "nightly-20260311T093000Z")
	if err != nil || end.Status != pipeline.Failed || !strings.Contains(end.Failure.Message, "archived") || len(end.Steps) != 1 {
		t.Errorf("it ended %+v, %v", end, err)
	}
}

// What lies below an asset lies below its next version.
func TestPartsOfFloatingDataFollowIt(t *testing.T) {
	old := asset.Version{Name: "rows", Version: "1", URI: "azureml://datastores/d/paths/one/"}
	latest := asset.Version{Kind: pipeline.DataAsset, Name: "rows", Version: "2", URI: "azureml://datastores/d/paths/two/"}
	in := &pipeline.Input{Type: pipeline.URIFolder, Binding: pipeline.Binding{Source: &pipeline.Source{URI: "azureml://datastores/d/paths/one/part/a.csv"}}}
	if err := replace(in, old, latest); err != nil || in.Binding.Source.URI != "azureml://datastores/d/paths/two/part/a.csv" || in.Binding.Source.Asset != "azureml:rows:2" {
		t.Errorf("%+v, %v", in.Binding.Source, err)
	}
	in.Binding.Source.URI = "azureml://datastores/d/paths/elsewhere"
	if err := replace(in, old, latest); err == nil {
		t.Error("what is no part of it was replaced")
	}
}

func TestRecordsOfSchedules(t *testing.T) {
	k := newMaker(t)
	m := k.nightly(t)
	d, err := Keep(t.Context(), k.Store, *m)
	if err != nil {
		t.Fatal(err)
	}
	read, err := Read(t.Context(), k.Store, d)
	if err != nil || read.Plan != m.Plan || !read.Since.Equal(m.Since) || len(read.Alarms.Calendars) != len(m.Alarms.Calendars) {
		t.Errorf("read %+v, %v", read, err)
	}
	if _, err := Read(t.Context(), k.Store, pipeline.NewDigest(make([]byte, 32))); !errors.Is(err, artifact.ErrGone) {
		t.Errorf("read what is not there: %v", err)
	}
	if err := Put(t.Context(), k.Store, Record{Making: *m, Digest: d, Note: "a"}); err != nil {
		t.Fatal(err)
	}
	if r, err := Take(t.Context(), k.Store, "nightly"); err != nil || r.Note != "a" || r.Trigger.Expression != "30 2 * * *" {
		t.Errorf("took %+v, %v", r, err)
	}
	if all, err := All(context.WithoutCancel(t.Context()), k.Store); err != nil || len(all) != 1 {
		t.Errorf("all: %v, %v", all, err)
	}
	if err := Drop(t.Context(), k.Store, "nightly"); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(t.Context(), k.Store, "nightly"); !errors.Is(err, asset.ErrNotFound) {
		t.Errorf("took what was dropped: %v", err)
	}
	for name, good := range map[string]bool{"nightly_2-a": true, "": false, "a b": false, "-a": false, strings.Repeat("a", 239): false} {
		if got := CheckName(name) == nil; got != good {
			t.Errorf("%q is a name: %v", name, got)
		}
	}
}
