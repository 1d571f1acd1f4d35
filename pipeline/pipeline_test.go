package pipeline

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTemplatesRenderWithoutQuoting(t *testing.T) {
	inputs := map[string]string{"text": "hello world", "empty": ""}
	input := func(name string) (string, bool) { s, ok := inputs[name]; return s, ok }
	output := func(name string) (string, bool) { return "/out/" + name, true }
	group := func(parts ...Part) Part { return Part{Group: parts} }
	for _, tt := range []struct {
		name     string
		template Template
		want     string
	}{
		{"text and holes", Template{{Text: "echo "}, {Input: "text"}, {Text: " > "}, {Output: "o"}, {Text: "/x"}}, "echo hello world > /out/o/x"},
		{"an absent input outside a group", Template{{Text: "a "}, {Input: "absent"}, {Text: " b"}}, "a  b"},
		{"a group whose input is given", Template{{Text: "a "}, group(Part{Text: "--t "}, Part{Input: "text"})}, "a --t hello world"},
		{"a group whose input is absent", Template{{Text: "a "}, group(Part{Text: "--t "}, Part{Input: "absent"}), {Text: " b"}}, "a  b"},
		{"an empty text is given", Template{group(Part{Text: "--t="}, Part{Input: "empty"})}, "--t="},
		{"a group within a group", Template{group(Part{Text: "x"}, group(Part{Input: "absent"}))}, ""},
		{"a group without inputs", Template{group(Part{Text: "always"})}, "always"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.template.Render(input, output); got != tt.want {
				t.Errorf("rendered %q, want %q", got, tt.want)
			}
		})
	}
}

func TestATemplateIsShownAsItWasWritten(t *testing.T) {
	template := Template{{Text: "run "}, {Input: "x"}, {Text: " "}, {Group: Template{{Text: "--y "}, {Input: "y"}}}, {Text: " > "}, {Output: "o"}}
	const want = "run ${{inputs.x}} $[[--y ${{inputs.y}}]] > ${{outputs.o}}"
	if got := template.String(); got != want {
		t.Errorf("shown as %q, want %q", got, want)
	}
}

func TestPlansSurviveBeingStored(t *testing.T) {
	text := "1e-3"
	plan := Plan{Schema: PlanSchema, Type: PipelineJob, Name: "job", Steps: []Step{{
		Name: "a.b", Command: Template{{Text: "x "}, {Group: Template{{Input: "i"}}}},
		Inputs: []Input{{Name: "i", Type: Number, Binding: Binding{Literal: &text}}},
		Code:   &Code{Artifact: &Artifact{Digest: NewDigest(make([]byte, 32)), Tree: true}},
	}}}
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	step := got.Step("a.b")
	if step == nil || *step.Input("i").Binding.Literal != text || step.Command.String() != "x $[[${{inputs.i}}]]" || !step.Code.Artifact.Tree {
		t.Errorf("stored as %s", data)
	}
}

func TestTheStepsOfAJobAreJobsOfTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		kind JobType
		step string
		want string
	}{
		{PipelineJob, "train", "calm_river-train"},
		{PipelineJob, "outer.train", "calm_river-outer-train"},
		{PipelineJob, MainStep, "calm_river-main"},
		{CommandJob, MainStep, "calm_river"},
	} {
		plan := &Plan{Type: tt.kind, Name: "calm_river"}
		if got := plan.StepJobName(tt.step); got != tt.want {
			t.Errorf("step %s of a %s job is %q, want %q", tt.step, tt.kind, got, tt.want)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("blake3:" + strings.Repeat("0a", 32))
	f.Add("sha256:" + strings.Repeat("0a", 32))
	f.Add("blake3:../../etc/passwd")
	f.Add("blake3:" + strings.Repeat("0A", 32))
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDigest(text)
		if err != nil {
			return
		}
		// A digest becomes part of a path.
		if strings.Trim(d.Hex(), "0123456789abcdef") != "" || len(d.Hex()) != 64 || string(d) != text {
			t.Errorf("%q was taken for a digest", text)
		}
	})
}
