package lineage_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/pipeline"
)

// TestLineage draws the trees of every start of the world, and compares them
// with testdata.
func TestLineage(t *testing.T) {
	w := trained(t)
	g := w.read()
	if len(g.Problems) > 0 {
		t.Errorf("problems: %q", g.Problems)
	}
	for name, text := range map[string]string{
		"model": "azureml:iris:1", "data": "azureml:iris:1", "component": "azureml:train@latest",
		"output": "first/train/model", "reused_output": "second/train/model", "job_output": "azureml://jobs/second/outputs/best",
		"step": "first/clean", "command": "third/main", "job": "second", "place": "file:///home/ann/notes.txt",
		"published": "azureml://datastores/shop/paths/first-train/model",
		"content":   string(w.content("model").Digest), "short_content": w.content("code").Digest.Short(),
	} {
		t.Run(name, func(t *testing.T) {
			var kind pipeline.AssetKind
			if name == "model" || name == "data" {
				kind = pipeline.AssetKind(name)
			}
			s, err := g.Find(t.Context(), text, kind)
			if err != nil {
				t.Fatal(err)
			}
			l := g.Around(s, lineage.Both, 0)
			compare(t, filepath.Join("testdata", name+".txt"), l.Title+"\n\nmade from\n"+draw(l.Up(), 1)+"\nmade from it\n"+draw(l.Down(), 1))
		})
	}
}

func TestEitherWay(t *testing.T) {
	w := trained(t)
	g := w.read()
	s := w.find(g, "first/train")
	for d, want := range map[lineage.Direction][2]bool{lineage.Upstream: {true, false}, lineage.Downstream: {false, true}, lineage.Both: {true, true}} {
		l := g.Around(s, d, 0)
		if got := [2]bool{len(l.Up()) > 0, len(l.Down()) > 0}; got != want {
			t.Errorf("direction %d goes up, down: %v, want %v", d, got, want)
		}
	}
}

// The depth is how many steps the walk goes through.
func TestDepth(t *testing.T) {
	w := trained(t)
	g := w.read()
	s, err := g.Find(t.Context(), "azureml:iris:1", pipeline.DataAsset)
	if err != nil {
		t.Fatal(err)
	}
	steps := func(l *lineage.Lineage) (names []string) {
		for _, n := range l.Nodes {
			if n.Kind == lineage.Step {
				names = append(names, n.Name)
			}
		}
		return names
	}
	for depth, want := range [][]string{
		1: {"first/clean"},
		2: {"first/clean", "first/train"},
		3: {"first/clean", "first/train", "third/main", "fourth/main"},
	} {
		if depth == 0 {
			continue
		}
		l := g.Around(s, lineage.Downstream, depth)
		if diff := cmp.Diff(want, steps(l)); diff != "" {
			t.Errorf("depth %d (- want, + got):\n%s", depth, diff)
		}
		if cut := len(l.More) > 0; cut != (depth < 3) {
			t.Errorf("depth %d: more at %q", depth, l.More)
		}
	}
}

// Edges lead from what was there to what came of it, between nodes that are
// part of the answer.
func TestEdgesHaveTheirNodes(t *testing.T) {
	w := trained(t)
	g := w.read()
	l := g.Around(w.find(g, "second"), lineage.Both, 0)
	nodes := map[string]bool{}
	for _, n := range l.Nodes {
		if nodes[n.ID] {
			t.Errorf("%s is there twice", n.ID)
		}
		nodes[n.ID] = true
	}
	for _, e := range l.Edges {
		if !nodes[e.From] || !nodes[e.To] {
			t.Errorf("an edge leads from %s to %s", e.From, e.To)
		}
	}
	if len(l.Nodes) < 10 || len(l.Edges) < 10 {
		t.Errorf("only %d nodes and %d edges", len(l.Nodes), len(l.Edges))
	}
}

func TestReusedStepsAreTheOnesThatRan(t *testing.T) {
	w := trained(t)
	g := w.read()
	for reused, ran := range map[string]string{"second/train": "first/train", "second/train/model": "first/train/model", "second-train": "first/train"} {
		s := w.find(g, reused)
		l := g.Around(s, lineage.Both, 0)
		i := slices.IndexFunc(l.Nodes, func(n *lineage.Node) bool { return n.ID == s.Nodes[0] })
		if n := l.Nodes[i]; n.Name != ran || !strings.Contains(l.Title, reused) {
			t.Errorf("%s leads to %s (%s), want %s", reused, n.Name, l.Title, ran)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	w := trained(t)
	g := w.read()
	for text, want := range map[string]string{
		"azureml:iriss:1":                "did you mean azureml:iris?",
		"azureml:train:9":                "has no version 9 (it has 2)",
		"azureml:iris:1":                 "say which with --type data",
		"azureml:a b":                    "write azureml:NAME:VERSION",
		"frist":                          "did you mean first?",
		"first/trian":                    "it has first/clean/artifacts, first/clean/data",
		"first/train/modl":               "first/train/model",
		"frist/train":                    "did you mean first?",
		"azureml://jobs/first/outputs/x": "is not the output of a job",
		"blake3:00000000":                "no recorded step",
		"blake3:":                        "digests begin with",
		"0123456789":                     "no recorded step",
		"file:///nowhere":                "no recorded step has read or written",
		"":                               "is recorded",
		"/":                              "is recorded",
		"azureml:":                       "does not name an asset",
	} {
		_, err := g.Find(t.Context(), text, "")
		unknown, ok := errors.AsType[*lineage.Unknown](err)
		if !ok {
			t.Errorf("Find(%q) = %v", text, err)
		} else if all := unknown.Message + "\n" + unknown.Hint; !strings.Contains(all, want) {
			t.Errorf("Find(%q) says %q, want %q", text, all, want)
		}
	}
}
