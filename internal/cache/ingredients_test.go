package cache

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func digest(c string) pipeline.Digest {
	return pipeline.Digest("blake3:" + strings.Repeat(c, 64))
}

func fullStep() (*pipeline.Step, map[string]pipeline.Value) {
	step := &pipeline.Step{
		Name: "train", Component: "train_model", Position: "pipeline.yml:3:1", Compute: "gpu-cluster", Queue: "gpu",
		Command: pipeline.Template{
			{Text: "python train.py --lr "}, {Input: "lr"},
			{Group: pipeline.Template{{Text: " --init "}, {Input: "init"}}},
			{Text: " --out "}, {Output: "model"},
		},
		Code: &pipeline.Code{Artifact: &pipeline.Artifact{Digest: digest("c"), Tree: true}},
		Environment: pipeline.Environment{
			Reference: "azureml:sklearn:1", Image: "python:3.12", Conda: "dependencies:\n- pip\n",
			Build: &pipeline.Build{
				Context:    &pipeline.Code{Artifact: &pipeline.Artifact{Digest: digest("d"), Tree: true}},
				Dockerfile: "Dockerfile",
			},
		},
		Variables: map[string]string{"OMP_NUM_THREADS": "1", "EMPTY": "", "WANDB_API_KEY": "hunter2"},
		Inputs: []pipeline.Input{
			{Name: "lr", Type: pipeline.Number}, {Name: "data", Type: pipeline.URIFolder},
			{Name: "file", Type: pipeline.URIFile}, {Name: "init", Optional: true}, {Name: "uri", Mode: pipeline.Direct},
		},
		Outputs: []pipeline.Output{
			{Name: "model", Type: pipeline.URIFolder}, {Name: "metrics", Type: pipeline.URIFile, File: "metrics.json"},
		},
		Timeout: 60, Resources: pipeline.Resources{InstanceCount: 2, InstanceType: "big"},
		Distribution: &pipeline.Distribution{Type: "pytorch", ProcessesPerInstance: 4},
	}
	inputs := map[string]pipeline.Value{
		"lr":         pipeline.Text("1e-3"),
		"data":       pipeline.Content(pipeline.Artifact{Digest: digest("a"), Tree: true}),
		"file":       pipeline.Content(pipeline.Artifact{Digest: digest("b"), Name: "titanic.csv"}),
		"uri":        {URI: "azureml://datastores/x/paths/y"},
		"undeclared": pipeline.Text(""),
	}
	return step, inputs
}

func TestIngredientsOfAStep(t *testing.T) {
	step, inputs := fullStep()
	lines := Ingredients(step, inputs, []Ingredient{{"host", "python 3.12.3, linux/amd64"}})
	var got strings.Builder
	labels := map[string]bool{}
	for _, l := range lines {
		if labels[l.Label] {
			t.Errorf("label %q appears twice", l.Label)
		}
		labels[l.Label] = true
		fmt.Fprintf(&got, "%s: %q\n", l.Label, l.Text)
	}
	fmt.Fprintf(&got, "\nkey %s\n", KeyOf(lines))
	const golden = "testdata/ingredients.golden"
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	// A difference makes every result there is a miss: is that meant?
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatChangesTheKey(t *testing.T) {
	text := func(s string) *string { return &s }
	tests := map[string]struct {
		change func(*pipeline.Step, map[string]pipeline.Value)
		label  string // of the one line that differs; "" if none may
	}{
		"nothing":     {func(s *pipeline.Step, in map[string]pipeline.Value) {}, ""},
		"name":        {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Name, s.DisplayName = "x", "y" }, ""},
		"description": {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Description = "x" }, ""},
		"component":   {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Component = "x" }, ""},
		"compute":     {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Compute, s.Queue = "cpu", "cpu" }, ""},
		"position":    {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Position = "x" }, ""},
		"timeout":     {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Timeout = 1 }, ""},
		"machine":     {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Resources.InstanceType = "x" }, ""},
		"order of inputs": {func(s *pipeline.Step, in map[string]pipeline.Value) {
			s.Inputs[0], s.Inputs[1] = s.Inputs[1], s.Inputs[0]
		}, ""},
		"output destination": {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Outputs[0].Path = "azureml://x" }, ""},
		"output name in register": {func(s *pipeline.Step, in map[string]pipeline.Value) {
			s.Outputs[0].Asset = &pipeline.AssetName{Name: "m"}
		}, ""},
		"size and count": {func(s *pipeline.Step, in map[string]pipeline.Value) {
			in["data"] = pipeline.Content(pipeline.Artifact{Digest: digest("a"), Tree: true, Size: 9, Files: 9})
		}, ""},
		"command":      {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Command[0].Text = "python3 " }, "command"},
		"code":         {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Code.Artifact.Digest = digest("e") }, "code"},
		"no code":      {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Code = nil }, "code"},
		"literal":      {func(s *pipeline.Step, in map[string]pipeline.Value) { in["lr"] = pipeline.Value{Literal: text("1e-4")} }, "input lr"},
		"spelling":     {func(s *pipeline.Step, in map[string]pipeline.Value) { in["lr"] = pipeline.Text("0.001") }, "input lr"},
		"optional":     {func(s *pipeline.Step, in map[string]pipeline.Value) { in["init"] = pipeline.Text("") }, "input init"},
		"data":         {func(s *pipeline.Step, in map[string]pipeline.Value) { in["data"].Artifact.Digest = digest("e") }, "input data"},
		"file name":    {func(s *pipeline.Step, in map[string]pipeline.Value) { in["file"].Artifact.Name = "x.parquet" }, "input file"},
		"output type":  {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Outputs[0].Type = pipeline.MLflowModel }, "output model"},
		"output file":  {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Outputs[1].File = "m.json" }, "output metrics"},
		"image":        {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Environment.Image = "x" }, "environment image"},
		"conda":        {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Environment.Conda = "x" }, "environment conda file"},
		"variable":     {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Variables["OMP_NUM_THREADS"] = "2" }, "variable OMP_NUM_THREADS"},
		"no variable":  {func(s *pipeline.Step, in map[string]pipeline.Value) { delete(s.Variables, "EMPTY") }, "variable EMPTY"},
		"secret":       {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Variables["WANDB_API_KEY"] = "x" }, "variable WANDB_API_KEY"},
		"distribution": {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Distribution.ProcessesPerInstance = 8 }, "distribution"},
		"instances":    {func(s *pipeline.Step, in map[string]pipeline.Value) { s.Resources.InstanceCount = 3 }, "instances"},
	}
	step, inputs := fullStep()
	before := Ingredients(step, inputs, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			step, inputs := fullStep()
			test.change(step, inputs)
			after := Ingredients(step, inputs, nil)
			changes := Diff(before, after)
			if test.label == "" {
				if len(changes) > 0 || KeyOf(before) != KeyOf(after) {
					t.Errorf("the key changed: %v", changes)
				}
				return
			}
			if len(changes) != 1 || changes[0].Label != test.label {
				t.Errorf("changes = %v, want one in %q", changes, test.label)
			}
			if KeyOf(before) == KeyOf(after) {
				t.Error("the key is the same")
			}
		})
	}
}

