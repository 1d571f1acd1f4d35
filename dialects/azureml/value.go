package azureml

import (
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// value is what an input turns out to hold in one scope.
type value struct {
	kind valueKind
	literal
	// of data
	source   *pipeline.Source
	dataType pipeline.PortType
	mode     pipeline.Mode
	// of outputs
	from   *unit
	output string
}

type valueKind int

const (
	absentValue valueKind = iota
	literalValue
	dataValue
	outputValue
	// unknownValue stands for a mistake that is reported; it fits everywhere.
	unknownValue
)

// graphInput finds what an input of a graph holds. user is the node that needs
// it, for messages; nil where none does.
func (f *flattener) graphInput(sc *scope, p *port, user *node) value {
	if v, known := sc.values[p.name]; known {
		return v
	}
	sc.values[p.name] = value{kind: unknownValue}
	v := f.portValue(p, sc.argument(p.name), sc.parent, sc.maker)
	sc.values[p.name] = v
	return v
}

// unitInput finds what an input of a node holds.
func (f *flattener) unitInput(u *unit, p *port) value {
	if u.inside != nil {
		return f.graphInput(u.inside, p, nil)
	}
	if v, known := u.values[p.name]; known {
		return v
	}
	u.values[p.name] = value{kind: unknownValue}
	v := f.portValue(p, u.node.argument(p.name), u.around, u.node)
	u.values[p.name] = v
	return v
}

// portValue gives a port its value: what the node says, else the default.
func (f *flattener) portValue(p *port, a *argument, outer *scope, nd *node) value {
	if p.broken || a != nil && a.kind == givenWrong {
		return value{kind: unknownValue}
	}
	v := value{kind: absentValue}
	if a != nil {
		v = f.evaluate(a, p, outer)
	}
	if v.kind == absentValue {
		switch {
		case p.fallback != nil:
			return value{kind: literalValue, literal: *p.fallback}
		case p.optional:
			return v
		}
		f.missing(p, a, nd)
		return value{kind: unknownValue}
	}
	return f.fitting(p, v, a, nd)
}

// missing reports a required input that has no value.
func (f *flattener) missing(p *port, a *argument, nd *node) {
	switch {
	case nd == nil:
		f.problems.errorf(p.at, "", "input %s of this pipeline has no value, and a node needs it", quote(p.name))
	case a != nil && a.kind == givenNothing && nd.runs.inline:
		f.problems.errorf(a.at, "give it a value, or remove it", "input %s has no value", quote(p.name))
	case a != nil && a.kind != givenNothing:
		f.problems.errorf(a.node.Pos(), "give the input of the pipeline a value or a default, or use the input in an optional group $[[...]] only",
			"input %s of %s needs a value, and what it is bound to may have none", quote(p.name), nd.runs.label())
	default:
		where, hint := nd.inputsAt, "add "+quote(clip(p.name)+": ...")+" under inputs"
		if a != nil {
			where, hint = a.at, "give it a value"
		}
		if typo := f.misspelled(p, nd); typo != nil {
			f.problems.errorf(typo.at, "did you mean "+quote(p.name)+"?", "%s has no input %s, and its required input %s is not given",
				nd.runs.label(), quote(typo.name), quote(p.name))
			return
		}
		f.problems.errorf(where, hint, "the required input %s of %s is not given", quote(p.name), nd.runs.label())
	}
}

// misspelled finds what the node gives in place of a missing input.
func (f *flattener) misspelled(p *port, nd *node) *argument {
	for _, a := range nd.dropped {
		if a.taken == nil && closest(a.name, []string{p.name}) != "" || a.taken == p {
			a.taken = p
			return a
		}
	}
	return nil
}

// evaluate finds what a node gives to an input.
func (f *flattener) evaluate(a *argument, p *port, outer *scope) value {
	switch {
	case a.kind == givenNothing:
		return value{kind: absentValue}
	case a.kind == givenData && a.source != nil:
		return value{kind: dataValue, source: a.source, dataType: a.dataType, mode: a.mode, literal: literal{at: a.node.Pos()}}
	}
	ref := a.text.single()
	switch {
	case ref != nil:
		v := f.follow(ref, a.text.at(ref), outer)
		if a.kind == givenData {
			if v.kind == literalValue {
				// The path of the data is an input of the pipeline.
				return f.dataAt(v.text, v.at, a, p)
			}
			if a.dataType != "" && v.kind == dataValue {
				v.dataType = a.dataType
			}
			if a.mode != "" {
				v.mode = a.mode
			}
		}
		return v
	case !a.text.plain():
		return f.mixture(a, p, outer)
	case a.kind == givenData, a.node.Kind == yaml.String && p.kind != "" && !p.kind.IsLiteral() && outer != nil || a.node.Kind == yaml.String && p.kind != "" && !p.kind.IsLiteral():
		// Text for a data port of a component is the path of the data.
		return f.dataAt(a.text.node.Source, a.text.node.Pos(), a, p)
	}
	return value{kind: literalValue, literal: literalOf(a.text.node)}
}

// follow finds what a binding leads to.
func (f *flattener) follow(ref *reference, at yaml.Pos, sc *scope) value {
	unknown := value{kind: unknownValue}
	switch ref.kind {
	case jobName:
		return value{kind: literalValue, literal: literal{text: jobNameHole, kind: pipeline.String, at: at}}
	case parentInput:
		if p := sc.graph.input(ref.name); p != nil {
			return f.graphInput(sc, p, nil)
		}
	case siblingInput:
		if u := sc.units[ref.job]; u != nil {
			if p := u.node.runs.input(ref.name); p != nil {
				return f.unitInput(u, p)
			}
		}
	case siblingOutput:
		if u := sc.units[ref.job]; u != nil {
			return f.made(u, ref.name)
		}
	}
	return unknown
}

// made finds the leaf that makes an output of a node.
func (f *flattener) made(u *unit, output string) value {
	if u.inside != nil {
		declared := u.inside.graph.output(output)
		if declared == nil || declared.broken {
			return value{kind: unknownValue}
		}
		leaf, name, found := f.writer(u.inside, output)
		if leaf == nil {
			if !found {
				f.problems.errorf(declared.at, "bind the output of a node to it with ${{parent.outputs."+clip(output)+"}}",
					"output %s is used by node %s's pipeline, and no node writes it", quote(output), quote(u.node.name))
			}
			return value{kind: unknownValue}
		}
		return f.made(leaf, name)
	}
	if r := u.node.runs.output(output); r != nil && r.broken {
		return value{kind: unknownValue}
	}
	return value{kind: outputValue, from: u, output: output, dataType: u.outputKind(output)}
}

// mixture joins text and expressions to one text; with data at its beginning it
// is a path below that data.
func (f *flattener) mixture(a *argument, p *port, sc *scope) value {
	joined := ""
	var data *value
	for i, part := range a.text.parts {
		if part.ref == nil {
			joined += part.text
			continue
		}
		v := f.follow(part.ref, a.text.at(part.ref), sc)
		switch v.kind {
		case unknownValue:
			return v
		case literalValue:
			joined += v.text
		case dataValue:
			if i > 0 {
				f.problems.errorf(a.text.at(part.ref), "", "data can stand only at the beginning of a path")
				return value{kind: unknownValue}
			}
			data = &v
		case outputValue:
			f.problems.errorf(a.text.at(part.ref), "bind the whole output, and add the rest of the path in the command",
				"a part of an output cannot be an input")
			return value{kind: unknownValue}
		}
	}
	at := a.text.node.Pos()
	if data != nil {
		return f.below(*data, joined, at, a)
	}
	if a.kind == givenData || p.kind != "" && !p.kind.IsLiteral() {
		return f.dataAt(joined, at, a, p)
	}
	return value{kind: literalValue, literal: literal{text: joined, kind: pipeline.String, at: at}}
}

// dataAt makes data of a path that was not known before.
func (f *flattener) dataAt(path string, at yaml.Pos, a *argument, p *port) value {
	kind := a.dataType
	if kind == "" {
		kind = p.kind
	}
	if kind == "" || kind.IsLiteral() {
		kind = pipeline.URIFolder
	}
	s := f.source(yaml.NewText(at, path), kind)
	if s == nil {
		return value{kind: unknownValue}
	}
	return value{kind: dataValue, source: s, dataType: kind, mode: a.mode, literal: literal{at: at}}
}

// below is a path below data that is given.
func (f *flattener) below(data value, rest string, at yaml.Pos, a *argument) value {
	s := *data.source
	s.Position = at.String()
	if s.Local != "" {
		s.Local = filepath.Join(s.Local, rest)
		info, err := os.Stat(s.Local)
		if err != nil {
			f.problems.errorf(at, "looked for "+s.Local, "there is no file or folder %s below the input", quote(rest))
			return value{kind: unknownValue}
		}
		s.URI = (&url.URL{Scheme: "file", Path: s.Local}).String()
		if data.dataType = pipeline.URIFolder; !info.IsDir() {
			data.dataType = pipeline.URIFile
		}
	} else {
		s.URI = strings.TrimSuffix(s.URI, "/") + "/" + strings.TrimPrefix(rest, "/")
	}
	if a.dataType != "" {
		data.dataType = a.dataType
	}
	if a.mode != "" {
		data.mode = a.mode
	}
	data.source = &s
	return data
}

// fitting holds a value against the type that a port declares.
func (f *flattener) fitting(p *port, v value, a *argument, nd *node) value {
	owner := "this pipeline"
	if nd != nil {
		owner = nd.runs.label()
	}
	switch v.kind {
	case literalValue:
		text, problem := p.fit(v.literal)
		if problem != "" {
			hint := p.legal()
			if p.kind != "" && !p.kind.IsLiteral() {
				hint = "write {type: " + string(p.kind) + ", path: ...}"
			}
			f.problems.errorf(v.at, hint, "input %s of %s %s", quote(p.name), owner, problem)
			return value{kind: unknownValue}
		}
		v.text = text
		if p.kind != "" {
			v.literal.kind = p.kind
		}
	case dataValue, outputValue:
		if p.kind == pipeline.Integer || p.kind == pipeline.Number || p.kind == pipeline.Boolean {
			where := p.at
			if a != nil {
				where = a.node.Pos()
			}
			f.problems.errorf(where, "", "input %s of %s takes %s, not data", quote(p.name), owner, article(p.kind))
			return value{kind: unknownValue}
		}
		if v.mode == "" {
			v.mode = p.mode
		}
	}
	return v
}

// input makes the input of a step.
func (f *flattener) input(u *unit, p *port) pipeline.Input {
	in := inputOf(p, f.unitInput(u, p))
	if u.node.runs.inline && in.Binding.Step != nil {
		// Inline nodes declare nothing: what is bound to a step is required.
		in.Optional = false
	}
	return in
}

func inputOf(p *port, v value) pipeline.Input {
	in := pipeline.Input{Name: p.name, Type: p.kind, Optional: p.optional}
	switch v.kind {
	case literalValue:
		text := v.text
		in.Type, in.Binding.Literal = v.literal.kind, &text
	case dataValue:
		in.Type, in.Mode, in.Binding.Source = v.dataType, v.mode, v.source
	case outputValue:
		in.Mode = v.mode
		in.Binding.Step = &pipeline.OutputRef{Step: v.from.name, Output: v.output}
		if in.Type == "" || in.Type.IsLiteral() || (in.Type == pipeline.URIFile) != (v.dataType == pipeline.URIFile) {
			in.Type = v.dataType
		}
	}
	if in.Type == "" {
		in.Type = pipeline.String
	}
	if in.Mode == "" && !in.Type.IsLiteral() {
		in.Mode = pipeline.ReadOnlyMount
	}
	return in
}

// positive reads a whole number above 0.
func positive(text string) (int, bool) {
	value, ok := parseNumber(text)
	if !ok || value != math.Trunc(value) || value < 1 || value > math.MaxInt32 {
		return 0, false
	}
	return int(value), true
}
