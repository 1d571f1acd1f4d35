package azureml

import (
	"slices"
	"strings"
)

// checkGraph checks what can be known of a pipeline before it is used: that
// every expression names something that exists, that nothing waits for itself,
// that outputs are written once.
func (l *loader) checkGraph(g *graph) {
	l.controls(g)
	for _, nd := range g.nodes.list {
		if nd.runs == nil && !nd.isBranch() {
			g.incomplete = true
		}
		looped := nd.loopOf != nil && nd.loopOf.runs != nil // what it says is checked as the loop's
		for _, a := range slices.Concat(nd.inputs.list, nd.dropped) {
			if !looped {
				l.checkArgument(g, a)
			}
		}
		for _, t := range nd.settings() {
			for _, ref := range t.refs() {
				if ref.kind != wrongRef && !l.checkParent(g, t, ref, "a setting of a node") {
					ref.kind = wrongRef
				}
			}
		}
		if nd.isLoop() {
			l.checkItems(g, nd.control.loop.items)
		}
		for _, r := range nd.outputs.list {
			if !looped {
				l.checkResult(g, nd, r)
			}
		}
	}
	l.checkCycles(g)
	l.checkInputCycles(g)
	l.inferOptional(g)
}

func (l *loader) checkArgument(g *graph, a *argument) {
	for _, ref := range a.text.refs() {
		var good bool
		switch ref.kind {
		case jobName:
			good = true
		case siblingInput, siblingOutput:
			good = l.checkSibling(g, a.text, ref)
		default:
			good = l.checkParent(g, a.text, ref, "an input of a node")
		}
		if !good {
			a.kind = givenWrong
		}
	}
}

// checkParent reports expressions that do not name an input of the pipeline.
func (l *loader) checkParent(g *graph, t *text, ref *reference, where string) bool {
	switch {
	case ref.kind != parentInput:
		l.badReference(t, ref, where)
		return false
	case g.inputs.has(ref.name):
		return true
	}
	hint := "declare it under the inputs of the pipeline"
	if names := g.inputs.someNames(); len(names) > 0 {
		hint = l.didYouMean(ref.name, names, "inputs")
	}
	if why, ok := g.leftOut.hint(ref.name); ok {
		hint = why
	}
	l.problems.errorf(l.place(t, ref), hint, "%s has no input %s", g.label, quote(ref.name))
	return false
}

// checkSibling reports bindings to nodes, inputs and outputs that do not exist.
// A node whose own mistake is reported may have anything.
func (l *loader) checkSibling(g *graph, t *text, ref *reference) bool {
	other := g.nodes.get(ref.job)
	switch {
	case other == nil:
		l.problems.errorf(l.place(t, ref), l.didYouMean(ref.job, g.nodes.someNames(), "nodes"), "%s has no node %s", g.label, quote(ref.job))
		return false
	case other.isBranch():
		l.problems.errorf(l.place(t, ref), "bind the outputs of the nodes in its blocks", "node %s is an if_else, which has no inputs or outputs", quote(ref.job))
		return false
	case other.runs == nil:
		return true
	case ref.kind == siblingOutput && other.loopOf != nil && other.loopOf.control.kind == "parallel_for":
		l.problems.errorf(l.place(t, ref), "write ${{parent.jobs."+other.loopOf.name+".outputs."+clip(ref.name)+"}}, which has those of all iterations",
			"node %s is the body of the loop %s, and has outputs in each iteration", quote(ref.job), quote(other.loopOf.name))
		return false
	case ref.kind == siblingInput && !other.runs.inputs.has(ref.name):
		l.problems.errorf(l.place(t, ref), l.didYouMean(ref.name, other.runs.inputs.someNames(), "inputs"), "node %s has no input %s", quote(ref.job), quote(ref.name))
		return false
	case ref.kind == siblingInput || other.hasOutput(ref.name):
		return true
	}
	hint := l.didYouMean(ref.name, other.runs.outputs.someNames(), "outputs")
	if other.runs.inline && len(other.runs.outputs.list) == 0 {
		hint = "declare it under the outputs of node " + quote(ref.job)
	}
	l.problems.errorf(l.place(t, ref), hint, "node %s has no output %s", quote(ref.job), quote(ref.name))
	return false
}

// hasOutput tells whether a node that runs makes an output. Every program
// leaves artifacts, declared or not.
func (n *node) hasOutput(name string) bool {
	return n.runs.outputs.has(name) || n.runs.graph == nil && n.through == nil && !n.isLoop() && n.loopOf == nil && name == artifacts
}

// checkResult checks what a node says about an output, and notes the output of
// the pipeline that it becomes.
func (l *loader) checkResult(g *graph, nd *node, r *result) {
	for _, ref := range r.path.refs() {
		if ref.kind == parentInput && !l.checkParent(g, r.path, ref, "an output") {
			r.path, r.broken = nil, true
			return
		}
	}
	if r.promoted == nil {
		return
	}
	name := r.promoted.name
	if !g.outputs.has(name) {
		hint := "declare it under the outputs of the pipeline"
		if names := g.outputs.someNames(); len(names) > 0 {
			hint = l.didYouMean(name, names, "outputs")
		}
		l.problems.errorf(l.place(r.said, r.promoted), hint, "%s has no output %s", g.label, quote(name))
		r.promoted, g.incomplete = nil, true
		return
	}
	if first, taken := g.writers[name]; taken {
		l.problems.errorf(l.place(r.said, r.promoted), "give the pipeline another output for this one",
			"output %s is written by node %s already", quote(name), quote(first.node.name))
		return
	}
	if g.writers == nil {
		g.writers = map[string]writer{}
	}
	g.writers[name] = writer{nd, r.name}
}

