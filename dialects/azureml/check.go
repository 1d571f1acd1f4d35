package azureml

import (
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// checkGraph checks what can be known of a pipeline before it is used: that
// every expression names something that exists, that nothing waits for itself,
// that outputs are written once.
func (l *loader) checkGraph(g *graph) {
	for _, nd := range g.nodes {
		for _, a := range slices.Concat(nd.inputs, nd.dropped) {
			l.checkArgument(g, nd, a)
		}
		for _, t := range nd.settings() {
			l.checkSetting(g, t)
		}
		for _, r := range nd.outputs {
			l.checkResult(g, nd, r)
		}
	}
	l.checkPromotions(g)
	l.checkCycles(g)
	l.checkInputCycles(g)
	l.checkOptional(g)
}

// settings are the fields of a node that may hold expressions of the pipeline.
func (n *node) settings() []*text {
	list := append(n.resources.texts(), n.distributed.texts()...)
	list = append(list, n.compute, n.timeout)
	for _, v := range n.variables {
		list = append(list, v.value)
	}
	return slices.DeleteFunc(list, func(t *text) bool { return t == nil })
}

func (l *loader) checkArgument(g *graph, nd *node, a *argument) {
	if a.text == nil {
		return
	}
	for _, ref := range a.text.refs() {
		if !l.checkReference(g, nd, a.text.at(ref), ref, "an input of a node", true) {
			a.kind = givenWrong
		}
	}
}

func (l *loader) checkSetting(g *graph, t *text) {
	for _, ref := range t.refs() {
		if !l.checkReference(g, nil, t.at(ref), ref, "this place", false) {
			ref.kind = wrongRef
		}
	}
}

// checkReference reports an expression that names nothing. Bindings to nodes
// whose own mistake is reported are let through; see [graph.dead].
func (l *loader) checkReference(g *graph, nd *node, at yaml.Pos, ref *reference, where string, input bool) bool {
	switch {
	case ref.kind == parentInput:
		if g.input(ref.name) != nil {
			return true
		}
		hint := didYouMean(ref.name, portNames(g.inputs), "inputs")
		if len(g.inputs) == 0 {
			hint = "declare it under the inputs of the pipeline"
		}
		l.problems.errorf(at, hint, "%s has no input %s", g.label, quote(ref.name))
		return false
	case !input || ref.kind != siblingOutput && ref.kind != siblingInput && ref.kind != jobName:
		l.badReference(at, ref, where)
		return false
	case ref.kind == jobName:
		return true
	}
	other := g.node(ref.job)
	switch {
	case other == nil:
		hint := didYouMean(ref.job, g.nodeNames(), "nodes")
		l.problems.errorf(at, hint, "%s has no node %s", g.label, quote(ref.job))
		return false
	case other.runs == nil:
		return true
	case ref.kind == siblingInput:
		if other.runs.input(ref.name) == nil {
			l.problems.errorf(at, didYouMean(ref.name, portNames(other.runs.inputs), "inputs"), "node %s has no input %s", quote(ref.job), quote(ref.name))
			return false
		}
		return true
	}
	return l.checkOutput(nd, other, at, ref)
}

// checkOutput reports a binding to an output that a node does not have.
func (l *loader) checkOutput(nd, other *node, at yaml.Pos, ref *reference) bool {
	c := other.runs
	if c.output(ref.name) != nil || c.graph == nil && ref.name == artifacts {
		return true
	}
	names := resultNames(c.outputs)
	hint := didYouMean(ref.name, names, "outputs")
	if c.inline && len(names) == 0 {
		hint = "declare it under the outputs of node " + quote(ref.job)
	}
	l.problems.errorf(at, hint, "node %s has no output %s", quote(ref.job), quote(ref.name))
	return false
}

func (l *loader) checkResult(g *graph, nd *node, r *result) {
	if r.promoted != nil {
		if g.output(r.promoted.name) == nil {
			hint := didYouMean(r.promoted.name, resultNames(g.outputs), "outputs")
			if len(g.outputs) == 0 {
				hint = "declare it under the outputs of the pipeline"
			}
			l.problems.errorf(r.promotedAt, hint, "%s has no output %s", g.label, quote(r.promoted.name))
			r.promoted, r.broken = nil, true
		}
	}
	if r.path != nil {
		for _, ref := range r.path.refs() {
			if ref.kind == parentInput && !l.checkReference(g, nd, r.path.at(ref), ref, "an output", false) {
				r.path, r.broken = nil, true
				return
			}
		}
	}
}

// checkPromotions reports outputs of the pipeline that two nodes write.
func (l *loader) checkPromotions(g *graph) {
	writer := map[string]*node{}
	for _, nd := range g.nodes {
		for _, r := range nd.outputs {
			if r.promoted == nil {
				continue
			}
			if first := writer[r.promoted.name]; first != nil {
				l.problems.errorf(r.promotedAt, "give the pipeline another output for this one",
					"output %s is written by node %s already", quote(r.promoted.name), quote(first.name))
				continue
			}
			writer[r.promoted.name] = nd
		}
	}
}

// checkCycles reports nodes that wait for their own outputs, in the order of
// the bindings: "a -> b -> a" says that b needs a, and a needs b.
func (l *loader) checkCycles(g *graph) {
	const (
		unseen = iota
		open
		done
	)
	state := map[*node]int{}
	var way []*node
	var visit func(nd *node)
	visit = func(nd *node) {
		state[nd] = open
		way = append(way, nd)
		for _, a := range nd.inputs {
			if a.text == nil || a.kind == givenWrong {
				continue
			}
			for _, ref := range a.text.refs() {
				if ref.kind != siblingOutput {
					continue
				}
				other := g.node(ref.job)
				switch {
				case other == nil:
				case state[other] == unseen:
					visit(other)
				case state[other] == open:
					l.cycle(way, other, a.text.at(ref))
					g.cyclic = true
				}
			}
		}
		way = way[:len(way)-1]
		state[nd] = done
	}
	for _, nd := range g.nodes {
		if state[nd] == unseen {
			visit(nd)
		}
	}
}

// cycle reports the nodes from the last occurrence of start on; each needs the
// next.
func (l *loader) cycle(way []*node, start *node, at yaml.Pos) {
	var names []string
	for i := len(way) - 1; i >= 0; i-- {
		names = append(names, way[i].name)
		if way[i] == start {
			break
		}
	}
	if len(names) == 1 {
		l.problems.errorf(at, "", "node %s waits for its own output", quote(names[0]))
		return
	}
	// The way runs from consumer to producer; told in the order of the data it
	// begins and ends with the node the binding names.
	names = append([]string{start.name}, names...)
	l.problems.errorf(at, "remove one of the bindings between them", "these nodes wait for each other: %s", strings.Join(names, " -> "))
}

// checkInputCycles reports inputs that take their values from each other.
func (l *loader) checkInputCycles(g *graph) {
	type place struct{ node, input string }
	state := map[place]int{}
	var visit func(p place)
	visit = func(p place) {
		state[p] = 1
		defer func() { state[p] = 2 }()
		nd := g.node(p.node)
		if nd == nil {
			return
		}
		a := nd.argument(p.input)
		if a == nil || a.text == nil || a.kind == givenWrong {
			return
		}
		for _, ref := range a.text.refs() {
			if ref.kind != siblingInput {
				continue
			}
			next := place{ref.job, ref.name}
			switch state[next] {
			case 0:
				visit(next)
			case 1:
				l.problems.errorf(a.text.at(ref), "", "input %s of node %s takes its value from itself", quote(next.input), quote(next.node))
				a.kind = givenWrong
				return
			}
		}
	}
	for _, nd := range g.nodes {
		for _, a := range nd.inputs {
			if p := (place{nd.name, a.name}); state[p] == 0 {
				visit(p)
			}
		}
	}
}

// checkOptional reports optional inputs of a pipeline that a node requires. As
// in Azure, an input that only optional inputs are bound to becomes optional.
func (l *loader) checkOptional(g *graph) {
	optional := map[string]bool{} // whether all that is bound to it is optional
	for _, nd := range g.nodes {
		if nd.runs == nil {
			continue
		}
		for _, a := range nd.inputs {
			if a.kind != givenText && a.kind != givenData {
				continue
			}
			ref := a.text.singleOrNil()
			if ref == nil || ref.kind != parentInput {
				continue
			}
			p, inner := g.input(ref.name), nd.runs.input(a.name)
			if p == nil || inner == nil || inner.broken {
				continue
			}
			needs := !inner.optional && inner.fallback == nil
			if needs && p.optional && p.fallback == nil {
				l.problems.errorf(a.text.at(ref), "give it a default, or remove \"optional: true\" from "+quote(ref.name),
					"the optional input %s of %s is bound to input %s of node %s, which is required", quote(ref.name), g.label, quote(a.name), quote(nd.name))
				a.kind = givenWrong
			}
			all, known := optional[ref.name]
			optional[ref.name] = !needs && (all || !known)
		}
		if nd.compute != nil {
			if ref := nd.compute.single(); ref != nil && ref.kind == parentInput {
				optional[ref.name] = false
			}
		}
	}
	for _, p := range g.inputs {
		if optional[p.name] {
			p.optional = true
		}
	}
}

func (t *text) singleOrNil() *reference {
	if t == nil {
		return nil
	}
	return t.single()
}
