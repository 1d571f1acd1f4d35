package lineage

import (
	"maps"
	"slices"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Kind is what a node stands for. Versions of assets have the kinds of assets:
// "model", "data", "component", "environment".
type Kind string

// The further kinds of nodes.
const (
	// Step is a program that ran.
	Step Kind = "step"
	// Output is what a step made.
	Output Kind = "output"
	// Artifact is content that has no name: code, or a build context.
	Artifact Kind = "artifact"
	// Place is where data was read from, or published to.
	Place Kind = "place"
	// Image is a container image that a step asked for.
	Image Kind = "image"
)

// Relation is what an edge says of its two ends.
type Relation string

// The relations, each from what was there to what came of it.
const (
	// Input: a step read it.
	Input Relation = "input"
	// Code: a step ran it.
	Code Relation = "code"
	// Runtime: a step asked for it as its environment.
	Runtime Relation = "environment"
	// Definition: a step was made from the component.
	Definition Relation = "component"
	// Made: a step made the output.
	Made Relation = "output"
	// Registered: an output became the version of an asset.
	Registered Relation = "registered"
	// Published: an output was written to a place.
	Published Relation = "published"
	// Shared: a version of an asset was copied from another one.
	Shared Relation = "shared"
	// Part: the definition of an asset refers to it, as that of a component to
	// its code.
	Part Relation = "part"
	// Content: both have the same bytes.
	Content Relation = "content"
)

// Node is a thing that was made, or that something was made from.
type Node struct {
	// ID tells nodes apart, and stays the same from one reading to the next.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Name is what people call it: "JOB/STEP", "azureml:iris:3", a URI, or the
	// beginning of a digest.
	Name string `json:"name"`
	// Type is that of data and models, or of a component.
	Type string `json:"type,omitempty"`
	// Job, Step and Output are set as far as they apply.
	Job    string `json:"job,omitempty"`
	Step   string `json:"step,omitempty"`
	Output string `json:"output,omitempty"`
	// Content is what the thing consists of, where that is known.
	Content *pipeline.Artifact `json:"artifact,omitempty"`
	// Status is that of a step.
	Status pipeline.Status `json:"status,omitempty"`
	// Time is when it was made: when a step ended, a version was created.
	Time time.Time `json:"time,omitzero"`
	// ReusedBy are the steps ("JOB/STEP") that took the outputs of this one
	// instead of running.
	ReusedBy []string `json:"reused_by,omitempty"`
	// Missing says why nothing more is known of it.
	Missing string `json:"missing,omitempty"`
}

// isByProduct tells what every step leaves behind without being asked.
func (n *Node) isByProduct() bool { return n.Kind == Output && n.Output == pipeline.Artifacts }

// Edge says that To came of From.
type Edge struct {
	From string   `json:"from"`
	To   string   `json:"to"`
	Kind Relation `json:"kind"`
	// Port is the step's input or output that it went through.
	Port string `json:"port,omitempty"`
}

// Graph is everything that the records say.
type Graph struct {
	// Problems name what could not be read, and why.
	Problems []string
	// LeftOut is how many jobs were not read, since there are too many.
	LeftOut int

	nodes map[string]*Node
	in    map[string][]Edge // by To
	out   map[string][]Edge // by From
	known map[Edge]bool
	// jobs are the jobs that were read, reused what steps took over.
	jobs   map[string]*job
	reused map[stepName]stepName
	// outputs are those of each digest.
	outputs map[pipeline.Digest][]string
	reader  *reader
}

func newGraph() *Graph {
	return &Graph{
		nodes: map[string]*Node{}, in: map[string][]Edge{}, out: map[string][]Edge{}, known: map[Edge]bool{},
		jobs: map[string]*job{}, reused: map[stepName]stepName{}, outputs: map[pipeline.Digest][]string{},
	}
}

// stepName tells the steps of all jobs apart.
type stepName struct{ job, step string }

func (s stepName) String() string { return s.job + "/" + s.step }

// node returns the node of that id, made by fill where it is not there yet.
func (g *Graph) node(id string, fill func() Node) *Node {
	n := g.nodes[id]
	if n == nil {
		made := fill()
		made.ID = id
		n = &made
		g.nodes[id] = n
	}
	return n
}

// edge adds an edge, once.
func (g *Graph) edge(from, to *Node, kind Relation, port string) {
	e := Edge{from.ID, to.ID, kind, port}
	if g.known[e] || from == to {
		return
	}
	g.known[e] = true
	g.in[e.To] = append(g.in[e.To], e)
	g.out[e.From] = append(g.out[e.From], e)
}

// content returns the node of a digest.
func (g *Graph) content(a pipeline.Artifact) *Node {
	return g.node(contentID(a.Digest), func() Node {
		return Node{Kind: Artifact, Name: a.Digest.Short(), Content: &a}
	})
}

func contentID(d pipeline.Digest) string { return "artifact:" + string(d) }

// join ties together what is the same under two names: an output that came back
// as data from outside, or as an asset that somebody created from a copy; and a
// place, and what is known to have lain there.
func (g *Graph) join() {
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		n := g.nodes[id]
		if n.Content == nil || n.Kind == Output || n.Kind == Artifact {
			continue
		}
		if there := g.nodes[placeID(n.Name, nil)]; n.Kind == Place && there != nil {
			g.edge(n, there, Content, "")
		}
		if !slices.ContainsFunc(g.in[id], func(e Edge) bool { return e.Kind != Content }) {
			g.same(n)
		}
	}
}

// same ties a node to the outputs with its content that were made before it.
// Where the same was made over and over, the first times are enough.
func (g *Graph) same(n *Node) {
	const most = 20
	for i, id := range g.outputs[n.Content.Digest] {
		if made := g.nodes[id]; i < most && (n.Time.IsZero() || !made.Time.After(n.Time)) {
			g.edge(made, n, Content, "")
		}
	}
}

// order sorts edges by when what they lead to was made, and keeps the order of
// the plan where that is the same.
func (g *Graph) order(edges []Edge, far func(Edge) string) []Edge {
	sorted := slices.Clone(edges)
	slices.SortStableFunc(sorted, func(a, b Edge) int {
		return g.nodes[far(a)].Time.Compare(g.nodes[far(b)].Time)
	})
	return sorted
}
