package azureml

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

// byPath names what it pins after the files: enough to tell them apart.
type byPath struct{}

func (byPath) PinCode(c *pipeline.Code) (pipeline.Artifact, error) {
	var names []string
	for _, f := range c.Files {
		names = append(names, f.Path)
	}
	if c.Artifact != nil {
		return *c.Artifact, nil
	}
	return pipeline.Artifact{Digest: pipeline.Digest("blake3:" + strings.Join(names, "+")), Tree: true}, nil
}

func (byPath) PinSource(s *pipeline.Source) (pipeline.Artifact, error) {
	if s.Artifact != nil {
		return *s.Artifact, nil
	}
	return pipeline.Artifact{Digest: pipeline.Digest("blake3:" + filepath.Base(s.Local)), Name: filepath.Base(s.Local)}, nil
}

var wholeJob = map[string]string{
	"job.yml": `$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
display_name: Whole
tags: {season: spring}
inputs:
  rate: 1e-3
  table: {type: uri_file, path: data/table.csv}
  folder: {type: uri_folder, path: data}
settings: {default_compute: azureml:cpu-cluster}
jobs:
  train:
    component: train/component.yml
    inputs: {rate: "${{parent.inputs.rate}}", table: "${{parent.inputs.table}}"}
  inline:
    command: cat ${{inputs.part}}
    code: code
    environment: file:env.yml
    inputs:
      part: {type: uri_file, path: "${{parent.inputs.folder}}/table.csv"}
`,
	"data/table.csv": "a,b\n",
	"train/component.yml": `type: command
name: train
version: 3
inputs: {rate: {type: number}, table: {type: uri_file}}
command: python train.py ${{inputs.rate}} ${{inputs.table}}
code: src
environment: {image: python, conda_file: conda.yml}
`,
	"train/conda.yml":    "name: x\ndependencies:\n- python=3.11 # new\n",
	"train/src/train.py": "pass\n",
	"code/script.sh":     "true\n",
	"env.yml":            "image: bash\n",
}

func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAClosedJobNeedsNoFiles(t *testing.T) {
	dir := written(t, wholeJob)
	job, err := Load(filepath.Join(dir, "job.yml"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wholeJob["job.yml"], job.Text()); diff != "" {
		t.Error(diff)
	}
	closed, err := job.Close(byPath{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	again, err := LoadClosed("job old", closed, LoadOptions{Set: []string{"inputs.rate=0.5", "tags.season=autumn"}})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Compile(again, CompileOptions{Name: "new"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range plan.Steps {
		line := s.Name + ": " + s.Command.String() + " with " + string(s.Code.Artifact.Digest) + " on " + s.Compute + " in " + s.Environment.Image
		for _, in := range s.Inputs {
			value, _ := json.Marshal(in.Binding)
			line += "\n  " + in.Name + " " + string(value)
		}
		got = append(got, line)
	}
	want := []string{
		`train: python train.py ${{inputs.rate}} ${{inputs.table}} with blake3:train.py on cpu-cluster in python
  rate {"literal":"0.5"}
  table {"source":{"uri":"azureml://artifacts/blake3:table.csv","position":"job old:9:11","artifact":{"digest":"blake3:table.csv","name":"table.csv","size":0,"files":0}}}`,
		`inline: cat ${{inputs.part}} with blake3:script.sh on cpu-cluster in bash
  part {"source":{"uri":"azureml://artifacts/blake3:data/table.csv","position":"job old:28:15"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if plan.DisplayName != "Whole" || plan.Tags["season"] != "autumn" {
		t.Errorf("%q, %v", plan.DisplayName, plan.Tags)
	}
	if digest, below, ok := SplitArtifact("azureml://artifacts/blake3:data/a/b.csv"); digest != "blake3:data" || below != "a/b.csv" || !ok {
		t.Errorf("%q, %q", digest, below)
	}
}

func TestAClosedJobIsClosedAgainTheSame(t *testing.T) {
	files := maps.Clone(wholeJob)
	files["job.yml"] += "  more:\n    component: train/component.yml\n    inputs: {rate: 1, table: \"${{parent.inputs.table}}\"}\n"
	job, err := Load(filepath.Join(written(t, files), "job.yml"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := job.Close(byPath{})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(first.Definition, "azureml://files/1/component.yml"); n != 2 || len(first.Files) != 3 {
		t.Errorf("the component is referred to %d times, and the files are %v", n, slices.Sorted(maps.Keys(first.Files)))
	}
	again, err := LoadClosed("job old", first, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Close(byPath{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}

func TestTheTextOfAJobHasWhatSetChanged(t *testing.T) {
	dir := written(t, wholeJob)
	job, err := Load(filepath.Join(dir, "job.yml"), LoadOptions{Set: []string{"inputs.rate=2"}})
	if err != nil || !strings.Contains(job.Text(), "rate: \"2\"\n") || !strings.Contains(job.Text(), "component: train/component.yml") {
		t.Errorf("%v, %s", err, job.Text())
	}
}

func TestMistakesInAClosedJobAreTold(t *testing.T) {
	closed := Closed{Definition: "command: cat ${{inputs.a}}\nenvironment: {image: x}\ninputs: {a: {type: uri_file, path: azureml://artifacts/blake3:none}}\n"}
	if _, err := LoadClosed("job old", closed, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "job old:3:") {
		t.Error(err)
	}
	stray := Closed{Definition: "command: ls\nenvironment: azureml://files/7/env.yml\n"}
	if _, err := LoadClosed("job old", stray, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Error(err)
	}
	outside := filepath.Join(written(t, map[string]string{"job.yml": stray.Definition}), "job.yml")
	if _, err := Load(outside, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Error(err)
	}
	if _, err := LoadClosed("job old", Closed{}, LoadOptions{}); err == nil {
		t.Error("nothing was read as a job")
	}
}
