package pipeline

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A plan without a name is a template: texts in it have holes, which are filled
// once for each job that is made of it.
const (
	// NameHole stands for the job's name; in the path of an output, for that of
	// the step's own job.
	NameHole = "${{name}}"
	// TriggerTimeHole stands for the time at which a schedule fired.
	TriggerTimeHole = "${{creation_context.trigger_time}}"
)

// Fill makes the plan of a job of a template. The template stays as it is. Code
// and content are shared, by pointer.
func (p *Plan) Fill(name, triggerTime string) *Plan {
	job := *p
	job.Name = name
	fill := func(text, name string) string {
		if !strings.Contains(text, "${{") {
			return text
		}
		return strings.NewReplacer(NameHole, name, TriggerTimeHole, triggerTime).Replace(text)
	}
	inputs := func(list []Input) []Input {
		list = slices.Clone(list)
		for i := range list {
			b := &list[i].Binding
			if b.Literal != nil {
				text := fill(*b.Literal, name)
				b.Literal = &text
			}
			if b.Source != nil {
				source := *b.Source
				source.URI = fill(source.URI, name)
				b.Source = &source
			}
		}
		return list
	}
	job.Inputs = inputs(job.Inputs)
	job.Steps = slices.Clone(job.Steps)
	for i := range job.Steps {
		s := &job.Steps[i]
		own := job.StepJobName(s.Name)
		s.Inputs = inputs(s.Inputs)
		s.Variables = maps.Clone(s.Variables)
		for key, text := range s.Variables {
			s.Variables[key] = fill(text, name)
		}
		s.Outputs = slices.Clone(s.Outputs)
		for j := range s.Outputs {
			o := &s.Outputs[j]
			o.Path, o.File = fill(o.Path, own), fill(o.File, own)
		}
		if s.Loop != nil {
			// The holes in a body are filled for each iteration.
			loop := *s.Loop
			loop.Items = slices.Clone(loop.Items)
			for j := range loop.Items {
				loop.Items[j].Inputs = inputs(loop.Items[j].Inputs)
			}
			loop.Body = loop.Body.clone()
			s.Loop = &loop
		}
	}
	job.Outputs = slices.Clone(job.Outputs)
	for i := range job.Outputs {
		if o := &job.Outputs[i]; o.From != nil {
			o.Path = fill(o.Path, job.StepJobName(o.From.Step))
		}
	}
	return &job
}

// clone is a plan whose parts can be changed while the first stays as it is. Code
// and content are shared.
func (p *Plan) clone() *Plan {
	inputs := func(list []Input) []Input {
		list = slices.Clone(list)
		for i := range list {
			if b := &list[i].Binding; b.Source != nil {
				source := *b.Source
				b.Source = &source
			}
		}
		return list
	}
	copied := *p
	copied.Inputs, copied.Outputs, copied.Steps = inputs(p.Inputs), slices.Clone(p.Outputs), slices.Clone(p.Steps)
	for i := range copied.Steps {
		s := &copied.Steps[i]
		s.Inputs, s.Outputs = inputs(s.Inputs), slices.Clone(s.Outputs)
		if s.Loop != nil {
			loop := *s.Loop
			loop.Items = slices.Clone(loop.Items)
			for j := range loop.Items {
				loop.Items[j].Inputs = inputs(loop.Items[j].Inputs)
			}
			loop.Body = loop.Body.clone()
			s.Loop = &loop
		}
	}
	return &copied
}

// triggerTimeForm is that hole as people may write it.
var triggerTimeForm = regexp.MustCompile(`\$\{\{\s*creation_context\.trigger_time\s*\}\}`)

// FillTriggerTime fills the time at which a schedule fired into the text of a
// file. The name is left: who reads the file again gives it a new one.
func FillTriggerTime(text, triggerTime string) string {
	return triggerTimeForm.ReplaceAllLiteralString(text, triggerTime)
}
