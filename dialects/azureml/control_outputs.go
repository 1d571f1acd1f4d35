package azureml

import (
	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// A control output holds a value that the job itself reads: a condition, or a
// literal input of a later node. It is declared with the type of a literal.

// controlOutput reads what an output says of being one. Those that a component
// declares have a type.
func (l *loader) controlOutput(r *result, n *yaml.Node, declared bool) {
	r.control = l.boolean(n, "is_control", false)
	switch {
	case r.broken:
	case r.control && r.kind != "" && !r.kind.IsLiteral():
		r.broken = true
		l.problems.errorf(n.Entry("is_control").Pos(), "give it the type boolean, integer, number or string",
			"a control output holds a value, and output %s is data of type %s", quote(r.name), r.kind)
	case r.control && declared && r.kind == "":
		r.broken = true
		l.problems.errorf(n.Entry("is_control").Pos(), `add "type: boolean", or integer, number or string`, "the control output %s has no type", quote(r.name))
	case l.boolean(n, "early_available", false) && !r.control:
		l.problems.errorf(n.Entry("early_available").Pos(), `add "is_control: true"`, "only a control output can be available early")
	case r.kind.IsLiteral() && !r.control:
		l.problems.notef(r.at, `add "is_control: true"`, "output %s holds a value, which Azure ML passes on only of control outputs", quote(r.name))
	}
}

// fittingControl holds a control output against the type that a port declares.
// A port for data gets the file that the value stands in.
func (f *flattener) fittingControl(p *port, v value, a *argument, owner string) value {
	if !takes(p.kind, v.dataType) {
		where := p.at
		if a != nil {
			where = a.node.Pos()
		}
		f.problems.errorf(where, "", "input %s of %s takes %s, and what it is bound to holds %s",
			quote(p.name), owner, article(p.kind), article(v.dataType))
		return value{is: unknownValue}
	}
	if p.isData() && v.mode == "" {
		v.mode = p.mode
	}
	return v
}

// fittingParameter holds an input of a loop against the type that a port of the
// body declares.
func (f *flattener) fittingParameter(p *port, v value, a *argument, owner string) value {
	kind := v.kind()
	if p.isData() == kind.IsLiteral() && p.kind != "" || kind.IsLiteral() && v.is == parameterValue && !takes(p.kind, kind) {
		where := p.at
		if a != nil {
			where = a.node.Pos()
		}
		f.problems.errorf(where, "", "input %s of %s takes %s, and what it is bound to holds %s", quote(p.name), owner, article(p.kind), article(kind))
		return value{is: unknownValue}
	}
	if v.mode == "" {
		v.mode = p.mode
	}
	return v
}

// takes tells whether a port of one type can be given a value of another.
func takes(port, given pipeline.PortType) bool {
	switch port {
	case pipeline.Integer, pipeline.Boolean:
		return given == port
	case pipeline.Number:
		return given == pipeline.Number || given == pipeline.Integer
	}
	return true
}

// late tells whether a value is text that is known only when the job runs.
func (v value) late() bool {
	return v.is == joinedValue || v.is == parameterValue || v.is == outputValue && v.dataType.IsLiteral()
}
