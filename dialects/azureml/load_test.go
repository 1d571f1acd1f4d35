package azureml_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestLoadTellsWhatTheFileSaysOfItself(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"job.yml": `name: night-run
display_name: Night run
experiment_name: nights
description: what runs at night
tags: {team: blue}
command: echo
environment: azureml:e:1
`})
	job, problems := load(t, dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if job.Type != pipeline.CommandJob || job.Name != "night-run" || job.DisplayName != "Night run" || job.Experiment != "nights" ||
		job.Description != "what runs at night" || job.Tags["team"] != "blue" || len(job.Warnings) > 0 {
		t.Errorf("got %+v", job)
	}
	plan, err := azureml.Compile(job, azureml.CompileOptions{})
	if err != nil || plan.Name != "night-run" || plan.Step(pipeline.MainStep) == nil {
		t.Errorf("the plan takes its name from the file: %v, %v", plan, err)
	}
}

func TestLoadReturnsTheJobBesideItsProblems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"job.yml": "display_name: half\ncommand: echo ${{inputs.x}}\n"})
	job, problems := load(t, dir)
	if job.DisplayName != "half" || len(problems) != 1 || len(job.Notes) != 1 || len(job.Problems()) != 2 {
		t.Errorf("got %+v with %v", job, problems)
	}
	if _, err := azureml.Compile(job, azureml.CompileOptions{Name: "x"}); err == nil || err.Error() != problems.Error() {
		t.Errorf("Compile repeats what Load said, and said %v", err)
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"pipeline.yml": "", "folder/": ""})
	for name, want := range map[string]string{
		"pipelin.yml": "there is no such file or folder",
		"folder":      "this is a folder, not a file",
	} {
		job, err := azureml.Load(filepath.Join(dir, name), azureml.LoadOptions{})
		problems, _ := errors.AsType[azureml.Problems](err)
		if job == nil || len(problems) != 1 || problems[0].Message != want {
			t.Errorf("%s: %v", name, err)
		}
		if name == "pipelin.yml" && problems[0].Hint != fmt.Sprintf("did you mean %q?", filepath.Join(dir, "pipeline.yml")) {
			t.Errorf("hint: %s", problems[0].Hint)
		}
	}
}

func TestFilesAreNamedAsTheUserNamesThem(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"jobs/job.yml":         "type: pipeline\njobs: {a: {component: ../parts/a/train.yml}}\n",
		"parts/a/train.yml":    "command: ls\nenvironment: file:../env.yml\n",
		"parts/env.yml":        "imag: python\n",
		"parts/a/not/used.yml": "",
	})
	t.Chdir(filepath.Join(dir, "jobs"))
	_, err := azureml.Load("job.yml", azureml.LoadOptions{})
	problems, _ := errors.AsType[azureml.Problems](err)
	if len(problems) != 1 || problems[0].File != filepath.Join("..", "parts", "env.yml") {
		t.Errorf("got %v", err)
	}
}

