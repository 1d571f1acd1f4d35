package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Nodes of the kinds if_else, do_while and parallel_for say which other nodes of
// their pipeline run, and how often. An if_else is no step: its condition guards
// the nodes in its blocks. A loop is one step, and the node that it names as its
// body is none.

// control is what such a node says.
type control struct {
	kind string
	// condition is that of if_else and do_while; nil where it always holds.
	condition *text
	// always is a condition that is no expression.
	always *bool
	blocks []block // of if_else
	loop   *loop   // of do_while and parallel_for
}

// block is the nodes that run where a condition comes out as wanted.
type block struct {
	want  bool
	nodes []*text
}

// guard is an if_else that a node stands in a block of.
type guard struct {
	of   *node
	want bool
}

// guards are the conditions that a node runs under, the nearest first. An if_else
// may itself stand in the block of another.
func (n *node) guards() []guard {
	var list []guard
	for at := n; at.guard != nil; at = at.guard.of {
		list = append(list, *at.guard)
	}
	return list
}

// isLoop tells whether a node runs another one many times.
func (n *node) isLoop() bool { return n.control != nil && n.control.loop != nil }

// isBranch tells whether a node is an if_else.
func (n *node) isBranch() bool { return n.control != nil && n.control.loop == nil }

// waits are the expressions, besides its inputs, that a node waits for.
func (n *node) waits() []**text {
	var list []**text
	for _, g := range n.guards() {
		if g.of.control.condition != nil {
			list = append(list, &g.of.control.condition)
		}
	}
	if n.isLoop() && n.control.loop.items != nil && n.control.loop.items.bound != nil {
		list = append(list, &n.control.loop.items.bound)
	}
	return list
}

// ifElse reads a node that chooses between others.
func (l *loader) ifElse(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.checkKeys(n, ifElseKeys)
	c := &control{kind: "if_else"}
	nd.control = c
	switch condition := l.scalar(n.Get("condition"), "condition"); {
	case condition != nil:
		l.condition(c, condition)
	case n.Get("condition").IsNull():
		l.problems.errorf(nd.at, `add "condition: ${{parent.jobs.NODE.outputs.NAME}}"`, "node %s has no condition", quote(nd.name))
	}
	for _, branch := range []struct {
		key  string
		want bool
	}{{"true_block", true}, {"false_block", false}} {
		if b := n.Get(branch.key); !b.IsNull() {
			c.blocks = append(c.blocks, block{branch.want, l.blockNodes(b, branch.key)})
		}
	}
	if len(c.blocks) == 0 {
		l.problems.errorf(nd.at, `add "true_block: ${{parent.jobs.NODE}}", "false_block: ${{parent.jobs.NODE}}", or both`,
			"node %s has no block", quote(nd.name))
	}
}

// blockNodes reads what names the nodes of a block: one, or a list of them.
func (l *loader) blockNodes(n *yaml.Node, key string) []*text {
	items := []*yaml.Node{n}
	if n.Kind == yaml.List {
		items = n.Items
	}
	var list []*text
	for _, item := range items {
		if v := l.scalar(item, "a node of "+key); v != nil {
			list = append(list, newText(v))
		}
	}
	return list
}

// condition reads a condition: true or false, or an expression.
func (l *loader) condition(c *control, n *yaml.Node) {
	switch t := newText(n); {
	case strings.EqualFold(n.Text, "true") || strings.EqualFold(n.Text, "false"):
		always := strings.EqualFold(n.Text, "true")
		c.always = &always
	case t.single() == nil:
		l.problems.errorf(n.Pos(), "write ${{parent.jobs.NODE.outputs.NAME}}, with an output of the type boolean; conditions have no operators",
			"%s is not a condition", quote(n.Text))
	default:
		c.condition = t
	}
}

