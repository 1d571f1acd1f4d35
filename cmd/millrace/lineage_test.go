package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/lineage"
)

func TestLineageReadsItsFlags(t *testing.T) {
	wants(t, newLineageCmd, "azureml:iris:3", lineageOptions{start: "azureml:iris:3"})
	wants(t, newLineageCmd, "calm_river --upstream --depth 2 --type model", lineageOptions{start: "calm_river", upstream: true, depth: 2, kind: "model"})
	wants(t, newLineageCmd, "calm_river --downstream -o mermaid", lineageOptions{start: "calm_river", downstream: true, drawing: "mermaid"})
	wants(t, newLineageCmd, "calm_river -o json", lineageOptions{start: "calm_river"})
	refuses(t, newLineageCmd, "", "START is missing")
	refuses(t, newLineageCmd, "a b", `unexpected argument "b"`)
	refuses(t, newLineageCmd, "a -o svg", `"svg" is not an output format`)
}

func TestLineageRefusesFlagsThatMakeNoSense(t *testing.T) {
	for line, want := range map[string]string{
		"lineage x --type modle":             `--type: "modle" is not a kind of asset`,
		"lineage x --depth -1":               "--depth: -1 is less than nothing",
		"lineage x -o dot --query nodes":     "--query cannot pick from a drawing",
		"job list -o mermaid":                `"mermaid" is not an output format`,
		"lineage calm_river":                 `no job "calm_river" is recorded`,
		"lineage azureml:iris:1 --type data": `there is no asset azureml:iris:1`,
	} {
		c := newConsole(t)
		if code := c.run(strings.Fields(line)...); code != exitUsage || !strings.Contains(c.err.String(), want) || c.out.Len() > 0 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", line, code, c.out.String(), c.err.String(), want)
		}
	}
}

// Names are anybody's: no sign in them may mean something in a drawing.
func TestDrawingsSpellOutWhatMeansSomething(t *testing.T) {
	l := &lineage.Lineage{
		Start: []string{"b"},
		Nodes: []*lineage.Node{
			{ID: "a", Kind: lineage.Place, Name: "file:///x/we\"ird]) `x` | %% end #35; <b>ü\\\x1b[31m\n.csv"},
			{ID: "b", Kind: lineage.Step, Name: "one/end"},
		},
		Edges: []lineage.Edge{{From: "a", To: "b", Kind: lineage.Input, Port: "graph"}, {From: "b", To: "a", Kind: lineage.Published}},
	}
	for format, want := range map[string]string{
		"mermaid": `flowchart LR
  n0["file:///x/we#34;ird#93;#41; #96;x#96; #124; #37;#37; end #35;35#59; #60;b#62;ü#92;.csv"]
  n1(["step one/end"])
  n0 -->|"graph"| n1
  n1 -->|"published"| n0
  style n1 stroke-width:3px
`,
		"dot": `digraph lineage {
  rankdir=LR;
  n0 [shape=box, label="file:///x/we\"ird]) ` + "`x`" + ` | %% end #35; <b>ü\\.csv"];
  n1 [shape=ellipse, label="step one/end"];
  n0 -> n1 [label="graph"];
  n1 -> n0 [label="published"];
}
`,
	} {
		var got strings.Builder
		if err := draw(&got, format, l); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", format, diff)
		}
	}
}