func TestEveryNameGivesItsOwnPlan(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"job.yml": `type: pipeline
inputs: {who: "${{name}}"}
outputs: {o: {path: "azureml://datastores/d/paths/${{name}}"}}
jobs:
  a:
    command: echo ${{inputs.who}} ${{outputs.o}}
    environment: azureml:e:1
    inputs:
      who: ${{parent.inputs.who}}
      data: {path: "azureml://datastores/d/paths/of/${{name}}"}
    outputs:
      o: ${{parent.outputs.o}}
`})
	job, problems := load(t, dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, name := range []string{"one", "two", "one"} {
		plan, err := azureml.Compile(job, azureml.CompileOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		s := plan.Steps[0]
		got := []string{plan.Name, *plan.Inputs[0].Binding.Literal, *s.Inputs[0].Binding.Literal, s.Inputs[1].Binding.Source.URI, s.Outputs[0].Path, plan.Outputs[0].Path}
		want := []string{name, name, name, "azureml://datastores/d/paths/of/" + name, "azureml://datastores/d/paths/" + name + "-a", "azureml://datastores/d/paths/" + name + "-a"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, name := range []string{"", "a/b", "-x", "${{name}}"} {
		if _, err := azureml.Compile(job, azureml.CompileOptions{Name: name}); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
}

func TestTheSameFileGivesTheSamePlan(t *testing.T) {
	var first string
	for range 5 {
		job, err := azureml.Load("testdata/ok/nested.yml", azureml.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		}
		if first != string(text) {
			t.Fatal("the plan differs")
		}
	}
}

func TestStepsStandAfterWhatTheyRead(t *testing.T) {
	const nodes = 3000
	var b strings.Builder
	b.WriteString("type: pipeline\njobs:\n")
	for i := nodes; i >= 0; i-- { // the file tells the story backwards
		fmt.Fprintf(&b, "  n%d:\n    command: cat\n    environment: azureml:e:1\n    outputs: {o: }\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "    inputs: {x: \"${{parent.jobs.n%d.outputs.o}}\"}\n", i-1)
		}
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"job.yml": b.String()})
	plan := compile(t, dir)
	for i, s := range plan.Steps {
		if s.Name != fmt.Sprintf("n%d", i) {
			t.Fatalf("step %d is %s", i, s.Name)
		}
	}
	if len(plan.Steps) != nodes+1 {
		t.Errorf("%d steps", len(plan.Steps))
	}
}

// TestHostileJobsAreRefused has files that are small, and would make a large
// plan, or never end.
func TestHostileJobsAreRefused(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"leaf.yml": "type: pipeline\njobs: {a: {command: ls, environment: azureml:e:1}}\n"}
	below := "leaf"
	for i := range 12 {
		name := fmt.Sprintf("level%d", i)
		files[name+".yml"] = "type: pipeline\njobs:\n" + strings.Repeat("  KEY: {type: pipeline, component: ./"+below+".yml}\n", 10)
		for n := range 10 {
			files[name+".yml"] = strings.Replace(files[name+".yml"], "KEY", fmt.Sprintf("n%d", n), 1)
		}
		below = name
	}
	files["job.yml"] = "type: pipeline\ncomponent: ./" + below + ".yml\n"
	write(t, dir, files)
	if _, problems := load(t, dir); len(problems) != 1 || !strings.Contains(problems[0].Message, "more than 20000 steps") {
		t.Errorf("pipelines in pipelines: %v", problems)
	}

	var wide strings.Builder
	wide.WriteString("command: ls\nenvironment: azureml:e:1\ninputs:\n")
	for i := range 5000 {
		fmt.Fprintf(&wide, "  i%d: {type: integer, default: 1}\n", i)
	}
	var many strings.Builder
	many.WriteString("type: pipeline\njobs:\n")
	for i := range 200 {
		fmt.Fprintf(&many, "  n%d: {component: ./wide.yml}\n", i)
	}
	write(t, dir, map[string]string{"wide.yml": wide.String(), "job.yml": many.String()})
	if _, problems := load(t, dir); len(problems) != 1 || !strings.Contains(problems[0].Message, "inputs and outputs") {
		t.Errorf("many inputs: %v", problems)
	}

	chain := map[string]string{}
	for i := range 60 {
		chain[fmt.Sprintf("c%d.yml", i)] = fmt.Sprintf("type: pipeline\njobs: {a: {type: pipeline, component: ./c%d.yml}}\n", i+1)
	}
	chain["job.yml"] = "type: pipeline\ncomponent: ./c0.yml\n"
	write(t, dir, chain)
	if _, problems := load(t, dir); len(problems) != 1 || !strings.Contains(problems[0].Message, "levels deep") {
		t.Errorf("a long chain of components: %v", problems)
	}

	var doubling strings.Builder
	doubling.WriteString("type: pipeline\ninputs: {x: 0123456789}\njobs:\n  n0: {command: x, environment: azureml:e:1, inputs: {i: '${{parent.inputs.x}}'}}\n")
	for i := 1; i < 60; i++ {
		ref := fmt.Sprintf("${{parent.jobs.n%d.inputs.i}}", i-1)
		fmt.Fprintf(&doubling, "  n%d: {command: x, environment: azureml:e:1, inputs: {i: '%s%s'}}\n", i, ref, ref)
	}
	write(t, dir, map[string]string{"job.yml": doubling.String()})
	if _, problems := load(t, dir); len(problems) != 1 || !strings.Contains(problems[0].Message, "longer than 32 KiB") {
		t.Errorf("inputs that double: %v", problems)
	}

	var wrong strings.Builder
	wrong.WriteString("command: |\n  echo")
	for i := range 20_000 {
		fmt.Fprintf(&wrong, " ${{inputs.nothing%d}}", i)
	}
	wrong.WriteString("\ninputs:\n")
	for i := range 20_000 {
		fmt.Fprintf(&wrong, "  something%d: 1\n", i)
	}
	write(t, dir, map[string]string{"job.yml": wrong.String()})
	if _, problems := load(t, dir); len(problems) != 501 || !strings.Contains(problems.Error(), "more than 500 problems") {
		t.Errorf("many mistakes: %d problems", len(problems))
	}
}

// Remarks, however many, never keep a job from running.
func TestManyRemarksAreNoMistake(t *testing.T) {
	const steps = 1000
	var text strings.Builder
	text.WriteString("type: pipeline\njobs:\n")
	for i := range steps {
		fmt.Fprintf(&text, "  s%d: {command: 'true', colour: blue}\n", i)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"job.yml": text.String()})
	job, problems := load(t, dir)
	if len(problems) > 0 {
		t.Fatalf("refused: %.200v", problems)
	}
	if len(job.Warnings) == 0 || len(job.Notes) == 0 || len(job.Problems()) >= steps {
		t.Errorf("%d warnings and %d notes are kept", len(job.Warnings), len(job.Notes))
	}
	if plan, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"}); err != nil || len(plan.Steps) != steps {
		t.Errorf("compiled with %v", err)
	}
}
