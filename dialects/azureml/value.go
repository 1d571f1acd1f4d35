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
	is valueKind
	// of literals
	literal literal
	// of data
	source   *pipeline.Source
	dataType pipeline.PortType
	mode     pipeline.Mode
	// of outputs
	from   *unit
	output string
	// of text with inputs of a loop in it
	joined pipeline.Template
}

type valueKind int

const (
	absentValue valueKind = iota
	literalValue
	dataValue
	outputValue
	// parameterValue is an input of the loop in whose body the scope stands, called
	// as output says; joinedValue is text with such inputs in it.
	parameterValue
	joinedValue
	// unknownValue stands for a mistake that is reported; it fits everywhere.
	unknownValue
)

// graphInput finds what an input of a graph holds.
func (f *flattener) graphInput(sc *scope, p *port) value {
	if v, known := sc.values[p.name]; known {
		return v
	}
	// Loops are found before; this keeps one that was not from running for ever.
	sc.values[p.name] = value{is: unknownValue}
	v := f.portValue(p, sc.given.get(p.name), sc.parent, sc.maker)
	sc.values[p.name] = v
	return v
}

// unitInput finds what an input of a node holds.
func (f *flattener) unitInput(u *unit, p *port) value {
	if u.inside != nil {
		return f.graphInput(u.inside, p)
	}
	if v, known := u.values[p.name]; known {
		return v
	}
	u.values[p.name] = value{is: unknownValue}
	v := f.portValue(p, u.node.inputs.get(p.name), u.around, u.node)
	u.values[p.name] = v
	return v
}

// portValue gives a port its value: what the node says, else the default.
func (f *flattener) portValue(p *port, a *argument, outer *scope, nd *node) value {
	if p.broken || a != nil && a.kind == givenWrong {
		return value{is: unknownValue}
	}
	v := value{is: absentValue}
	if a != nil {
		v = f.evaluate(a, p, outer)
	}
	switch {
	case v.is != absentValue:
		return f.fitting(p, v, a, nd)
	case p.fallback != nil:
		return value{is: literalValue, literal: *p.fallback}
	case p.optional:
		return v
	}
	f.missing(p, a, nd, outer)
	return value{is: unknownValue}
}

// missing reports a required input that has no value.
func (f *flattener) missing(p *port, a *argument, nd *node, outer *scope) {
	switch {
	case nd == nil:
		f.problems.errorf(p.at, "give it a value", "input %s of this pipeline has no value, and a node needs it", quote(p.name))
	case a != nil && a.kind == givenNothing && nd.runs.inline:
		f.problems.errorf(a.at, "give it a value, or remove it", "input %s has no value", quote(p.name))
	case a != nil && a.kind == givenNothing:
		f.problems.errorf(a.at, "give it a value", "the required input %s of %s has no value", quote(p.name), nd.runs.label())
	case a != nil:
		f.problems.errorf(a.node.Pos(), "give what it is bound to a value or a default, or use the input in an optional group $[[...]] only",
			"input %s of %s needs a value, and what it is bound to may have none", quote(p.name), nd.runs.label())
	default:
		if typo := f.misspelled(p, nd); typo != nil {
			f.problems.errorf(typo.at, "did you mean "+quote(p.name)+"?", "%s has no input %s, and its required input %s is not given",
				nd.runs.label(), quote(typo.name), quote(p.name))
			return
		}
		if outer != nil && outer.graph.lostBody {
			return // a loop may be meant to give it
		}
		f.problems.errorf(nd.inputsAt, "add "+quote(p.name+": ...")+" under inputs", "the required input %s of %s is not given", quote(p.name), nd.runs.label())
	}
}

// misspelled finds what the node gives in place of a missing input.
func (f *flattener) misspelled(p *port, nd *node) *argument {
	if f.problems.full() {
		return nil
	}
	for _, a := range nd.dropped {
		if a.meant == p || a.meant == nil && f.closest(a.name, []string{p.name}) != "" {
			a.meant = p
			return a
		}
	}
	return nil
}

// evaluate finds what a node gives to an input.
func (f *flattener) evaluate(a *argument, p *port, outer *scope) value {
	switch {
	case a.kind == givenNothing:
		return value{is: absentValue}
	case a.source != nil:
		return value{is: dataValue, source: a.source, dataType: a.dataType, mode: a.mode}
	}
	ref := a.text.single()
	switch {
	case ref != nil && a.kind == givenData:
		return f.dataFrom(f.follow(ref, a.text, outer), a, p)
	case ref != nil:
		return f.follow(ref, a.text, outer)
	case !a.text.plain():
		return f.mixture(a, p, outer)
	case a.node.Kind == yaml.String && p.isData():
		// Text for a data port of a component is the path of the data.
		return f.dataAt(a.text.node, a, p)
	}
	if p.kind == "" && looksRegistered(a.text.node.Text) {
		f.problems.warnf(a.text.node.Pos(), "write {type: uri_folder, path: \""+clip(a.text.node.Text)+"\"} for the data of that name",
			"this is text to the command, not data: an input without a type is given data as a mapping")
	}
	return value{is: literalValue, literal: literalOf(a.text.node)}
}

