package azureml

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

var (
	literalTypes = []pipeline.PortType{pipeline.String, pipeline.Integer, pipeline.Number, pipeline.Boolean}
	// Data assets and models have types of their own; ports take them all.
	dataAssetTypes = []pipeline.PortType{pipeline.URIFile, pipeline.URIFolder, pipeline.MLTable}
	modelTypes     = []pipeline.PortType{pipeline.MLflowModel, pipeline.CustomModel, pipeline.TritonModel}
	dataTypes      = slices.Concat(dataAssetTypes, modelTypes)
	portTypes      = slices.Concat(literalTypes, dataTypes)

	inputModes  = []pipeline.Mode{pipeline.ReadOnlyMount, pipeline.Download, pipeline.Direct, pipeline.EvalMount, pipeline.EvalDownload}
	outputModes = []pipeline.Mode{pipeline.ReadWriteMount, pipeline.Upload, pipeline.Direct}
)

var (
	portName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	groupName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*$`)
)

// checkPortName reports names that are no identifiers. Inputs of pipelines may
// stand in groups: "group.x".
func (l *loader) checkPortName(e *yaml.Entry, what string, groups bool) bool {
	legal := portName
	if groups {
		legal = groupName
	}
	if legal.MatchString(e.Key) {
		return true
	}
	l.problems.errorf(e.Pos(), "", "%q cannot name %s: use letters, digits and underscores, and begin with a letter or an underscore", clip(e.Key), what)
	return false
}

// ports reads the inputs that a component declares.
func (l *loader) ports(m *yaml.Node) (list table[*port]) {
	n := l.mapping(m.Get("inputs"), "inputs")
	if n == nil {
		return list
	}
	for _, e := range n.Entries {
		p := &port{name: e.Key, at: e.Pos()}
		list.add(p)
		if !l.checkPortName(e, "an input", true) {
			p.broken = true
			continue
		}
		if e.Value.Kind != yaml.Map {
			l.problems.errorf(at(e), `write "{type: string}", with a default if there is one`,
				"an input of a component is declared with a type, not with a value")
			p.broken = true
			continue
		}
		l.port(p, e.Value)
	}
	return list
}

func (l *loader) port(p *port, n *yaml.Node) {
	l.checkKeys(n, portKeys)
	p.kind, p.broken = l.portType(n, p, portTypes)
	if p.broken {
		return
	}
	p.optional = l.boolean(n, "optional", false)
	if p.kind != "" && !p.kind.IsLiteral() {
		p.mode = l.mode(n, inputModes)
		if d := n.Get("default"); d != nil {
			p.broken = true
			l.problems.errorf(d.Pos(), "give the data where the component is used", "an input of type %s cannot have a default", p.kind)
		}
		return
	}
	p.min, p.max = l.limit(n, "min"), l.limit(n, "max")
	if values := n.Get("enum"); values != nil {
		if values.Kind != yaml.List {
			l.problems.errorf(values.Pos(), "", "enum must be a list, not %s", values.Kind)
		}
		for _, item := range values.Items {
			if v := l.scalar(item, "a value of enum"); v != nil {
				p.enum = append(p.enum, v.Text)
			}
		}
	}
	if d := l.scalar(n.Get("default"), "default"); d != nil {
		v := literalOf(d)
		if text, problem := p.fit(v); problem != "" {
			l.problems.errorf(v.at, p.legal(), "the default of input %s %s", quote(p.name), problem)
			p.broken = true
		} else {
			v.text = text
			p.fallback = &v
		}
	}
}

// portType reads the type of a port; "" is any.
func (l *loader) portType(n *yaml.Node, p *port, legal []pipeline.PortType) (kind pipeline.PortType, broken bool) {
	t := l.scalar(n.Get("type"), "type")
	if t == nil {
		if n.Get("type") == nil {
			l.problems.errorf(p.at, oneOf(legal...), "input %s has no type", quote(p.name))
		}
		return "", true
	}
	switch t.Text {
	case "path", "any", "Any":
		return "", false
	}
	if kind = pipeline.PortType(t.Text); slices.Contains(legal, kind) {
		return kind, false
	}
	l.problems.errorf(t.Pos(), l.typeHint(t.Text, legal), "%q is not a type of an input", clip(t.Text))
	return "", true
}

// typeHint suggests the type that a user of another system means.
func (l *loader) typeHint(written string, legal []pipeline.PortType) string {
	common := map[string]pipeline.PortType{"int": pipeline.Integer, "float": pipeline.Number, "double": pipeline.Number, "str": pipeline.String,
		"bool": pipeline.Boolean, "folder": pipeline.URIFolder, "file": pipeline.URIFile, "directory": pipeline.URIFolder}
	if like, ok := common[strings.ToLower(written)]; ok && slices.Contains(legal, like) {
		return `did you mean "` + string(like) + `"?`
	}
	names := make([]string, len(legal))
	for i, t := range legal {
		names[i] = string(t)
	}
	if like := l.closest(written, names); like != "" {
		return `did you mean "` + like + `"?`
	}
	return oneOf(legal...)
}

// mode reads the mode of a data port; "" where none is given.
func (l *loader) mode(n *yaml.Node, legal []pipeline.Mode) pipeline.Mode {
	m := l.scalar(n.Get("mode"), "mode")
	if m == nil {
		return ""
	}
	mode := pipeline.Mode(strings.ToLower(m.Text))
	if mode == "mount" || mode == "link" {
		return legal[0]
	}
	if slices.Contains(legal, mode) {
		return mode
	}
	names := make([]string, len(legal))
	for i, t := range legal {
		names[i] = string(t)
	}
	hint := oneOf(legal...)
	if like := l.closest(m.Text, names); like != "" {
		hint = `did you mean "` + like + `"?`
	}
	side := "an input"
	if slices.Contains(legal, pipeline.Upload) {
		side = "an output"
	}
	l.problems.errorf(m.Pos(), hint, "%q is not a mode of %s", clip(m.Text), side)
	return ""
}

func (l *loader) limit(n *yaml.Node, key string) *bound {
	v := l.scalar(n.Get(key), key)
	if v == nil {
		return nil
	}
	value, ok := parseNumber(v.Text)
	if !ok {
		l.problems.errorf(v.Pos(), "", "%s must be a number, not %q", key, clip(v.Text))
		return nil
	}
	return &bound{value: value, text: v.Text}
}

// literalOf makes a literal of a scalar, with the type it has by its looks.
func literalOf(n *yaml.Node) literal {
	kind := pipeline.String
	switch n.Kind {
	case yaml.Bool:
		kind = pipeline.Boolean
	case yaml.Int:
		kind = pipeline.Integer
	case yaml.Float:
		kind = pipeline.Number
	}
	return literal{text: n.Text, kind: kind, at: n.Pos()}
}

// fit makes the text of a literal fit the type of the port, as Azure does:
// "3" and 3.0 become the integer 3, TRUE becomes True. Where it cannot, it says
// what is wrong; the message goes on after the name of the port.
func (p *port) fit(v literal) (text, problem string) {
	text = v.text
	var value float64
	switch p.kind {
	case pipeline.Integer, pipeline.Number:
		var ok bool
		if value, ok = parseNumber(text); !ok {
			return text, "takes " + article(p.kind) + ", not " + quote(text)
		}
		if p.kind == pipeline.Integer {
			if math.IsInf(value, 0) || math.IsNaN(value) {
				return text, "takes an integer, not " + quote(text)
			}
			text = integerText(text, value)
			value = math.Trunc(value)
		}
	case pipeline.Boolean:
		switch strings.ToLower(text) {
		case "true":
			text = "True"
		case "false":
			text = "False"
		default:
			return text, "takes True or False, not " + quote(text)
		}
	case pipeline.String, "":
	default:
		return text, "takes data of type " + string(p.kind) + ", not the text " + quote(text)
	}
	if p.kind == pipeline.Integer || p.kind == pipeline.Number {
		if p.min != nil && value < p.min.value {
			return text, "takes at least " + p.min.text + ", and " + clip(v.text) + " is less"
		}
		if p.max != nil && value > p.max.value {
			return text, "takes at most " + p.max.text + ", and " + clip(v.text) + " is more"
		}
	}
	if len(p.enum) > 0 && !slices.Contains(p.enum, text) && !slices.Contains(p.enum, v.text) {
		return text, "takes one of " + strings.Join(p.enum, ", ") + ", not " + quote(v.text)
	}
	return text, ""
}

// legal describes what a port takes beyond its type.
func (p *port) legal() string {
	switch {
	case len(p.enum) > 0:
		return ""
	case p.min != nil && p.max != nil:
		return "the values go from " + p.min.text + " to " + p.max.text
	}
	return ""
}

func article(kind pipeline.PortType) string {
	switch kind {
	case pipeline.Integer:
		return "an integer"
	case pipeline.Number:
		return "a number"
	case pipeline.Boolean:
		return "True or False"
	case pipeline.String:
		return "text"
	}
	return "data of type " + string(kind)
}

// parseNumber reads a number as Python's float() does.
func parseNumber(text string) (float64, bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "_", "")
	if strings.ContainsAny(text, "xXpP") {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(value, 0) {
		return 0, false
	}
	return value, true
}

// integerText is str(int(float(text))), but exact for integers that a float
// would round.
func integerText(text string, value float64) string {
	text = strings.TrimPrefix(strings.ReplaceAll(strings.TrimSpace(text), "_", ""), "+")
	digits := strings.TrimPrefix(text, "-")
	if digits != "" && strings.Trim(digits, "0123456789") == "" {
		digits = strings.TrimLeft(digits, "0")
		if digits == "" {
			return "0"
		}
		if text[0] == '-' {
			return "-" + digits
		}
		return digits
	}
	text = strconv.FormatFloat(math.Trunc(value), 'f', 0, 64)
	if text == "-0" {
		return "0"
	}
	return text
}

// at is where the value of a pair stands, or its key where there is no value.
func at(e *yaml.Entry) yaml.Pos {
	if e.Value.IsNull() {
		return e.Pos()
	}
	return e.Value.Pos()
}