// A field that is new in the plan has to be thought about: does it change what
// a step makes? Then it belongs into the key.
func TestEveryFieldOfAStepHasBeenConsidered(t *testing.T) {
	for kind, known := range map[reflect.Type]string{
		reflect.TypeFor[pipeline.Step](): "Name DisplayName Description Component ComponentAsset Position Role Compute Queue Command Code " +
			"Environment Variables Inputs Outputs Timeout Resources Distribution Priority Kind Sweep Parallel Loop Approval Transfer Retry Guards Deterministic",
		reflect.TypeFor[pipeline.Environment]():  "Reference Asset Image Conda Build",
		reflect.TypeFor[pipeline.Build]():        "Context Dockerfile",
		reflect.TypeFor[pipeline.Output]():       "Name Type Mode File Path Asset Control",
		reflect.TypeFor[pipeline.Resources]():    "InstanceCount InstanceType SharedMemory DockerArgs GPUs Memory",
		reflect.TypeFor[pipeline.Distribution](): "Type ProcessesPerInstance Workers ParameterServers",
		reflect.TypeFor[pipeline.Value]():        "Literal Artifact URI",
	} {
		var fields []string
		for field := range kind.Fields() {
			fields = append(fields, field.Name)
		}
		if diff := cmp.Diff(strings.Fields(known), fields); diff != "" {
			t.Errorf("%v has changed; see Ingredients:\n%s", kind, diff)
		}
	}
}

func TestSecretsDoNotEnterAsText(t *testing.T) {
	step := &pipeline.Step{Variables: map[string]string{}}
	for _, name := range []string{"WANDB_API_KEY", "hf_token", "DbPassword", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS"} {
		step.Variables[name] = "hunter2"
	}
	seen := map[string]bool{}
	for _, l := range Ingredients(step, nil, nil) {
		if strings.Contains(l.Text, "hunter2") {
			t.Errorf("%s shows the secret", l.Label)
		}
		if seen[l.Text] {
			t.Errorf("%s tells that it holds the same as another", l.Label)
		}
		seen[l.Text] = true
	}
}

func TestLinesDoNotRunTogether(t *testing.T) {
	lists := [][]Ingredient{
		nil,
		{{"a", "b"}},
		{{"a b", ""}},
		{{"", "a b"}},
		{{"a", "b\n"}},
		{{"a", "b"}, {"", ""}},
		{{"a", "b\n\"c\" \"d\""}},
		{{"a", "b"}, {"c", "d"}},
		{{"c", "d"}, {"a", "b"}},
		{{"a", "\xff"}},
		{{"a", "\ufffd"}},
		{{"a", `\xff`}},
	}
	seen := map[Key]int{}
	for i, l := range lists {
		k := KeyOf(l)
		if j, ok := seen[k]; ok {
			t.Errorf("%v and %v have one key", lists[j], l)
		}
		seen[k] = i
		if _, err := ParseKey(string(k)); err != nil {
			t.Error(err)
		}
	}
}

func TestDiff(t *testing.T) {
	before := []Ingredient{{"command", "a"}, {"code", "1"}, {"input x", "literal 1"}}
	after := []Ingredient{{"command", "a"}, {"input x", "literal 2"}, {"input y", "literal 3"}}
	want := []Change{
		{Changed, "input x", "literal 1", "literal 2"},
		{Added, "input y", "", "literal 3"},
		{Removed, "code", "1", ""},
	}
	if diff := cmp.Diff(want, Diff(before, after)); diff != "" {
		t.Error(diff)
	}
	if changes := Diff(before, before); changes != nil {
		t.Errorf("no difference: %v", changes)
	}
}
