package azureml

import (
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// search is what a sweep says of its trials, before the expressions in it are
// resolved.
type search struct {
	owner                                       string
	at                                          yaml.Pos
	sampling, objective, limits, early          fields
	hasSampling, hasObjective, hasEarly, broken bool
	dims                                        []*dimension
	// names are all hyperparameters; always are those that every trial has.
	names, always map[string]bool
}

// fields are the scalars of a mapping.
type fields struct {
	at    yaml.Pos
	keys  []string // in the order of the file
	texts map[string]*text
	place map[string]yaml.Pos // of the keys
}

func (l *loader) fields(n *yaml.Node) fields {
	m := fields{at: n.Pos(), texts: map[string]*text{}, place: map[string]yaml.Pos{}}
	for _, e := range n.Entries {
		if e.Value.IsNull() || e.Value.Kind == yaml.List || e.Value.Kind == yaml.Map && e.Key == "values" {
			continue
		}
		if v := l.scalar(e.Value, e.Key); v != nil {
			m.keys = append(m.keys, e.Key)
			m.texts[e.Key], m.place[e.Key] = newText(v), e.Pos()
		}
	}
	return m
}

func (m fields) all() []*text {
	var list []*text
	for _, key := range m.keys {
		list = append(list, m.texts[key])
	}
	return list
}

// dimension is a hyperparameter as it is written.
type dimension struct {
	name string
	at   yaml.Pos
	fields
	values []*option
	port   *port // nil where the program has none
	broken bool
}

// option is one value of a choice.
type option struct {
	at   yaml.Pos
	text *text
	dims []*dimension // that it brings along; nil for text
}

// branches reports whether a choice is among sets of hyperparameters.
func (d *dimension) branches() bool {
	return slices.ContainsFunc(d.values, func(o *option) bool { return o.dims != nil })
}

// each calls yield with all hyperparameters.
func (w *search) each(yield func(d *dimension, nested bool)) { eachDimension(w.dims, false, yield) }

func eachDimension(dims []*dimension, nested bool, yield func(d *dimension, nested bool)) {
	for _, d := range dims {
		yield(d, nested)
		for _, o := range d.values {
			eachDimension(o.dims, true, yield)
		}
	}
}

func (w *search) texts() []*text {
	list := slices.Concat(w.sampling.all(), w.objective.all(), w.limits.all(), w.early.all())
	w.each(func(d *dimension, _ bool) {
		list = append(list, d.all()...)
		for _, o := range d.values {
			if o.text != nil {
				list = append(list, o.text)
			}
		}
	})
	return list
}

// search reads what a sweep says of its trials.
func (l *loader) search(n *yaml.Node, owner string) *search {
	w := &search{owner: owner, at: ownerPos(n), names: map[string]bool{}, always: map[string]bool{}}
	if s := n.Get("sampling_algorithm"); s != nil && s.IsScalar() {
		w.hasSampling = true
		w.sampling = fields{at: s.Pos(), keys: []string{"type"}, texts: map[string]*text{"type": newText(s)}, place: map[string]yaml.Pos{}}
	} else if m := l.mapping(s, "sampling_algorithm"); m != nil {
		w.hasSampling = true
		l.checkKeys(m, samplingKeys)
		w.sampling = l.fields(m)
	}
	if m := l.mapping(n.Get("objective"), "objective"); m != nil {
		w.hasObjective = true
		l.checkKeys(m, objectiveKeys)
		w.objective = l.fields(m)
	}
	if m := l.mapping(n.Get("limits"), "limits"); m != nil {
		l.checkKeys(m, sweepLimitsKeys)
		w.limits = l.fields(m)
	}
	if m := l.mapping(n.Get("early_termination"), "early_termination"); m != nil {
		w.hasEarly = true
		l.checkKeys(m, earlyKeys)
		w.early = l.fields(m)
	}
	space := l.mapping(n.Get("search_space"), "search_space")
	if space == nil || len(space.Entries) == 0 {
		l.problems.errorf(w.at, `add "search_space:" with what is sampled`, "%s has no search_space", owner)
		w.broken = true
		return w
	}
	w.dims = l.dimensions(space, w, nil, 0)
	for _, d := range w.dims {
		w.always[d.name] = true
	}
	return w
}

// dimensions reads hyperparameters. Above are the names that a trial has already
// where these come in, through so many choices.
func (l *loader) dimensions(n *yaml.Node, w *search, above map[string]bool, depth int) []*dimension {
	list := []*dimension{}
	here := map[string]bool{}
	maps.Copy(here, above)
	for _, e := range n.Entries {
		d := &dimension{name: e.Key, at: e.Pos()}
		list = append(list, d)
		w.names[e.Key] = true
		if !l.checkPortName(e, "a hyperparameter", false) {
			d.broken = true
			continue
		}
		if here[e.Key] {
			l.problems.errorf(e.Pos(), "give it another name", "hyperparameter %s is there twice", quote(e.Key))
			d.broken = true
			continue
		}
		here[e.Key] = true
	}
	for i, e := range n.Entries {
		if d := list[i]; !d.broken {
			l.dimension(d, e, w, here, depth)
		}
	}
	return list
}

// maxNesting bounds how deep choices bring others along.
const maxNesting = 16

func (l *loader) dimension(d *dimension, e *yaml.Entry, w *search, here map[string]bool, depth int) {
	n := e.Value
	if n.IsScalar() && depth > 0 {
		// In a branch, a value by itself is the only one.
		d.values = []*option{{at: n.Pos(), text: newText(n)}}
		d.fields = fields{at: n.Pos(), keys: []string{"type"}, texts: map[string]*text{"type": newText(yaml.NewText(n.Pos(), "choice"))}}
		return
	}
	if n.Kind != yaml.Map {
		l.problems.errorf(at(e), `write "{type: uniform, min_value: 0, max_value: 1}", or "{type: choice, values: [...]}"`,
			"hyperparameter %s must be a mapping, not %s", quote(d.name), n.Kind)
		d.broken = true
		return
	}
	l.checkKeys(n, dimensionKeys)
	d.fields = l.fields(n)
	values := n.Get("values")
	if values.IsNull() {
		return
	}
	if values.Kind != yaml.List {
		l.problems.errorf(values.Pos(), "", "values must be a list, not %s", values.Kind)
		d.broken = true
		return
	}
	for _, item := range values.Items {
		o := &option{at: item.Pos()}
		d.values = append(d.values, o)
		switch {
		case item.Kind == yaml.Map:
			if depth >= maxNesting {
				l.problems.errorf(item.Pos(), "", "choices bring each other along more than %d levels deep", maxNesting)
				d.broken = true
				return
			}
			o.dims = l.dimensions(item, w, here, depth+1)
		case item.Kind == yaml.List:
			o.text = newText(yaml.NewText(item.Pos(), pythonList(item)))
		case item.IsNull():
			o.text = newText(yaml.NewText(item.Pos(), "None"))
		default:
			o.text = newText(item)
		}
	}
}

// pythonList writes a list as Python's str does.
func pythonList(n *yaml.Node) string {
	var parts []string
	for _, item := range n.Items {
		switch {
		case item.Kind == yaml.List:
			parts = append(parts, pythonList(item))
		case item.Kind == yaml.String:
			parts = append(parts, "'"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(item.Text)+"'")
		case item.IsNull():
			parts = append(parts, "None")
		default:
			parts = append(parts, item.Text)
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
