package azureml

import (
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// An approval is a node that Azure ML does not have: it runs nothing, and waits
// for somebody's word on its inputs. Data among these is passed on under the
// same names, so that nodes bound to it wait for that word too.

var approvalKeys = keySet{what: "an approval",
	read:    []string{"type", "display_name", "description", "message", "inputs", "outputs", "approvers", "limits", "on_timeout"},
	ignored: []string{"$schema", "name", "version", "tags", "properties"}}

// What becomes of an approval that nobody answers in time.
const (
	rejects  = "reject"
	approves = "approve"
)

func (l *loader) approvalNode(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.checkKeys(n, approvalKeys)
	nd.displayName, nd.description = l.str(n, "display_name"), l.str(n, "description")
	nd.inputs, nd.inputsAt = l.arguments(n, false), nd.at
	nd.outputs = l.results(n, outputKeys)
	c := &component{name: nd.name, inline: true, program: &program{}}
	for _, a := range nd.inputs.list {
		c.inputs.add(&port{name: a.name, at: a.at, broken: a.kind == givenWrong})
		if a.name == pipeline.ApprovalRecord {
			l.problems.errorf(a.at, "give it another name", "an input of an approval cannot be called %s: that is the output with the answer", quote(a.name))
			continue
		}
		c.outputs.add(&result{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	c.outputs.add(&result{name: pipeline.ApprovalRecord, at: nd.at, kind: pipeline.URIFile})
	for _, r := range nd.outputs.list {
		if !c.outputs.has(r.name) {
			l.problems.errorf(r.at, l.didYouMean(r.name, c.outputs.someNames(), "outputs"),
				"an approval passes its inputs on, and has no input %s", quote(r.name))
			r.broken = true
		}
	}
	message := l.message(n, c)
	approvers := l.approvers(n)
	nd.own = append(nd.own, approvers...)
	nd.timeout = l.timeout(n)
	onTimeout := l.onTimeout(n, nd.timeout)
	nd.through = passOn
	nd.fill = func(f *flattener, u *unit, s *pipeline.Step) {
		s.Kind = pipeline.ApprovalKind
		s.Approval = &pipeline.Approval{Message: message, Approvers: f.approvers(u.around, approvers), Timeout: s.Timeout, Approves: onTimeout == approves}
		s.Timeout = 0 // there is no program to stop
		for i := range s.Inputs {
			if s.Inputs[i].Mode == pipeline.Direct {
				s.Inputs[i].Mode = pipeline.ReadOnlyMount // content is approved, not an address
			}
		}
		f.passOutputs(u, s)
	}
	nd.runs = c
}

// message reads what is asked: text, with the approval's own inputs in it.
func (l *loader) message(n *yaml.Node, c *component) (template pipeline.Template) {
	t := newText(l.scalar(n.Get("message"), "message"))
	if t == nil {
		return nil
	}
	for _, part := range t.parts {
		switch ref := part.ref; {
		case ref == nil:
			template = appendText(template, part.text)
		case ref.kind == ownInput && c.inputs.has(withoutPath(ref.name, c.inputs.has)):
			template = append(template, pipeline.Part{Input: withoutPath(ref.name, c.inputs.has)})
		case ref.kind == ownInput:
			hint := "add it to the inputs of the approval"
			if names := c.inputs.someNames(); len(names) > 0 {
				hint = l.didYouMean(ref.name, names, "inputs")
			}
			l.problems.errorf(l.place(t, ref), hint, "the message uses input %s, which this approval does not have", quote(ref.name))
		case ref.kind == parentInput || ref.kind == siblingOutput || ref.kind == siblingInput:
			l.problems.errorf(l.place(t, ref), "bind it under inputs, and write ${{inputs.NAME}} here", "a message sees the approval's own inputs only, not %s", clip(ref.raw))
		default:
			l.badReference(t, ref, "a message")
		}
	}
	return template
}

// approvers reads who may answer: one name, or a list of them.
func (l *loader) approvers(n *yaml.Node) (list []*text) {
	given := n.Get("approvers")
	switch {
	case given == nil || given.IsNull():
		return nil
	case given.Kind != yaml.List:
		if one := newText(l.scalar(given, "approvers")); one != nil {
			list = append(list, one)
		}
		return list
	}
	if len(given.Items) == 0 {
		l.problems.errorf(given.Pos(), "leave out approvers to let anybody answer", "nobody may answer: the list of approvers is empty")
	}
	for _, item := range given.Items {
		if one := newText(l.scalar(item, "an approver")); one != nil {
			list = append(list, one)
		}
	}
	return list
}

func (f *flattener) approvers(sc *scope, texts []*text) (names []string) {
	for _, t := range texts {
		text, place, ok := f.settingText(sc, t, "approvers")
		if !ok {
			continue
		}
		name := strings.TrimSpace(text)
		if name == "" {
			f.problems.errorf(place, "write the name of a user", "an approver has no name")
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// onTimeout reads what becomes of an approval that nobody answers.
func (l *loader) onTimeout(n *yaml.Node, timeout *text) string {
	word := l.scalar(n.Get("on_timeout"), "on_timeout")
	if word == nil {
		return rejects
	}
	lower := strings.ToLower(strings.TrimSpace(word.Text))
	switch {
	case lower != rejects && lower != approves:
		l.problems.errorf(word.Pos(), oneOf(rejects, approves), "on_timeout cannot be %s", quote(word.Text))
		return rejects
	case timeout == nil:
		l.problems.errorf(word.Pos(), `add "limits: {timeout: 86400}", in seconds`, "on_timeout means nothing without limits.timeout: this approval waits for ever")
	}
	return lower
}

// passOn is what an output of an approval holds.
func passOn(f *flattener, u *unit, output string) value {
	v := value{is: outputValue, from: u, output: output, dataType: pipeline.URIFile}
	if output == pipeline.ApprovalRecord {
		return v
	}
	p := u.node.runs.inputs.get(output)
	switch in := f.unitInput(u, p); {
	case in.is == unknownValue:
		return in
	case in.is == literalValue, in.is == outputValue && in.dataType.IsLiteral():
		f.problems.errorf(p.at, "bind nodes that have to wait to outputs."+pipeline.ApprovalRecord+" of the approval, and take the value from where the approval has it",
			"input %s of approval %s is no data, and is not passed on", quote(output), quote(u.node.name))
		return value{is: unknownValue}
	default:
		v.dataType = in.dataType
		if said := u.node.outputs.get(output); said != nil && said.kind != "" {
			v.dataType = said.kind
		}
	}
	return v
}

// passOutputs makes the outputs of an approval's step: those of its inputs that
// are data, and the record.
func (f *flattener) passOutputs(u *unit, s *pipeline.Step) {
	s.Outputs = slices.Clone(s.Outputs)
	s.Outputs = slices.DeleteFunc(s.Outputs, func(out pipeline.Output) bool {
		in := s.Input(out.Name)
		return in != nil && in.Type.IsLiteral()
	})
	for i := range s.Outputs {
		out := &s.Outputs[i]
		in := s.Input(out.Name)
		if in == nil {
			continue // the record
		}
		declared := slices.ContainsFunc(u.layers(out.Name), func(l layer) bool { return l.kind != "" })
		switch {
		case !declared:
			out.Type = in.Type
		case (out.Type == pipeline.URIFile) != (in.Type == pipeline.URIFile):
			said := u.layers(out.Name)
			f.problems.errorf(said[len(said)-1].at, `write "type: `+string(in.Type)+`", or leave the type out`,
				"output %s is a %s here, and what is passed on is a %s", quote(out.Name), out.Type, in.Type)
		}
		if out.File = ""; out.Type == pipeline.URIFile {
			out.File = fileName(out)
		}
	}
}
