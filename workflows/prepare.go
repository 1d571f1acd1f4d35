package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// preparation is an environment that a queue's workers make ready: once for all
// steps of the job that ask for it.
type preparation struct {
	waiting []int // nodes
	rounds  int   // how often it was made ready
}

// maxRounds bounds how often an environment is made ready of which the cache
// still says that it is not known: somebody takes it away again and again.
const maxRounds = 3

// prepare has the environment of a node made ready, or joins those who wait for
// it. Until it is known what the environment resolves to, the node has no key.
func (e *execution) prepare(i int, environment string) {
	queue := e.nodes[i].Queue
	name := environment + " on " + queue
	p := e.preparing[name]
	if p == nil {
		p = &preparation{}
		e.preparing[name] = p
	}
	e.steps[i].Status, e.steps[i].Waiting = pipeline.Queued, "waits for its environment to be made"
	e.touch(i)
	p.waiting = append(p.waiting, i)
	if len(p.waiting) > 1 {
		return
	}
	if p.rounds++; p.rounds > maxRounds {
		e.unprepared(p, fmt.Errorf("the environment was made %d times, and is gone again each time", maxRounds))
		return
	}
	id := fmt.Sprintf("%s/prepare#%d", e.nodes[i].Name, p.rounds)
	ctx := e.activity(id, queue, "make the environment of "+e.nodes[i].Name, patience)
	in := activities.PrepareInput{Job: e.in.Job, Plan: e.in.Plan, Step: i}
	e.later(workflow.ExecuteActivity(ctx, do.Prepare, in), func(f workflow.Future) {
		if err := f.Get(e.ctx, nil); err != nil {
			e.unprepared(p, err)
			return
		}
		for _, i := range p.waiting {
			e.steps[i].Waiting = ""
			e.ready = append(e.ready, i) // ask the cache again
		}
		p.waiting = nil
	})
}

// unprepared settles the nodes that wait for an environment that cannot be
// made.
func (e *execution) unprepared(p *preparation, err error) {
	waiting := p.waiting
	p.waiting = nil
	for _, i := range waiting {
		e.ended(i, err)
	}
}