// controls connects the control nodes of a graph with those that they name.
func (l *loader) controls(g *graph) {
	for _, nd := range g.nodes.list {
		if nd.isLoop() {
			l.connectLoop(g, nd)
			g.lostBody = g.lostBody || nd.control.loop.node == nil
		}
	}
	for _, nd := range g.nodes.list {
		if nd.isBranch() {
			l.connectBlocks(g, nd)
		}
	}
	for _, nd := range g.nodes.list {
		l.cutGuardCycle(nd)
	}
	for _, nd := range g.nodes.list {
		if nd.isBranch() && nd.control.condition != nil && !l.checkCondition(g, nd.control.condition) {
			nd.control.condition = nil
		}
	}
}

// sibling finds the node that a text names which stands for a node.
func (l *loader) sibling(g *graph, t *text, what string) *node {
	ref := t.single()
	if ref == nil || ref.kind != siblingNode {
		hint := "write ${{parent.jobs.NODE}}"
		if g.nodes.has(t.node.Text) {
			hint = "write ${{parent.jobs." + t.node.Text + "}}"
		} else if ref != nil && ref.job != "" {
			hint = "write ${{parent.jobs." + clip(ref.job) + "}}"
		}
		l.problems.errorf(t.node.Pos(), hint, "%s names a node, and %s does not", what, quote(t.node.Text))
		return nil
	}
	nd := g.nodes.get(ref.job)
	if nd == nil {
		l.problems.errorf(l.place(t, ref), l.didYouMean(ref.job, g.nodes.someNames(), "nodes"), "%s has no node %s", g.label, quote(ref.job))
	}
	return nd
}

// connectBlocks puts an if_else before the nodes in its blocks.
func (l *loader) connectBlocks(g *graph, nd *node) {
	for _, b := range nd.control.blocks {
		for _, t := range b.nodes {
			other := l.sibling(g, t, "a block")
			switch {
			case other == nil:
			case other == nd:
				l.problems.errorf(t.node.Pos(), "", "node %s cannot be in a block of its own", quote(nd.name))
			case other.loopOf != nil:
				l.problems.errorf(t.node.Pos(), "write ${{parent.jobs."+other.loopOf.name+"}}", "node %s is the body of the loop %s; the block names the loop",
					quote(other.name), quote(other.loopOf.name))
			case other.role != pipeline.Normal:
				l.problems.errorf(t.node.Pos(), "", "node %s is %s, so it cannot be in a block", quote(other.name), roleKey(other.role))
			case other.guard != nil:
				l.problems.errorf(t.node.Pos(), "put one of the if_else nodes into a block of the other, with the node in it",
					"node %s is in a block of %s already", quote(other.name), quote(other.guard.of.name))
			default:
				other.guard = &guard{nd, b.want}
			}
		}
	}
}

func roleKey(r pipeline.Role) string {
	if r == pipeline.Init {
		return "on_init"
	}
	return "on_finalize"
}

// cutGuardCycle reports if_else nodes that stand in blocks of each other.
func (l *loader) cutGuardCycle(nd *node) {
	seen := map[*node]bool{}
	for at := nd; at.guard != nil; at = at.guard.of {
		if seen[at] {
			l.problems.errorf(at.at, "", "node %s is in a block of itself, by way of %s", quote(at.name), quote(at.guard.of.name))
			at.guard = nil
			return
		}
		seen[at] = true
	}
}

// checkCondition reports conditions that can be neither true nor false.
func (l *loader) checkCondition(g *graph, t *text) bool {
	ref := t.single()
	switch ref.kind {
	case siblingOutput:
		if !l.checkSibling(g, t, ref) {
			return false
		}
		nd := g.nodes.get(ref.job)
		if nd.role != pipeline.Normal {
			l.problems.errorf(l.place(t, ref), "", "node %s is %s, so nothing can depend on it", quote(nd.name), roleKey(nd.role))
			return false
		}
		return nd.runs == nil || l.checkControl(nd, ref.name, l.place(t, ref))
	case siblingInput:
		return l.checkSibling(g, t, ref)
	}
	return l.checkParent(g, t, ref, "a condition")
}

