package lineage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

// Start is where a walk begins: one node, or all those that a job or content
// consists of.
type Start struct {
	// Title is what was asked for, as people say it.
	Title string
	// Nodes are all nodes that are meant. What they were made from is found
	// going up from Last, what was made from them going down from First.
	Nodes, First, Last []string
}

// Unknown is the error for a text that leads to nothing, or to too much.
type Unknown struct {
	// Message says what there is not; Hint what to write instead.
	Message, Hint string
}

func (u *Unknown) Error() string { return u.Message }

// Find finds what a text means:
//
//	azureml:NAME:VERSION, azureml:NAME@latest, azureml:NAME, registry forms
//	blake3:DIGITS, or the first of the digits
//	JOB, JOB/STEP, JOB/STEP/OUTPUT, JOB/OUTPUT, azureml://jobs/JOB/outputs/OUTPUT
//	the URI of a place: azureml://datastores/..., file:///..., https://...
//
// Short references to assets do not say which kind is meant; where several kinds
// have the name, kind has to. What is not there is an [Unknown].
func (g *Graph) Find(ctx context.Context, text string, kind pipeline.AssetKind) (Start, error) {
	text = pipeline.WithoutSecrets(text)
	switch {
	case strings.HasPrefix(text, jobsForm):
		if n := g.jobOutput(text); n != nil {
			return g.called(n, text), nil
		}
		return Start{}, &Unknown{fmt.Sprintf("%q is not the output of a job that is recorded, or it was not made", text), "write azureml://jobs/JOB/outputs/OUTPUT"}
	case g.isPlace(text):
		return g.places(text), nil
	case strings.HasPrefix(text, "azureml:"):
		return g.findAsset(ctx, text, kind)
	case strings.Contains(text, "://"):
		return Start{}, &Unknown{fmt.Sprintf("no recorded step has read or written %q", text), ""}
	case strings.HasPrefix(text, pipeline.Blake3+":"):
		return g.findContent(strings.TrimPrefix(text, pipeline.Blake3+":"))
	case strings.Contains(text, "/"):
		return g.findPart(text)
	case g.jobs[text] != nil:
		return g.wholeJob(g.jobs[text]), nil
	case len(text) >= leastDigits && strings.Trim(text, "0123456789abcdef") == "":
		return g.findContent(text)
	}
	if child := g.child(text); child.job != "" {
		return g.called(g.step(child), text), nil
	}
	return Start{}, g.noJob(text)
}

// leastDigits is how many digits of a digest are taken for one without
// "blake3:" before them.
const leastDigits = 6

// one is a walk that begins at a node.
func (g *Graph) one(n *Node) Start {
	id := []string{n.ID}
	return Start{Title: string(n.Kind) + " " + n.Name, Nodes: id, First: id, Last: id}
}

// called is a walk that begins at a node that has another name, too: that of a
// job's output, or of a step that was reused.
func (g *Graph) called(n *Node, name string) Start {
	s := g.one(n)
	if name != n.Name {
		s.Title = fmt.Sprintf("%s %s, that is %s", n.Kind, name, n.Name)
	}
	return s
}

// several is a walk that begins at nodes that belong together.
func (g *Graph) several(title string, nodes []string) Start {
	within := func(edges []Edge, far func(Edge) string) bool {
		return slices.ContainsFunc(edges, func(e Edge) bool { return slices.Contains(nodes, far(e)) })
	}
	s := Start{Title: title, Nodes: nodes}
	for _, id := range nodes {
		if !within(g.in[id], from) {
			s.First = append(s.First, id)
		}
		if !within(g.out[id], to) {
			s.Last = append(s.Last, id)
		}
	}
	return s.whole()
}

// whole makes sure that a walk begins somewhere, also in a circle.
func (s Start) whole() Start {
	if s.First == nil {
		s.First = s.Nodes
	}
	if s.Last == nil {
		s.Last = s.Nodes
	}
	return s
}

func from(e Edge) string { return e.From }
func to(e Edge) string   { return e.To }

// findAsset finds a version of an asset: in a catalog, or where a step has
// used it.
func (g *Graph) findAsset(ctx context.Context, text string, kind pipeline.AssetKind) (Start, error) {
	ref, err := pipeline.ParseAssetRef(text, kind)
	if err != nil {
		return Start{}, &Unknown{err.Error(), "write azureml:NAME:VERSION, azureml:NAME@latest, or JOB/STEP/OUTPUT"}
	}
	kinds := pipeline.AssetKinds()
	if ref.Kind != "" {
		kinds = []pipeline.AssetKind{ref.Kind}
	}
	var found []*Node
	var missing []*asset.NotFound
	for _, ref.Kind = range kinds {
		n, err := g.lookUp(ctx, ref)
		if gone, ok := errors.AsType[*asset.NotFound](err); ok {
			missing = append(missing, gone)
		} else if err != nil {
			return Start{}, err
		} else {
			found = append(found, n)
		}
	}
	switch {
	case len(found) == 1:
		return g.one(found[0]), nil
	case len(found) > 1:
		var names []string
		for _, n := range found {
			names = append(names, string(n.Kind))
		}
		return Start{}, &Unknown{fmt.Sprintf("%s is the name of a %s", text, strings.Join(names, " and of a ")), "say which with --type " + names[0]}
	}
	return Start{}, noAsset(text, missing)
}