// looksRegistered recognises text that is the name of data. A name alone may be
// that of a compute.
func looksRegistered(text string) bool {
	ref, err := pipeline.ParseAssetRef(text, pipeline.DataAsset)
	return err == nil && (ref.Version != "" || ref.Label != "")
}

// dataFrom is what a data object with a binding for its path holds: what it is
// bound to, with the object's own type and mode.
func (f *flattener) dataFrom(v value, a *argument, p *port) value {
	if v.is == literalValue {
		return f.dataAt(yaml.NewText(v.literal.at, v.literal.text), a, p)
	}
	if a.dataType != "" && v.is == dataValue {
		v.dataType = a.dataType
	}
	if a.mode != "" {
		v.mode = a.mode
	}
	return v
}

// follow finds what a binding leads to.
func (f *flattener) follow(ref *reference, t *text, sc *scope) value {
	switch ref.kind {
	case jobName:
		return value{is: literalValue, literal: literal{text: pipeline.NameHole, kind: pipeline.String, at: t.node.Pos()}}
	case triggerTime:
		return value{is: literalValue, literal: literal{text: pipeline.TriggerTimeHole, kind: pipeline.String, at: t.node.Pos()}}
	case parentInput:
		if p := sc.graph.inputs.get(ref.name); p != nil {
			return f.graphInput(sc, p)
		}
	case siblingInput:
		if u := sc.units[ref.job]; u != nil {
			if p := u.node.runs.inputs.get(ref.name); p != nil {
				return f.unitInput(u, p)
			}
		}
	case siblingOutput:
		if u := sc.units[ref.job]; u != nil {
			return f.made(u, ref.name)
		}
	}
	// The mistake is reported: an unknown name, or a node with mistakes.
	return value{is: unknownValue}
}

// made finds the leaf that makes an output of a node.
func (f *flattener) made(u *unit, output string) value {
	if u.inside != nil {
		declared := u.inside.graph.outputs.get(output)
		if declared == nil || declared.broken {
			return value{is: unknownValue}
		}
		leaf, name, found := f.writer(u.inside, output)
		if leaf == nil {
			if !found && !u.inside.graph.incomplete {
				f.problems.errorf(declared.at, "bind the output of a node to it with ${{parent.outputs."+clip(output)+"}}",
					"output %s of node %s is used, and no node of its pipeline writes it", quote(output), quote(u.node.name))
			}
			return value{is: unknownValue}
		}
		return f.made(leaf, name)
	}
	if r := u.node.runs.outputs.get(output); r != nil && r.broken {
		return value{is: unknownValue}
	}
	if u.node.through != nil {
		return u.node.through(f, u, output)
	}
	return value{is: outputValue, from: u, output: output, dataType: u.outputKind(output)}
}

// mixture joins text and expressions to one text; with data at its beginning it
// is a path below that data.
func (f *flattener) mixture(a *argument, p *port, sc *scope) value {
	at := a.text.node.Pos()
	j := joiner{flattener: f, at: at}
	var data *value
	for i, part := range a.text.parts {
		if part.ref == nil {
			j.add(part.text)
			continue
		}
		v := f.follow(part.ref, a.text, sc)
		switch v.is {
		case unknownValue:
			return v
		case literalValue:
			j.add(v.literal.text)
		case parameterValue, joinedValue:
			if !v.kind().IsLiteral() {
				f.problems.errorf(f.place(a.text, part.ref), "bind the whole input, and add the rest of the path in the command",
					"a part of data that is another in each iteration cannot be an input")
				return value{is: unknownValue}
			}
			j.addHole(v)
		case dataValue:
			if i > 0 {
				f.problems.errorf(f.place(a.text, part.ref), "", "data can stand only at the beginning of a path")
				return value{is: unknownValue}
			}
			data = &v
		case outputValue:
			if v.dataType.IsLiteral() {
				f.problems.errorf(f.place(a.text, part.ref), "give the node both, and join them in the command",
					"a value that is known only when the job runs cannot be joined with text")
				return value{is: unknownValue}
			}
			f.problems.errorf(f.place(a.text, part.ref), "bind the whole output, and add the rest of the path in the command",
				"a part of an output cannot be an input")
			return value{is: unknownValue}
		}
	}
	joined, ok := j.text()
	switch {
	case !ok:
		return value{is: unknownValue}
	case len(j.holes) > 0 && (data != nil || a.kind == givenData || p.isData()):
		f.problems.errorf(at, "", "the path of data cannot hold a value that is another in each iteration of a loop")
		return value{is: unknownValue}
	case len(j.holes) > 0:
		return value{is: joinedValue, joined: j.template()}
	case data != nil:
		return f.below(*data, joined, at, a)
	case a.kind == givenData || p.isData():
		return f.dataAt(yaml.NewText(at, joined), a, p)
	}
	return value{is: literalValue, literal: literal{text: joined, kind: pipeline.String, at: at}}
}

// The most that joining texts may make: of one text, and of all. Inputs that
// double each other would otherwise grow without end.
const (
	longestText = 32 << 10
	mostText    = 16 << 20
)

