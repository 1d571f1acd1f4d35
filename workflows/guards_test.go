package workflows

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

// A step that a condition leaves out is skipped, and so is what needs it; the job
// completes.
func TestAConditionSkipsWhatItIsAgainst(t *testing.T) {
	s := &scripted{graph: graph("a", "yes", "no", "after < no", "join < yes? no?"), values: map[string]map[string]string{"a": {"ok": "True"}}}
	s.graph.Nodes[1].Guards = []Guard{{Node: 0, Output: "ok", Want: true, Of: "choose"}}
	s.graph.Nodes[2].Guards = []Guard{{Node: 0, Output: "ok", Of: "choose"}}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "Completed", "yes": "Completed", "no": "Completed", "after": "Completed", "join": "Completed"})
	skipped := map[string]string{}
	for _, state := range s.finished.Steps {
		if state.Skipped != "" {
			skipped[state.Name] = state.Skipped
		}
	}
	want := map[string]string{"no": "condition of choose is true", "after": "it needs no, which was skipped"}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if _, ok := s.inputs["join"]["in1"]; ok {
		t.Error("join was given the output of a step that was skipped")
	}
}

// Nobody knows a condition whose step failed: what depends on it does not run.
func TestAConditionThatIsNotKnownRunsNothing(t *testing.T) {
	s := &scripted{graph: graph("a", "yes", "no"), outcome: map[string]string{"a": "fail"}}
	s.graph.Nodes[1].Guards = []Guard{{Node: 0, Output: "ok", Want: true, Of: "choose"}}
	s.graph.Nodes[2].Guards = []Guard{{Node: 0, Output: "ok", Of: "choose"}}
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed", "yes": "NotStarted", "no": "NotStarted"})
}

// A condition may be a value of the file, or an input of the loop around.
func TestAConditionMayBeKnownBefore(t *testing.T) {
	s := &scripted{graph: graph("constant", "given")}
	s.graph.Nodes[0].Guards = []Guard{{Node: -1, Value: true, Want: false, Of: "choose"}}
	s.graph.Nodes[1].Guards = []Guard{{Node: -1, Parameter: "flag", Want: true, Of: "choose"}}
	s.carried = PipelineInput{Job: "job", Plan: "plan", Graph: s.graph, Values: map[string]pipeline.Value{"flag": pipeline.Text("True")}}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"given"}, s.ran); diff != "" {
		t.Error(diff)
	}
}

// A literal input takes the value of a control output, joined text those of the
// loop around; a data input takes the file.
func TestLiteralInputsTakeValues(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a a"), values: map[string]map[string]string{"a": {"out": "7"}}}
	s.graph.Nodes[1].Edges[0].Literal = true
	s.graph.Nodes[1].Given = []Given{
		{Input: "n", Binding: pipeline.Binding{Parameter: "n"}},
		{Input: "joined", Binding: pipeline.Binding{Joined: &pipeline.Template{{Text: "item "}, {Input: "n"}}}},
		{Input: "absent", Binding: pipeline.Binding{Parameter: "absent"}},
	}
	s.carried = PipelineInput{Job: "job", Plan: "plan", Graph: s.graph, Values: map[string]pipeline.Value{"n": pipeline.Text("3")}}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	want := map[string]pipeline.Value{
		"in0": pipeline.Text("7"), "in1": pipeline.Content(output("a")["out"]), "n": pipeline.Text("3"), "joined": pipeline.Text("item 3"),
	}
	if diff := cmp.Diff(want, s.inputs["b"]); diff != "" {
		t.Errorf("b was given (-want +got):\n%s", diff)
	}
}
