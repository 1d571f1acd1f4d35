package lineage

import (
	"maps"
	"slices"
)

// Direction is which way a walk goes.
type Direction int

// The ways: to what it was made from, to what was made from it, or both.
const (
	Both Direction = iota
	Upstream
	Downstream
)

// Lineage is the part of a graph around a start.
type Lineage struct {
	Start []string `json:"start"`
	Nodes []*Node  `json:"nodes"`
	Edges []Edge   `json:"edges"`
	// More are the nodes at which the depth ended the walk.
	More []string `json:"more,omitempty"`
	// Problems name records that could not be read; LeftOut is how many jobs
	// were not.
	Problems []string `json:"problems,omitempty"`
	LeftOut  int      `json:"jobs_left_out,omitempty"`
	// Title is what was asked for, as people say it.
	Title string `json:"-"`

	graph    *Graph
	start    Start
	up, down *walk
}

// walk is what was met in one direction.
type walk struct {
	graph *Graph
	near  func(id string) []Edge
	far   func(Edge) string
	// depth is how many steps the walk may go through, and 0 all there are.
	depth int
	// away is how many steps each node is from the start.
	away map[string]int
	// ways are the edges that were gone along, by the node they were gone from.
	ways map[string][]Edge
	cut  map[string]bool
}

// Around walks from a start, through at most depth steps; 0 walks to the ends.
func (g *Graph) Around(s Start, d Direction, depth int) *Lineage {
	l := &Lineage{Title: s.Title, Start: s.Nodes, Problems: g.Problems, LeftOut: g.LeftOut, graph: g, start: s, Edges: []Edge{}}
	if d != Downstream {
		l.up = g.walk(s.Last, depth, g.above, from)
	}
	if d != Upstream {
		l.down = g.walk(s.First, depth, g.below, to)
	}
	met, edges, more := map[string]bool{}, map[Edge]bool{}, map[string]bool{}
	for _, id := range s.Nodes {
		met[id] = true
	}
	for _, w := range []*walk{l.up, l.down} {
		if w == nil {
			continue
		}
		for id := range w.away {
			met[id] = true
		}
		for _, ways := range w.ways {
			for _, e := range ways {
				edges[e] = true
			}
		}
		maps.Copy(more, w.cut)
	}
	for _, id := range g.sorted(met) {
		l.Nodes = append(l.Nodes, g.nodes[id])
		for _, e := range g.out[id] {
			if edges[e] {
				l.Edges = append(l.Edges, e)
			}
		}
	}
	l.More = slices.Sorted(maps.Keys(more))
	return l
}

// sorted puts ids in the order in which their nodes were made.
func (g *Graph) sorted(ids map[string]bool) []string {
	list := slices.Sorted(maps.Keys(ids))
	slices.SortStableFunc(list, func(a, b string) int { return g.nodes[a].Time.Compare(g.nodes[b].Time) })
	return list
}

// above are the edges to what a node was made from. Those of a step stay in the
// order of the plan.
func (g *Graph) above(id string) []Edge {
	if g.nodes[id].Kind == Step {
		return g.in[id]
	}
	return g.order(g.in[id], from)
}

// below are the edges to what was made from a node, but for the logs and other
// by-products that nothing uses.
func (g *Graph) below(id string) []Edge {
	return g.order(slices.DeleteFunc(slices.Clone(g.out[id]), func(e Edge) bool {
		return g.nodes[e.To].isByProduct() && len(g.out[e.To]) == 0
	}), to)
}

// walk goes through the graph by the number of steps on the way, so that a node
// is met on its shortest way.
func (g *Graph) walk(start []string, depth int, near func(string) []Edge, far func(Edge) string) *walk {
	w := &walk{graph: g, near: near, far: far, depth: depth, away: map[string]int{}, ways: map[string][]Edge{}, cut: map[string]bool{}}
	for _, id := range start {
		w.away[id] = 0
	}
	for level := slices.Clone(start); len(level) > 0; {
		level = w.level(level)
	}
	return w
}

// level goes from nodes that are equally far away to all that can be reached
// without passing another step, and returns the steps that come next.
func (w *walk) level(level []string) (next []string) {
	for len(level) > 0 {
		id := level[0]
		level = level[1:]
		for _, e := range w.near(id) {
			other := w.far(e)
			isStep := w.graph.nodes[other].Kind == Step
			away := w.away[id]
			if isStep {
				away++
			}
			if w.depth > 0 && away > w.depth {
				w.cut[id] = true
				continue
			}
			w.ways[id] = append(w.ways[id], e)
			if _, met := w.away[other]; met {
				continue
			}
			w.away[other] = away
			if isStep {
				next = append(next, other)
			} else {
				level = append(level, other)
			}
		}
	}
	return next
}