// lookUp finds a version of one kind.
func (g *Graph) lookUp(ctx context.Context, ref pipeline.AssetRef) (*Node, error) {
	c, err := g.reader.catalog(ctx, ref.Registry)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", ref.Registry, err)
	}
	v, err := c.Find(ctx, ref)
	if err == nil {
		g.reader.version(ctx, version{v, ref.Registry})
		g.join()
		return g.asset(v.Ref(ref.Registry)), nil
	}
	if n := g.nodes[assetID(ref)]; n != nil && ref.Pinned() {
		return n, nil // deleted since, or damaged
	}
	return nil, err
}

// noAsset says what there is in the place of what was asked for.
func noAsset(text string, missing []*asset.NotFound) error {
	var near []string
	for _, m := range missing {
		if len(m.Versions) > 0 {
			return &Unknown{m.Error(), ""}
		}
		near = append(near, m.Near...)
	}
	slices.Sort(near)
	hint := "`millrace model list` and its like list what there is"
	if near = slices.Compact(near); len(near) > 0 {
		hint = "did you mean azureml:" + near[0] + "?"
	}
	return &Unknown{fmt.Sprintf("there is no asset %s", text), hint}
}

// isPlace tells whether some step read from there, or wrote to there.
func (g *Graph) isPlace(uri string) bool {
	for _, n := range g.nodes {
		if n.Kind == Place && n.Name == uri {
			return true
		}
	}
	return false
}

// places is what has lain at a place over time.
func (g *Graph) places(uri string) Start {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		if n := g.nodes[id]; n.Kind == Place && n.Name == uri {
			ids = append(ids, id)
		}
	}
	return g.several("place "+uri, ids)
}

// findContent finds everything of a digest, or of the one that begins so.
func (g *Graph) findContent(digits string) (Start, error) {
	like := map[pipeline.Digest]bool{}
	for _, n := range g.nodes {
		if n.Content != nil && strings.HasPrefix(n.Content.Digest.Hex(), digits) {
			like[n.Content.Digest] = true
		}
	}
	digests := slices.Sorted(maps.Keys(like))
	switch {
	case len(digests) == 0:
		return Start{}, &Unknown{fmt.Sprintf("no recorded step has read or made content whose digest begins with %q", digits), ""}
	case len(digests) > 1:
		return Start{}, &Unknown{fmt.Sprintf("%d digests begin with %q", len(digests), digits),
			fmt.Sprintf("write more of it: %s or %s", digests[0], digests[1])}
	}
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		if n := g.nodes[id]; n.Content != nil && n.Content.Digest == digests[0] {
			ids = append(ids, id)
		}
	}
	return g.several("content "+string(digests[0]), ids), nil
}

// findPart finds JOB/STEP/OUTPUT, JOB/OUTPUT or JOB/STEP.
func (g *Graph) findPart(text string) (Start, error) {
	name, rest, _ := strings.Cut(text, "/")
	j := g.jobs[name]
	if j == nil {
		return Start{}, g.noJob(name)
	}
	step, output, whole := strings.Cut(rest, "/")
	if whole {
		if n := g.made(stepName{name, step}, output); n != nil {
			return g.called(n, text), nil
		}
		return Start{}, &Unknown{fmt.Sprintf("job %s has made no output %q in a step %q", name, output, step), g.parts(j)}
	}
	if n := g.outputOf(name, rest); n != nil {
		return g.called(n, text), nil
	}
	if j.ran(rest) {
		return g.called(g.step(stepName{name, rest}), text), nil
	}
	return Start{}, &Unknown{fmt.Sprintf("job %s has no step or output %q that ran or was made", name, rest), g.parts(j)}
}

// parts lists what a job has that a walk can begin at.
func (g *Graph) parts(j *job) string {
	const most = 12
	var names []string
	for i := range j.plan.Steps {
		step := j.plan.Steps[i].Name
		for _, output := range slices.Sorted(maps.Keys(j.states[step].Outputs)) {
			names = append(names, j.name+"/"+step+"/"+output)
		}
	}
	if len(names) == 0 {
		return "no step of the job has made anything"
	}
	return "it has " + strings.Join(names[:min(most, len(names))], ", ")
}

// wholeJob is a walk around all steps of a job.
func (g *Graph) wholeJob(j *job) Start {
	s := Start{Title: "job " + j.name}
	for i := range j.plan.Steps {
		if name := j.plan.Steps[i].Name; j.ran(name) {
			if id := g.step(stepName{j.name, name}).ID; !slices.Contains(s.Nodes, id) {
				s.Nodes = append(s.Nodes, id)
			}
		}
	}
	after := map[string][]string{} // which steps read what a step made
	before := map[string]bool{}
	for _, id := range s.Nodes {
		for _, made := range g.out[id] {
			for _, read := range g.out[made.To] {
				if slices.Contains(s.Nodes, read.To) {
					after[id] = append(after[id], read.To)
					before[read.To] = true
				}
			}
		}
	}
	for _, id := range s.Nodes {
		if !before[id] {
			s.First = append(s.First, id)
		}
		if after[id] == nil {
			s.Last = append(s.Last, id)
		}
	}
	return s.whole()
}

func (g *Graph) noJob(name string) error {
	names := slices.Sorted(maps.Keys(g.jobs))
	hint := "`millrace job list` lists the jobs"
	if near := asset.Near(name, names); len(near) > 0 {
		hint = "did you mean " + near[0] + "?"
	}
	return &Unknown{fmt.Sprintf("no job %q is recorded", name), hint}
}
