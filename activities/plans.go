package activities

import (
	"sync"

	"github.com/millrace-ml/millrace/internal/batch"
	"github.com/millrace-ml/millrace/pipeline"
)

// indexed is a plan with what is needed to walk it forwards.
type indexed struct {
	*pipeline.Plan
	// consumers are, by step, the steps that have an input bound to it.
	consumers [][]int
	// producers are, by step, the steps that its inputs are bound to.
	producers [][]int
	// init is set where steps come before all others.
	init bool
}

// step is what an activity is to run: the step, or a part of it that goes by a
// name of its own.
func (p *indexed) step(in StepInput) *pipeline.Step {
	s := &p.Steps[in.Step]
	if in.Chunk != nil {
		s = batch.Program(s)
	}
	if in.Name == s.Name && in.Timeout == 0 {
		return s
	}
	part := *s
	part.Name = in.Name
	if in.Timeout > 0 {
		part.Timeout = in.Timeout
	}
	return &part
}

func index(plan *pipeline.Plan) *indexed {
	p := &indexed{
		Plan:      plan,
		consumers: make([][]int, len(plan.Steps)),
		producers: make([][]int, len(plan.Steps)),
	}
	at := make(map[string]int, len(plan.Steps))
	for i := range plan.Steps {
		at[plan.Steps[i].Name] = i
	}
	for i := range plan.Steps {
		p.init = p.init || plan.Steps[i].Role == pipeline.Init
		for _, in := range plan.Steps[i].Inputs {
			if in.Binding.Step != nil {
				from := at[in.Binding.Step.Step]
				p.consumers[from] = append(p.consumers[from], i)
				p.producers[i] = append(p.producers[i], from)
			}
		}
	}
	return p
}

// plans remembers the plans read last: every step of a job asks for its plan.
type plans struct {
	mu     sync.Mutex
	known  map[pipeline.Digest]*indexed
	recent []pipeline.Digest
}

const rememberedPlans = 32

func (c *plans) get(d pipeline.Digest) *indexed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[d]
}

func (c *plans) put(d pipeline.Digest, p *indexed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[pipeline.Digest]*indexed)
	}
	if c.known[d] == nil {
		c.recent = append(c.recent, d)
	}
	c.known[d] = p
	if len(c.recent) > rememberedPlans {
		delete(c.known, c.recent[0])
		c.recent = c.recent[1:]
	}
}
