package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/pipeline"
)

// truth is the text of a control output that holds. Values are as Python prints
// them.
const truth = "True"

// newGuards are the guards of a step, as the workflow knows them. The index is
// that of the plan's steps.
func newGuards(guards []pipeline.Guard, index map[string]int) []Guard {
	if len(guards) == 0 {
		return nil
	}
	list := make([]Guard, len(guards))
	for i, g := range guards {
		list[i] = Guard{Node: -1, Value: g.Value, Parameter: g.Parameter, Want: g.Want, Of: g.Node}
		if g.From != (pipeline.OutputRef{}) {
			list[i].Node, list[i].Output = index[g.From.Step], g.From.Output
		}
	}
	return list
}

// guarded says whether the conditions of a node's guards let it run: otherwise
// why it is left out, or why nobody knows.
func (e *execution) guarded(i int) (skipped, blocked string) {
	for _, g := range e.nodes[i].Guards {
		holds := g.Value
		switch {
		case g.Node >= 0:
			from := &e.steps[g.Node]
			switch {
			case from.Skipped != "":
				return "the condition of " + g.Of + " is not known, because " + from.Name + " was skipped", ""
			case from.Status != pipeline.Completed:
				return "", "not run, because " + from.Name + " did not complete"
			}
			holds = from.Values[g.Output] == truth
		case g.Parameter != "":
			v := e.in.Values[g.Parameter]
			holds = v.Literal != nil && *v.Literal == truth
		}
		if holds != g.Want {
			return fmt.Sprintf("condition of %s is %t", g.Of, holds), ""
		}
	}
	return "", ""
}

// kept reports whether a node is not to run: a condition is against it, or an
// input it needs is missing. It is then settled.
func (e *execution) kept(i int) bool {
	skipped, blocked := e.guarded(i)
	if skipped != "" {
		e.skip(i, skipped)
		return true
	}
	for _, edge := range e.nodes[i].Edges {
		from := &e.steps[edge.Node]
		switch {
		case edge.Optional || blocked != "":
		case from.Status != pipeline.Completed:
			blocked = "not run, because " + from.Name + " did not complete"
		case from.Skipped != "" && skipped == "":
			skipped = "it needs " + from.Name + ", which was skipped"
		}
	}
	switch {
	case blocked != "":
		e.block(i, blocked)
	case skipped != "":
		e.skip(i, skipped)
	default:
		return false
	}
	return true
}

// skip settles a node that is left out on purpose. It counts as completed, with
// nothing made.
func (e *execution) skip(i int, why string) {
	state := &e.steps[i]
	state.Status, state.Skipped, state.Waiting = pipeline.Completed, why, ""
	state.Started, state.Ended = workflow.Now(e.ctx), workflow.Now(e.ctx)
	e.settled(i)
}
