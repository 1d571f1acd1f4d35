package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// artifacts is the output every step has: what it left in outputs/ and logs/.
const artifacts = pipeline.Artifacts

// pipelineComponent reads a pipeline that runs as a node of another.
func (l *loader) pipelineComponent(c *component, n *yaml.Node) {
	l.checkKeys(n, pipelineComponentKeys)
	c.inputs = l.ports(n)
	c.outputs = l.results(n, outputPortKeys)
	l.noPromotions(c.outputs, "an output of a pipeline component")
	c.deterministic = true
	g := &graph{label: c.label(), inputs: c.inputs, outputs: c.outputs, nodes: l.nodes(n)}
	c.graph = g
	if settings := l.mapping(n.Get("settings"), "settings"); settings != nil {
		for _, key := range []string{"on_init", "on_finalize"} {
			if e := settings.Entry(key); e != nil {
				l.problems.errorf(e.Pos(), "set it in the pipeline job", "%s is not possible in a pipeline component", key)
			}
		}
	}
	if n.Get("jobs") == nil && l.misspelledKey(n, "jobs") == "" {
		l.problems.errorf(ownerPos(n), "add \"jobs:\" with the nodes of the pipeline", "%s has no jobs", c.label())
	}
	l.checkGraph(g)
}

// settings reads what a pipeline job says for all its nodes. The compute of the
// job itself is that of its nodes, too, unless the settings name one.
func (l *loader) settings(n *yaml.Node, g *graph) pipeline.Settings {
	s := pipeline.Settings{ContinueOnStepFailure: true}
	s.DefaultCompute = l.computeName(n, "compute")
	m := l.mapping(n.Get("settings"), "settings")
	if m == nil {
		return s
	}
	l.checkKeys(m, settingsKeys)
	if compute := l.computeName(m, "default_compute"); compute != "" {
		s.DefaultCompute = compute
	}
	if d := l.scalar(m.Get("default_datastore"), "default_datastore"); d != nil {
		s.DefaultDatastore = bareName(d.Text)
	}
	s.ContinueOnStepFailure = l.boolean(m, "continue_on_step_failure", true)
	s.ForceRerun = l.boolean(m, "force_rerun", false)
	l.roles(m, g)
	return s
}

// computeName reads a compute that cannot be an expression.
func (l *loader) computeName(n *yaml.Node, key string) string {
	t := newText(l.scalar(n.Get(key), key))
	if t == nil {
		return ""
	}
	if !t.plain() {
		l.problems.errorf(t.node.Pos(), "write the name of the compute", "%s cannot be an expression here", key)
		return ""
	}
	return bareName(t.node.Text)
}

// bareName strips what may stand around the name of a compute or datastore:
// "azureml:NAME", or the path of a resource that ends in the name.
func bareName(reference string) string {
	name := strings.TrimPrefix(strings.TrimSpace(reference), "azureml:")
	if strings.HasPrefix(name, "/") {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	return name
}

// roles reads the nodes that run before and after all others.
func (l *loader) roles(m *yaml.Node, g *graph) {
	var first *node
	for _, key := range []string{"on_init", "on_finalize"} {
		ref := l.scalar(m.Get(key), key)
		if ref == nil {
			continue
		}
		if g == nil {
			l.problems.errorf(m.Entry(key).Pos(), "", "%s names a node of this file, and the nodes of this job are in its component", key)
			continue
		}
		name := ref.Text
		if r := newText(ref).single(); r != nil && r.kind == siblingNode {
			name = r.job
		}
		nd := g.nodes.get(name)
		if nd == nil {
			l.problems.errorf(ref.Pos(), l.didYouMean(name, g.nodes.someNames(), "nodes"), "%s names node %s, which does not exist", key, quote(name))
			continue
		}
		if nd == first {
			l.problems.errorf(ref.Pos(), "", "on_init and on_finalize cannot be the same node")
			return
		}
		first = nd
		nd.role = pipeline.Init
		if key == "on_finalize" {
			nd.role = pipeline.Finalize
		}
		l.checkAlone(nd, g, key)
	}
	if first == nil {
		return
	}
	normal := 0
	for _, nd := range g.nodes.list {
		if nd.role == pipeline.Normal {
			normal++
		}
	}
	if normal == 0 {
		l.problems.errorf(first.at, "", "a pipeline needs a node besides those of on_init and on_finalize")
	}
}

// checkAlone reports bindings between a node that runs apart and the others.
func (l *loader) checkAlone(nd *node, g *graph, key string) {
	for _, other := range g.nodes.list {
		for _, a := range other.inputs.list {
			for _, ref := range a.text.refs() {
				sibling := ref.kind == siblingOutput || ref.kind == siblingInput
				if sibling && (other == nd || ref.job == nd.name) && ref.job != other.name {
					l.problems.errorf(l.place(a.text, ref), "", "node %s is %s, so it cannot be bound to other nodes", quote(nd.name), key)
					a.kind = givenWrong
				}
			}
		}
	}
}
