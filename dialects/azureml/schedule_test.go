package azureml_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

// calmRiver is an earlier job, in the form that needs no files.
func calmRiver(name string) (azureml.Closed, error) {
	if name != "calm_river" {
		return azureml.Closed{}, &azureml.Unknown{Message: fmt.Sprintf("there is no job %q", name), Hint: "`millrace job list` shows the jobs"}
	}
	return azureml.Closed{Definition: `name: calm_river
display_name: calm_river
type: pipeline
inputs: {word: once}
jobs:
  say:
    command: echo ${{inputs.word}}
    inputs: {word: "${{parent.inputs.word}}"}
`}, nil
}

// TestScheduleFiles loads every testdata/schedules/*.yml and compares what it
// means, or for bad_*.yml what a person sees, with the .out file beside it.
func TestScheduleFiles(t *testing.T) {
	for _, path := range jobFiles(t, "testdata/schedules") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s, err := azureml.LoadSchedule(path, azureml.ScheduleOptions{
				LoadOptions: azureml.LoadOptions{Set: setLines(t, path), Assets: shelf{}}, Job: calmRiver,
			})
			out := strings.TrimSuffix(path, ".yml") + ".out"
			if strings.HasPrefix(filepath.Base(path), "bad_") {
				if _, ok := errors.AsType[azureml.Problems](err); !ok {
					t.Fatalf("LoadSchedule found nothing wrong: %v", err)
				}
				compare(t, out, rendered(s.Problems()))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			plan, err := azureml.Template(s.Job)
			if err != nil {
				t.Fatal(err)
			}
			closed, err := s.Job.Close(&counter{})
			if err != nil {
				t.Fatal(err)
			}
			head, err := json.MarshalIndent(struct {
				Name, DisplayName, Description string
				Tags, Properties               map[string]string
				Trigger                        any
				Overlap                        azureml.Overlap
				CatchupWindow                  any
				CreateJob                      any
				File                           string
			}{s.Name, s.DisplayName, s.Description, s.Tags, s.Properties, s.Trigger, s.Overlap, s.CatchupWindow, s.CreateJob, s.Job.File}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, out, rendered(s.Problems())+string(head)+"\n"+view(t, plan)+
				"at noon:\n"+pipeline.FillTriggerTime(closed.Definition, "2026-01-01T12:00:00Z"))
		})
	}
}

// Expressions that only schedules have mean nothing elsewhere.
func TestTriggerTimeIsForSchedules(t *testing.T) {
	_, err := azureml.Load("testdata/schedules/parts/scheduled_only.yml", azureml.LoadOptions{})
	if err == nil || !strings.Contains(err.Error(), "has a value only in a job that a schedule starts") {
		t.Errorf("Load: %v", err)
	}
}

func FuzzLoadSchedule(f *testing.F) {
	paths, err := filepath.Glob("testdata/schedules/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "trigger.interval=2")
	}
	f.Fuzz(func(t *testing.T, text, set string) {
		path := filepath.Join(t.TempDir(), "schedule.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := azureml.LoadSchedule(path, azureml.ScheduleOptions{LoadOptions: azureml.LoadOptions{Set: []string{set}, Assets: shelf{}}, Job: calmRiver})
		for _, p := range s.Problems() {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("a problem that stands nowhere: %+v", p)
			}
		}
		if err != nil {
			return
		}
		if s.Job == nil {
			t.Fatal("a schedule without mistakes makes no job")
		}
		if _, err := azureml.Template(s.Job); err != nil {
			t.Errorf("Template: %v", err)
		}
	})
}
