package azureml_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

var update = flag.Bool("update", false, "write what the tests see to the files they compare with")

// TestGoodFiles compiles every testdata/ok/*.yml and compares the plan with the
// .json file beside it, and the warnings with the .out file. A new case is a
// file, and -update.
func TestGoodFiles(t *testing.T) {
	for _, path := range jobFiles(t, "testdata/ok") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			job, err := azureml.Load(path, azureml.LoadOptions{Set: setLines(t, path), Assets: shelf{}})
			if err != nil {
				t.Fatalf("Load:\n%v", err)
			}
			plan, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"})
			if err != nil {
				t.Fatalf("Compile: %v", err)
			}
			base := strings.TrimSuffix(path, ".yml")
			compare(t, base+".json", view(t, plan))
			compare(t, base+".out", rendered(job.Problems()))
		})
	}
}

// TestBadFiles loads every testdata/err/*.yml and compares all that a person
// would see with the .out file beside it.
func TestBadFiles(t *testing.T) {
	for _, path := range jobFiles(t, "testdata/err") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			job, err := azureml.Load(path, azureml.LoadOptions{Set: setLines(t, path), Assets: shelf{}})
			if _, ok := errors.AsType[azureml.Problems](err); !ok {
				t.Fatalf("Load found nothing wrong: %v", err)
			}
			if _, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"}); err == nil {
				t.Error("Compile made a plan of a job with mistakes")
			}
			compare(t, strings.TrimSuffix(path, ".yml")+".out", rendered(job.Problems()))
		})
	}
}

func jobFiles(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return paths
}

// setLines finds what a case gives to --set: its lines "# set: path=value".
func setLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if pair, ok := strings.CutPrefix(line, "# set: "); ok {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

func rendered(problems azureml.Problems) string {
	var b strings.Builder
	problems.Render(&b, false)
	return relative(b.String())
}

// view is the plan as JSON, with the files of code snapshots, and without what
// differs from machine to machine.
func view(t *testing.T, plan *pipeline.Plan) string {
	t.Helper()
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		pipeline.Plan
		Steps []struct {
			pipeline.Step
			Code        []string `json:"code,omitempty"`
			Environment any      `json:"environment"`
			Context     []string `json:"build_context,omitempty"`
			Command     string   `json:"command"`
		} `json:"steps"`
	}
	var same struct {
		Steps []struct {
			Environment any `json:"environment"`
		} `json:"steps"`
	}
	if err := json.Unmarshal(text, &same); err != nil {
		t.Fatal(err)
	}
	shown.Plan = *plan
	shown.Steps = slices.Grow(shown.Steps, len(plan.Steps))[:len(plan.Steps)]
	for i, s := range plan.Steps {
		shown.Steps[i].Step = s
		shown.Steps[i].Command = s.Command.String()
		shown.Steps[i].Code = fileNames(s.Code)
		shown.Steps[i].Environment = same.Steps[i].Environment
		if s.Environment.Build != nil {
			shown.Steps[i].Context = fileNames(s.Environment.Build.Context)
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(shown); err != nil {
		t.Fatal(err)
	}
	return relative(b.String())
}

func fileNames(code *pipeline.Code) []string {
	if code == nil {
		return nil
	}
	names := []string{}
	for _, f := range code.Files {
		names = append(names, f.Path)
	}
	return names
}

// relative takes the folder of this checkout out of a text.
func relative(text string) string {
	here, err := os.Getwd()
	if err != nil {
		return text
	}
	return strings.ReplaceAll(text, here, "HERE")
}

// compare holds a text against a file. An empty text has no file.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if got == "" {
			_ = os.Remove(path)
			return
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil && (got != "" || !errors.Is(err, os.ErrNotExist)) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
