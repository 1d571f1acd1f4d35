package azureml

import (
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// arguments reads what inputs are given: of a node, or of a job.
func (l *loader) arguments(m *yaml.Node, groups bool) (list table[*argument]) {
	n := l.mapping(m.Get("inputs"), "inputs")
	if n == nil {
		return list
	}
	for _, e := range n.Entries {
		a := &argument{name: e.Key, at: e.Pos(), node: e.Value}
		list.add(a)
		if !l.checkPortName(e, "an input", groups) {
			a.kind = givenWrong
			continue
		}
		l.argument(a, e.Value)
	}
	return list
}

func (l *loader) argument(a *argument, n *yaml.Node) {
	switch {
	case n.IsNull():
		a.kind = givenNothing
	case n.IsScalar():
		a.kind, a.text = givenText, newText(n)
	case n.Kind == yaml.List:
		a.kind = givenWrong
		l.problems.errorf(n.Pos(), "an input is text, a number, or data with a path; write a list as text and split it in the program",
			"an input cannot be a list")
	default:
		l.object(a, n)
	}
}

// object reads an input in the form of a mapping: {type, path, mode} or {value}.
func (l *loader) object(a *argument, n *yaml.Node) {
	a.kind = givenWrong
	if value := n.Entry("value"); value != nil {
		l.checkKeys(n, inputKeys)
		l.argument(a, value.Value)
		return
	}
	for _, key := range []string{"default", "optional", "enum", "min", "max"} {
		if e := n.Entry(key); e != nil && n.Get("path") == nil {
			l.problems.errorf(e.Pos(), "write the value itself: \""+clip(a.name)+": 5\"",
				"%q declares an input of a component; here an input is given its value", key)
			return
		}
	}
	l.checkKeys(n, inputKeys)
	known := true
	if t := l.scalar(n.Get("type"), "type"); t != nil {
		a.dataType = pipeline.PortType(strings.ToLower(t.Text))
		switch {
		case slices.Contains(literalTypes, a.dataType):
			l.problems.errorf(t.Pos(), "write the value itself: \""+clip(a.name)+": 5\"",
				"an input of type %s is written as a plain value", a.dataType)
			return
		case !slices.Contains(dataTypes, a.dataType):
			l.problems.errorf(t.Pos(), l.typeHint(t.Text, dataTypes), "%q is not a type of data", clip(t.Text))
			a.dataType, known = "", false
		}
	}
	a.mode = l.mode(n, inputModes)
	path := l.scalar(n.Get("path"), "path")
	if path == nil {
		if n.Get("path") == nil && known {
			l.problems.errorf(a.at, "add \"path: ...\"", "input %s has no path", quote(a.name))
		}
		return
	}
	a.text = newText(path)
	a.kind = givenData
	if a.text.plain() {
		kind := a.dataType
		if !known {
			kind = pipeline.CustomModel // may be a file or a folder
		}
		if a.source, kind = l.source(path, kind); a.source == nil {
			a.kind = givenWrong
		}
		if known {
			a.dataType = kind
		}
		if a.dataType == "" {
			a.dataType = pipeline.URIFolder
		}
	}
}

// results reads outputs: those a component declares, and what nodes and jobs
// say about them.
func (l *loader) results(m *yaml.Node, keys keySet) (list table[*result]) {
	n := l.mapping(m.Get("outputs"), "outputs")
	if n == nil {
		return list
	}
	for _, e := range n.Entries {
		r := &result{name: e.Key, at: e.Pos()}
		list.add(r)
		if !l.checkPortName(e, "an output", false) {
			r.broken = true
			continue
		}
		switch {
		case e.Value.IsNull():
		case e.Value.IsScalar():
			l.promotion(r, newText(e.Value))
			if r.promoted == nil && !r.broken {
				r.broken = true
				l.problems.errorf(e.Value.Pos(), "bind it to an output of the pipeline with ${{parent.outputs.NAME}}, or write {path: azureml://datastores/...}",
					"an output cannot be the text %s", quote(e.Value.Text))
			}
		case e.Value.Kind == yaml.Map:
			l.result(r, e.Value, keys)
		default:
			r.broken = true
			l.problems.errorf(e.Value.Pos(), "", "an output must be a mapping, not %s", e.Value.Kind)
		}
	}
	return list
}

func (l *loader) result(r *result, n *yaml.Node, keys keySet) {
	l.checkKeys(n, keys)
	if t := l.scalar(n.Get("type"), "type"); t != nil {
		r.kind = pipeline.PortType(strings.ToLower(t.Text))
		switch {
		case slices.Contains(literalTypes, r.kind):
		case r.kind == "path" || r.kind == "any":
			r.kind = ""
		case !slices.Contains(dataTypes, r.kind):
			r.broken = true
			l.problems.errorf(t.Pos(), l.typeHint(t.Text, portTypes), "%q is not a type of an output", clip(t.Text))
		}
	}
	l.controlOutput(r, n, keys.what == outputPortKeys.what)
	r.mode = l.mode(n, outputModes)
	if p := l.scalar(n.Get("path"), "path"); p != nil {
		t := newText(p)
		if l.promotion(r, t); r.promoted == nil && !r.broken {
			r.path = t
			r.broken = !l.checkOutputPath(t)
		}
	}
	r.asset = l.registration(n)
}

// registration reads the name and the version that an output is registered
// under, or returns nil. Empty ones are none.
func (l *loader) registration(n *yaml.Node) *pipeline.AssetName {
	part := func(key string) (text string, given bool) {
		if v := n.Get(key); v == nil || v.Kind == yaml.String && v.Text == "" {
			return "", false
		}
		return l.assetName(n, key), true
	}
	name, named := part("name")
	version, _ := part("version")
	if name != "" {
		return &pipeline.AssetName{Name: name, Version: version}
	}
	if version != "" && !named {
		l.problems.errorf(n.Get("version").Pos(), "add \"name: ...\" to register the output under it", "a version without a name")
	}
	return nil
}

// promotion recognises an output that becomes one of the pipeline around it.
func (l *loader) promotion(r *result, t *text) {
	for _, ref := range t.refs() {
		switch ref.kind {
		case parentOutput:
			if t.single() == nil {
				r.broken = true
				l.problems.errorf(l.place(t, ref), "", "%s must stand alone", clip(ref.raw))
				return
			}
			r.promoted, r.said = ref, t
		case jobName, outputName, defaultStore, parentInput:
		default:
			r.broken = true
			l.badReference(t, ref, "an output")
			return
		}
	}
}

// checkOutputPath reports paths of outputs that are no place in a datastore.
func (l *loader) checkOutputPath(t *text) bool {
	shown := t.node.Source
	if rest, ok := strings.CutPrefix(shown, "azureml:azureml://"); ok {
		shown = "azureml://" + rest
	}
	if _, problem := datastoreURI(shown); problem != "" {
		l.problems.errorf(t.node.Pos(), "write azureml://datastores/NAME/paths/PATH", "the path of an output is a place in a datastore; %s", problem)
		return false
	}
	return true
}