// checkControl reports outputs that cannot be a condition.
func (l *loader) checkControl(nd *node, output string, at yaml.Pos) bool {
	kind, declared := nd.outputKind(output)
	switch {
	case kind == pipeline.Boolean && declared:
		return true
	case kind.IsLiteral() && kind != pipeline.Boolean:
		l.problems.errorf(at, "", "a condition is True or False, and output %s of node %s is %s", quote(output), quote(nd.name), article(kind))
	default:
		l.problems.errorf(at, `declare it with "type: boolean" and "is_control: true"`, "output %s of node %s is no control output, so it cannot be a condition",
			quote(output), quote(nd.name))
	}
	return false
}

// outputKind is the type of an output of a node, and whether it is declared as a
// control output.
func (n *node) outputKind(name string) (kind pipeline.PortType, control bool) {
	for _, r := range []*result{n.runs.outputs.get(name), n.outputs.get(name)} {
		if r == nil {
			continue
		}
		if r.kind != "" {
			kind = r.kind
		}
		control = control || r.control
	}
	return kind, control
}

// guardsOf makes the guards of a leaf: its own, and those of the pipelines that it
// stands in.
func (f *flattener) guardsOf(u *unit) []pipeline.Guard {
	list := f.ownGuards(u.node, u.around)
	for sc := u.around; sc != nil && sc.maker != nil && sc.parent != nil && !sc.top; sc = sc.parent {
		list = append(list, f.ownGuards(sc.maker, sc.parent)...)
	}
	return list
}

func (f *flattener) ownGuards(nd *node, sc *scope) []pipeline.Guard {
	var list []pipeline.Guard
	for _, g := range nd.guards() {
		made, ok := f.guard(g.of.control, sc)
		if !ok {
			continue // its condition is a mistake
		}
		made.Node, made.Want = prefixed(sc, g.of.name), g.want
		list = append(list, made)
	}
	return list
}

func prefixed(sc *scope, name string) string { return sc.prefix + name }

// guard finds what a condition depends on.
func (f *flattener) guard(c *control, sc *scope) (pipeline.Guard, bool) {
	if c.always != nil {
		return pipeline.Guard{Value: *c.always}, true
	}
	if c.condition == nil {
		return pipeline.Guard{}, false
	}
	ref := c.condition.single()
	at := f.place(c.condition, ref)
	switch v := f.follow(ref, c.condition, sc); v.is {
	case literalValue:
		switch strings.ToLower(v.literal.text) {
		case "true":
			return pipeline.Guard{Value: true}, true
		case "false":
			return pipeline.Guard{}, true
		}
		f.problems.errorf(at, "", "a condition is True or False, and %s is %s", clip(ref.raw), quote(v.literal.text))
	case outputValue:
		if v.dataType == pipeline.Boolean {
			return pipeline.Guard{From: pipeline.OutputRef{Step: v.from.name, Output: v.output}}, true
		}
		f.problems.errorf(at, "", "a condition is True or False, and %s is %s", clip(ref.raw), article(v.dataType))
	case parameterValue:
		if v.dataType == pipeline.Boolean {
			return pipeline.Guard{Parameter: v.output}, true
		}
		f.problems.errorf(at, "", "a condition is True or False, and %s is %s", clip(ref.raw), article(v.dataType))
	case dataValue:
		f.problems.errorf(at, "", "a condition is True or False, and %s is data", clip(ref.raw))
	case absentValue, joinedValue:
		f.problems.errorf(at, "", "a condition is True or False, and %s is neither", clip(ref.raw))
	}
	return pipeline.Guard{}, false
}

// mayBeSkipped tells whether an input is bound to a node that a condition may leave
// out, or to what not every iteration of a loop has. In an optional group, the
// input then is optional.
func (f *flattener) mayBeSkipped(u *unit, p *port) bool {
	v := f.unitInput(u, p)
	return v.is == parameterValue || v.is == outputValue && len(f.guardsOf(v.from)) > 0
}
