package pipeline

import "slices"

// In is what an input holds that is bound to inputs of a loop, given those of one
// iteration; false where it holds nothing.
func (b Binding) In(given map[string]Value) (Value, bool) {
	if b.Joined != nil {
		return b.Joined.In(given)
	}
	v, ok := given[b.Parameter]
	return v, ok && !v.IsAbsent()
}

// In is the text of a template whose holes are inputs of a loop, given those of
// one iteration; false where one of them holds no text.
func (t Template) In(given map[string]Value) (Value, bool) {
	known := true
	text := t.Render(func(name string) (string, bool) {
		v := given[name]
		if v.Literal == nil {
			known = false
			return "", false
		}
		return *v.Literal, true
	}, func(string) (string, bool) { return "", false })
	return Text(text), known
}

// Bodies calls visit with the body of every loop of a plan, the inner ones first,
// until it returns an error.
func (p *Plan) Bodies(visit func(*Loop) error) error {
	for i := range p.Steps {
		loop := p.Steps[i].Loop
		if loop == nil || loop.Body == nil {
			continue
		}
		if err := loop.Body.Bodies(visit); err != nil {
			return err
		}
		if err := visit(loop); err != nil {
			return err
		}
	}
	return nil
}

// AllSteps are the steps of a plan and those of the bodies of its loops, by
// pointer.
func (p *Plan) AllSteps() []*Step {
	var all []*Step
	for i := range p.Steps {
		s := &p.Steps[i]
		all = append(all, s)
		if s.Loop != nil && s.Loop.Body != nil {
			all = slices.Concat(all, s.Loop.Body.AllSteps())
		}
	}
	return all
}
