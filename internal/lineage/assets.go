package lineage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// asset is the node of a version of an asset. What the records say of it is
// filled in by version.
func (g *Graph) asset(ref pipeline.AssetRef) *Node {
	return g.node(assetID(ref), func() Node { return Node{Kind: Kind(ref.Kind), Name: ref.String()} })
}

func assetID(ref pipeline.AssetRef) string { return string(ref.Kind) + ":" + ref.String() }

// reference is the node of the asset that a plan refers to.
func (r *reader) reference(text string, kind pipeline.AssetKind) *Node {
	ref, err := pipeline.ParseAssetRef(text, kind)
	if err != nil {
		return r.graph.node(string(kind)+":"+text, func() Node {
			return Node{Kind: Kind(kind), Name: text, Missing: "this is not a reference to an asset"}
		})
	}
	ref.Kind = kind
	return r.graph.asset(ref)
}

// data is the node of the data or model that an input was given. Short
// references do not say which of the two is meant.
func (r *reader) data(text string, as pipeline.PortType, content *pipeline.Artifact) *Node {
	kind, other := pipeline.DataAsset, pipeline.ModelAsset
	if as == pipeline.CustomModel || as == pipeline.MLflowModel || as == pipeline.TritonModel {
		kind, other = other, kind
	}
	switch ref, err := pipeline.ParseAssetRef(text, ""); {
	case err != nil:
	case ref.Kind != "":
		kind = ref.Kind
	case !r.has(ref, kind, content) && r.has(ref, other, content):
		kind = other
	}
	n := r.reference(text, kind)
	if n.Content == nil {
		n.Content = content
	}
	return n
}

// has tells whether there is such a version, and its content is not another.
func (r *reader) has(ref pipeline.AssetRef, kind pipeline.AssetKind, content *pipeline.Artifact) bool {
	ref.Kind = kind
	i, ok := r.index[assetID(ref)]
	if !ok || content == nil || r.stored[i].Artifact == nil {
		return ok
	}
	return r.stored[i].Artifact.Digest == content.Digest
}

// version draws what the record of an asset says.
func (r *reader) version(ctx context.Context, v version) {
	g := r.graph
	n := g.asset(v.Ref(v.registry))
	n.Type, n.Time, n.Missing = v.Type, v.Created, ""
	if v.Artifact != nil {
		n.Content = v.Artifact
	}
	origin := r.madeFrom(ctx, v)
	switch {
	case origin != nil && origin.Kind == Output:
		g.edge(origin, n, Registered, "")
	case origin != nil:
		g.edge(origin, n, Shared, "")
	case v.URI != "":
		g.edge(g.place(v.URI, nil), n, Content, "")
	}
	for _, a := range v.Artifacts {
		g.edge(g.content(a), n, Part, "")
	}
}

// others looks up the assets that are used, and were not read with the store:
// those of the registries that are not looked through, and those that are gone.
func (r *reader) others(ctx context.Context) {
	for _, id := range slices.Sorted(maps.Keys(r.graph.nodes)) {
		n := r.graph.nodes[id]
		if _, read := r.index[id]; read || n.Missing != "" || !slices.Contains(pipeline.AssetKinds(), pipeline.AssetKind(n.Kind)) {
			continue
		}
		ref, err := pipeline.ParseAssetRef(n.Name, pipeline.AssetKind(n.Kind))
		if err == nil {
			err = r.lookUp(ctx, ref)
		}
		if err != nil {
			n.Missing = strings.ToValidUTF8(err.Error(), "?")
		}
	}
}

func (r *reader) lookUp(ctx context.Context, ref pipeline.AssetRef) error {
	if ref.Registry == "" {
		return fmt.Errorf("the %s is no longer in the store", ref.Kind)
	}
	c, err := r.catalog(ctx, ref.Registry)
	if err != nil {
		return fmt.Errorf("registry %s: %w", ref.Registry, err)
	}
	v, err := c.Find(ctx, ref)
	if err != nil {
		return err
	}
	r.version(ctx, version{v, ref.Registry})
	return nil
}

// jobsForm is what addresses of the outputs of jobs begin with.
const jobsForm = "azureml://jobs/"

// jobOutput is the output that azureml://jobs/J/outputs/O means, or a file
// below it; nil where there is none.
func (g *Graph) jobOutput(uri string) *Node {
	job, rest, ok := strings.Cut(strings.TrimPrefix(uri, jobsForm), "/outputs/")
	if !ok {
		return nil
	}
	output, _, _ := strings.Cut(rest, "/")
	return g.outputOf(job, output)
}

// outputOf is the output of a job: its own, that of a command, "step.output" of
// a step, or the output of the child job that a step is to the outside.
func (g *Graph) outputOf(name, output string) *Node {
	if output == "default" { // az's name for the artifacts
		output = pipeline.Artifacts
	}
	j := g.jobs[name]
	if j == nil {
		if child := g.child(name); child.job != "" {
			return g.made(child, output)
		}
		return nil
	}
	if j.plan.Type.Single() {
		return g.made(stepName{name, pipeline.MainStep}, output)
	}
	for _, o := range j.plan.Outputs {
		if o.Name == output && o.From != nil {
			return g.made(stepName{name, o.From.Step}, o.From.Output)
		}
	}
	if i := strings.LastIndexByte(output, '.'); i > 0 {
		return g.made(stepName{name, output[:i]}, output[i+1:])
	}
	return nil
}

// child is the step that goes by the name of a child job.
func (g *Graph) child(name string) stepName {
	for i := strings.LastIndexByte(name, '-'); i > 0; i = strings.LastIndexByte(name[:i], '-') {
		if j := g.jobs[name[:i]]; j != nil {
			for s := range j.states {
				if j.stepJobName(s) == name {
					return stepName{j.name, s}
				}
			}
		}
	}
	return stepName{}
}

// made is an output that was made; nil for any other.
func (g *Graph) made(s stepName, output string) *Node {
	if j := g.jobs[s.job]; j != nil {
		if _, ok := j.states[s.step].Outputs[output]; ok {
			return g.output(s, output)
		}
	}
	return nil
}
