package azureml

import (
	"regexp"
	"slices"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// nodeName is the grammar of the keys under jobs.
var nodeName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// nodes reads what stands under jobs, or under what was surely meant to be
// jobs; that mistake is reported with the other unknown keys.
func (l *loader) nodes(m *yaml.Node) (list table[*node]) {
	n := m.Get("jobs")
	if n == nil {
		n = m.Get(l.misspelledKey(m, "jobs"))
	}
	if n = l.mapping(n, "jobs"); n == nil {
		return list
	}
	for _, e := range n.Entries {
		nd := &node{name: e.Key, at: e.Pos()}
		list.add(nd)
		if !nodeName.MatchString(e.Key) {
			l.problems.errorf(e.Pos(), "use lower-case letters, digits and underscores, and begin with a letter or an underscore",
				"%s cannot name a node", quote(e.Key))
		}
		if e.Value.Kind != yaml.Map {
			l.problems.errorf(at(e), "", "node %s must be a mapping, not %s", quote(e.Key), e.Value.Kind)
			continue
		}
		l.node(nd, e.Value)
	}
	return list
}

func (l *loader) node(nd *node, n *yaml.Node) {
	kind, at := l.kind(n)
	reference := n.Get("component")
	switch {
	case contains(ownKinds, kind):
		l.ownNode(nd, n, kind, at)
		return
	case contains(laterKinds, kind):
		l.refuseNode(nd, n, kind, at)
		return
	case kind != "command" && kind != "pipeline":
		legal := slices.Concat([]string{"command", "pipeline"}, ownKinds, laterKinds)
		l.problems.errorf(at, l.didYouMean(kind, legal, "types"), "%q is not a type of node", clip(kind))
		return
	case reference == nil && kind == "pipeline":
		if jobs := n.Entry("jobs"); jobs != nil {
			l.problems.errorf(jobs.Pos(), "move the jobs into a file of their own with \"type: pipeline\", and name it under component",
				"a pipeline cannot be written inside of a pipeline")
		} else {
			l.problems.errorf(nd.at, `add "component: ./pipeline.yml"`, "the pipeline node %s has no component", quote(nd.name))
		}
		return
	}
	l.common(nd, n)
	if reference == nil {
		l.checkKeys(n, commandNodeKeys)
		l.inline(nd, n)
		return
	}
	c := l.componentOf(reference)
	if c == nil {
		l.environment(n)
		return
	}
	if c.kind != "" {
		l.checkKind(nd, n, kind, c)
		l.ownNode(nd, n, c.kind, at)
		return
	}
	if c.graph == nil {
		l.checkKeys(n, componentNodeKeys)
		nd.variables, nd.timeout, nd.retry = l.variables(n), l.timeout(n), l.retry(n)
		nd.resources, nd.distributed = l.resources(n), l.distribution(n)
		nd.environment = l.environment(n)
	} else {
		l.checkKeys(n, pipelineNodeKeys)
	}
	fits := l.portCount <= maxPorts
	if l.portCount += len(c.inputs.list) + len(c.outputs.list); l.portCount > maxPorts {
		if fits {
			l.problems.errorf(nd.at, "", "the nodes up to here have more than %d inputs and outputs", maxPorts)
		}
		return
	}
	l.checkKind(nd, n, kind, c)
	nd.runs = c
	l.undeclared(nd)
}

// common reads what nodes of every kind that runs something say.
func (l *loader) common(nd *node, n *yaml.Node) {
	nd.displayName, nd.description = l.str(n, "display_name"), l.str(n, "description")
	nd.compute = newText(l.scalar(n.Get("compute"), "compute"))
	nd.priority = l.priority(n)
	nd.inputs, nd.inputsAt = l.arguments(n, true), nd.at
	if e := n.Entry("inputs"); e != nil {
		nd.inputsAt = e.Pos()
	}
	nd.outputs = l.results(n, outputKeys)
}

// componentOfKind reads the component that a node of one of the ownKinds names,
// which must be of the same kind; nil where it is not, or is a mistake.
func (l *loader) componentOfKind(nd *node, reference *yaml.Node, kind string) *component {
	c := l.componentOf(reference)
	if c == nil {
		return nil
	}
	if c.kind != kind {
		is := c.kind
		switch {
		case is == "" && c.graph != nil:
			is = "pipeline"
		case is == "":
			is = "command"
		}
		l.problems.errorf(reference.Pos(), `write "type: `+is+`"`, "node %s has the type %s, and its component is %s component", quote(nd.name), kind, withArticle(is))
		return nil
	}
	return c
}

// checkKind compares the type a node says with that of its component.
func (l *loader) checkKind(nd *node, n *yaml.Node, kind string, c *component) {
	want := "command"
	switch {
	case c.kind != "":
		want = c.kind
	case c.graph != nil:
		want = "pipeline"
	}
	if kind == want {
		return
	}
	if t := n.Get("type"); t != nil {
		l.problems.errorf(t.Pos(), `write "type: `+want+`"`, "node %s has the type %s, and its component is %s component", quote(nd.name), kind, withArticle(want))
		return
	}
	l.problems.warnf(nd.at, `add "type: `+want+`"`, "node %s needs a type in Azure ML, since its component is %s component", quote(nd.name), withArticle(want))
}

// inline reads a node that has its command in it. It is its own component,
// with the ports that the node gives.
func (l *loader) inline(nd *node, n *yaml.Node) {
	c := &component{name: nd.name, inline: true, ofJob: n.KeyPos().IsZero(), deterministic: l.boolean(n, "is_deterministic", true)}
	for _, a := range nd.inputs.list {
		c.inputs.add(&port{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	for _, r := range nd.outputs.list {
		c.outputs.add(&result{name: r.name, at: r.at, broken: r.broken})
	}
	c.program = l.program(n, c, nil)
	for _, p := range c.inputs.list {
		p.optional = c.program.guarded[p.name]
	}
	nd.variables, nd.timeout, nd.retry = l.variables(n), l.timeout(n), l.retry(n)
	nd.resources, nd.distributed = c.program.resources, c.program.distributed
	nd.runs = c
}

// undeclared warns of inputs and outputs that a node gives and its component
// does not have. Azure drops them.
func (l *loader) undeclared(nd *node) {
	c := nd.runs
	var missing []string
	for _, p := range c.inputs.list {
		const most = 500
		if p.required() && !nd.inputs.has(p.name) && len(missing) < most {
			missing = append(missing, p.name)
		}
	}
	nd.dropped = nd.inputs.filter(func(a *argument) bool { return c.inputs.has(a.name) })
	for _, a := range nd.dropped {
		if l.closest(a.name, missing) != "" {
			continue // the missing input is an error, which tells of this one
		}
		l.problems.warnf(a.at, l.didYouMean(a.name, c.inputs.someNames(), "inputs"), "%s has no input %s; it is ignored", c.label(), quote(a.name))
	}
	for _, r := range nd.outputs.filter(func(r *result) bool { return nd.hasOutput(r.name) }) {
		l.problems.warnf(r.at, l.didYouMean(r.name, c.outputs.someNames(), "outputs"), "%s has no output %s; it is ignored", c.label(), quote(r.name))
	}
}