// State of a search through things that may lead back to themselves.
const (
	unseen = iota
	open
	done
)

// checkCycles reports nodes that wait for their own outputs.
func (l *loader) checkCycles(g *graph) {
	state := map[*node]int{}
	var way []*node // each reads from the next
	var visit func(nd *node)
	visit = func(nd *node) {
		state[nd] = open
		way = append(way, nd)
		for _, a := range nd.inputs.list {
			if a.kind == givenWrong {
				continue
			}
			for _, ref := range a.text.refs() {
				other := g.nodes.get(ref.job)
				if ref.kind != siblingOutput || other == nil {
					continue
				}
				switch state[other] {
				case unseen:
					visit(other)
				case open:
					if !l.problems.full() {
						l.cycle(way[slices.Index(way, other):], a.text, ref)
					}
					a.kind = givenWrong
				}
			}
		}
		for _, w := range nd.waits() {
			ref := (*w).single()
			other := g.nodes.get(ref.job)
			if ref.kind != siblingOutput || other == nil {
				continue
			}
			switch state[other] {
			case unseen:
				visit(other)
			case open:
				l.cycle(way[slices.Index(way, other):], *w, ref)
				*w = nil
			}
		}
		way = way[:len(way)-1]
		state[nd] = done
	}
	for _, nd := range g.nodes.list {
		if state[nd] == unseen {
			visit(nd)
		}
	}
}

// cycle reports nodes of which each reads from the next, and the last from the
// first. They are told in the order of the data.
func (l *loader) cycle(way []*node, t *text, ref *reference) {
	if len(way) == 1 {
		l.problems.errorf(l.place(t, ref), "", "node %s waits for its own output", quote(way[0].name))
		return
	}
	names := []string{way[0].name}
	for _, nd := range slices.Backward(way) {
		names = append(names, nd.name)
	}
	const most = 12
	if len(names) > most {
		names = append(append(slices.Clone(names[:most-2]), "..."), names[len(names)-1])
	}
	l.problems.errorf(l.place(t, ref), "remove one of the bindings between them", "these nodes wait for each other: %s", strings.Join(names, " -> "))
}

// checkInputCycles reports inputs that take their values from each other.
func (l *loader) checkInputCycles(g *graph) {
	state := map[*argument]int{}
	var visit func(a *argument)
	visit = func(a *argument) {
		state[a] = open
		for _, ref := range a.text.refs() {
			if ref.kind != siblingInput || a.kind == givenWrong {
				continue
			}
			var next *argument
			if nd := g.nodes.get(ref.job); nd != nil {
				next = nd.inputs.get(ref.name)
			}
			switch {
			case next == nil:
			case state[next] == unseen:
				visit(next)
			case state[next] == open:
				l.problems.errorf(l.place(a.text, ref), "", "input %s of node %s takes its value from itself", quote(ref.name), quote(ref.job))
				a.kind = givenWrong
			}
		}
		state[a] = done
	}
	for _, nd := range g.nodes.list {
		for _, a := range nd.inputs.list {
			if state[a] == unseen {
				visit(a)
			}
		}
	}
}

// inferOptional makes the inputs of a pipeline optional to which only optional
// inputs are bound, as Azure does, and reports optional inputs that a node
// requires.
func (l *loader) inferOptional(g *graph) {
	optional := map[string]bool{} // whether all that is bound to it is
	note := func(input string, needs bool) {
		all, known := optional[input]
		optional[input] = !needs && (all || !known)
	}
	for _, nd := range g.nodes.list {
		for _, a := range nd.inputs.list {
			ref := a.text.single()
			if ref == nil || ref.kind != parentInput || !g.inputs.has(ref.name) || nd.isLoop() {
				continue
			}
			if nd.runs == nil {
				// What the node needs is not known, so nothing is missed.
				note(ref.name, false)
				continue
			}
			p, inner := g.inputs.get(ref.name), nd.runs.inputs.get(a.name)
			if inner == nil || inner.broken {
				continue
			}
			note(ref.name, inner.required())
			if inner.required() && p.optional && p.fallback == nil {
				l.problems.errorf(l.place(a.text, ref), "give it a default, or remove \"optional: true\" from "+quote(ref.name),
					"the optional input %s of %s is bound to input %s of node %s, which is required",
					quote(ref.name), g.label, quote(a.name), quote(nd.name))
				a.kind = givenWrong
			}
		}
		if ref := nd.compute.single(); ref != nil {
			note(ref.name, true)
		}
	}
	for _, p := range g.inputs.list {
		if optional[p.name] {
			p.optional = true
		}
	}
}