// joiner joins texts, to a bounded length.
type joiner struct {
	*flattener
	at      yaml.Pos
	built   strings.Builder
	tooLong bool
	// holes are pieces that are inputs of a loop, with the text before each.
	holes pipeline.Template
	from  int // where the text behind the last of them begins
}

// addHole adds what is known only in each iteration of a loop.
func (j *joiner) addHole(v value) {
	j.holes = appendText(j.holes, j.built.String()[j.from:])
	j.from = j.built.Len()
	if v.is == parameterValue {
		j.holes = append(j.holes, pipeline.Part{Input: v.output})
		return
	}
	for _, part := range v.joined {
		if part.Input != "" {
			j.holes = append(j.holes, part)
		} else {
			j.holes = appendText(j.holes, part.Text)
		}
	}
}

// template is the whole text where it has holes.
func (j *joiner) template() pipeline.Template {
	return appendText(j.holes, j.built.String()[j.from:])
}

func (j *joiner) add(text string) {
	if j.built.Len()+len(text) > longestText || j.mixed+len(text) > mostText {
		j.tooLong = true
		return
	}
	j.mixed += len(text)
	j.built.WriteString(text)
}

func (j *joiner) text() (string, bool) {
	if j.tooLong {
		j.problems.errorf(j.at, "", "with its expressions resolved this text is longer than %d KiB, the most that is possible", longestText>>10)
	}
	return j.built.String(), !j.tooLong
}

// dataAt makes data of a path that was not known before.
func (f *flattener) dataAt(path *yaml.Node, a *argument, p *port) value {
	kind := a.dataType
	if kind == "" && p.isData() {
		kind = p.kind
	}
	s, kind := f.source(path, kind)
	if s == nil {
		return value{is: unknownValue}
	}
	if kind == "" {
		kind = pipeline.URIFolder
	}
	return value{is: dataValue, source: s, dataType: kind, mode: a.mode}
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
			return value{is: unknownValue}
		}
		s.URI = (&url.URL{Scheme: "file", Path: s.Local}).String()
		if data.dataType = pipeline.URIFolder; !info.IsDir() {
			data.dataType = pipeline.URIFile
		}
	} else {
		s.URI = strings.TrimSuffix(s.URI, "/") + "/" + strings.TrimPrefix(rest, "/")
		s.Artifact = nil // of the whole
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
	switch v.is {
	case literalValue:
		text, problem := p.fit(v.literal)
		if problem != "" {
			hint := p.legal()
			if p.isData() {
				hint = "write {type: " + string(p.kind) + ", path: ...}"
			}
			f.problems.errorf(v.literal.at, hint, "input %s of %s %s", quote(p.name), owner, problem)
			return value{is: unknownValue}
		}
		v.literal.text = text
		if p.kind != "" {
			v.literal.kind = p.kind
		}
	case parameterValue, joinedValue:
		return f.fittingParameter(p, v, a, owner)
	case outputValue:
		if v.dataType.IsLiteral() {
			return f.fittingControl(p, v, a, owner)
		}
		fallthrough
	case dataValue:
		if p.kind == pipeline.Integer || p.kind == pipeline.Number || p.kind == pipeline.Boolean {
			where := p.at
			if a != nil {
				where = a.node.Pos()
			}
			f.problems.errorf(where, "", "input %s of %s takes %s, not data", quote(p.name), owner, article(p.kind))
			return value{is: unknownValue}
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
	if u.node.runs.inline && in.Binding != (pipeline.Binding{}) && !f.mayBeSkipped(u, p) {
		// Inline nodes declare nothing: what they are given is required.
		in.Optional = false
	}
	return in
}

func inputOf(p *port, v value) pipeline.Input {
	in := pipeline.Input{Name: p.name, Type: p.kind, Optional: p.optional}
	switch v.is {
	case literalValue:
		text := v.literal.text
		in.Type, in.Binding.Literal = v.literal.kind, &text
	case dataValue:
		in.Type, in.Mode, in.Binding.Source = v.dataType, v.mode, v.source
	case parameterValue:
		in.Mode, in.Binding.Parameter = v.mode, v.output
		if in.Type == "" || v.dataType != "" && in.Type.IsLiteral() != v.dataType.IsLiteral() {
			in.Type = v.dataType
		}
	case joinedValue:
		in.Binding.Joined = &v.joined
	case outputValue:
		in.Mode = v.mode
		in.Binding.Step = &pipeline.OutputRef{Step: v.from.name, Output: v.output}
		if v.dataType.IsLiteral() {
			if in.Type == "" {
				in.Type = v.dataType
			}
		} else if in.Type == "" || in.Type.IsLiteral() || (in.Type == pipeline.URIFile) != (v.dataType == pipeline.URIFile) {
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

// wholeNumber reads a number without a fraction that is not negative.
func wholeNumber(text string) (int, bool) {
	value, ok := parseNumber(text)
	if !ok || value != math.Trunc(value) || value < 0 || value > math.MaxInt32 {
		return 0, false
	}
	return int(value), true
}
