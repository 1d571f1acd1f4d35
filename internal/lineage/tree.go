package lineage

import "slices"

// Branch is a node in a tree for people, with what lies beyond it. Going up, a
// step has no branch of its own: it stands on the line of what it made.
type Branch struct {
	Node *Node
	// By is how the branch hangs on the one above it.
	By Relation
	// Port is the input or output it goes through.
	Port string
	// Step is the step that made the output, going up.
	Step *Node
	// Repeated branches stand elsewhere in the tree with what lies beyond them.
	Repeated bool
	// Cut branches end here because of the depth.
	Cut      bool
	Branches []*Branch
}

// Up are the trees of what it was made from; nil where that was not asked for.
func (l *Lineage) Up() []*Branch { return l.tree(l.up, l.start.Last) }

// Down are the trees of what was made from it; nil where that was not asked for.
func (l *Lineage) Down() []*Branch { return l.tree(l.down, l.start.First) }

// tree makes trees that begin at the start itself where that is several nodes,
// and right beyond it where it is one.
func (l *Lineage) tree(w *walk, start []string) []*Branch {
	if w == nil {
		return nil
	}
	t := &trees{walk: w, up: w == l.up, shown: map[string]bool{}}
	roots := []*Branch{}
	if len(l.start.Nodes) == 1 {
		return append(roots, t.branch(Edge{From: start[0], To: start[0]}).Branches...)
	}
	for _, id := range start {
		roots = append(roots, t.branch(Edge{From: id, To: id}))
	}
	return roots
}

// trees is the making of the trees of one direction.
type trees struct {
	*walk
	up    bool
	shown map[string]bool
}

// branch makes the branch that an edge leads to.
func (t *trees) branch(e Edge) *Branch {
	id := t.far(e)
	b := &Branch{Node: t.graph.nodes[id], By: e.Kind, Port: e.Port, Cut: t.cut[id]}
	ways := t.ways[id]
	if t.up && b.Node.Kind == Output && len(ways) > 0 {
		// The step stands on the line of its output.
		id = ways[0].From
		b.Step, b.Cut, ways = t.graph.nodes[id], t.cut[id], t.ways[id]
	}
	if t.shown[id] {
		b.Repeated = len(ways) > 0
		return b
	}
	t.shown[id] = true
	for _, way := range t.straight(ways) {
		b.Branches = append(b.Branches, t.branch(way))
	}
	return b
}

// straight leaves out the way from what lay at a place to the place, and the
// code of a step whose component has it.
func (t *trees) straight(ways []Edge) []Edge {
	var all []Edge
	for _, e := range ways {
		switch {
		case t.graph.nodes[e.From].Kind == Place && t.graph.nodes[e.To].Kind == Place:
			all = append(all, t.straight(t.ways[t.far(e)])...)
		case t.up && e.Kind == Code && t.hasCode(ways, e.From):
		default:
			all = append(all, e)
		}
	}
	return all
}

func (t *trees) hasCode(ways []Edge, code string) bool {
	return slices.ContainsFunc(ways, func(e Edge) bool {
		return e.Kind == Definition && slices.ContainsFunc(t.ways[e.From], func(below Edge) bool { return below.From == code })
	})
}
