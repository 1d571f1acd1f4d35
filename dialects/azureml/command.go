package azureml

import (
	"regexp"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// oldExpression is how early files wrote expressions. The "$" before it would
// make it the shell's.
var oldExpression = regexp.MustCompile(`(^|[^$\{])\{(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\}`)

// command reads the command line of a component: text, the component's own
// ports, and the groups that depend on optional inputs.
func (l *loader) command(n *yaml.Node, c *component) (pipeline.Template, map[string]bool) {
	r := &commandReader{loader: l, node: n, component: c, seen: map[string]int{}, bare: map[string]bool{}, grouped: map[string]bool{}}
	template := r.read(n.Source)
	guarded := map[string]bool{}
	for name := range r.grouped {
		guarded[name] = !r.bare[name]
	}
	return template, guarded
}

type commandReader struct {
	*loader
	node      *yaml.Node
	component *component
	seen      map[string]int // how often an expression was met
	bare      map[string]bool
	grouped   map[string]bool
}

// read cuts the command at its optional groups.
func (r *commandReader) read(source string) pipeline.Template {
	var template pipeline.Template
	for {
		open := strings.Index(source, "$[[")
		if open < 0 {
			return append(template, r.pieces(source, false)...)
		}
		template = append(template, r.pieces(source[:open], false)...)
		inside, rest, closed := cutGroup(source[open+3:])
		if !closed {
			r.problems.errorf(r.node.PosOf("$[[", r.count("$[[")), `end it with "]]"`, "the optional group that begins here has no end")
			return append(template, r.pieces(source[open+3:], true)...)
		}
		r.count("$[[")
		template = append(template, pipeline.Part{Group: r.pieces(inside, true)})
		source = rest
	}
}

// cutGroup finds the end of an optional group. The brackets of an expression
// inside do not end it.
func cutGroup(text string) (inside, rest string, closed bool) {
	return strings.Cut(text, "]]")
}

// count returns how often the piece was met before.
func (r *commandReader) count(piece string) int {
	n := r.seen[piece]
	r.seen[piece]++
	return n
}

func (r *commandReader) pieces(source string, group bool) pipeline.Template {
	var template pipeline.Template
	text := func(s string) {
		if s == "" {
			return
		}
		if last := len(template) - 1; last >= 0 && template[last].Text != "" {
			template[last].Text += s
			return
		}
		template = append(template, pipeline.Part{Text: s})
	}
	for _, part := range splitExpressions(source) {
		if part.ref == nil {
			r.oldStyle(part.text, group, text, &template)
			continue
		}
		ref := part.ref
		at := r.node.PosOf(ref.raw, r.count(ref.raw))
		if p, ok := r.hole(ref, at, group); ok {
			template = append(template, p)
		}
	}
	if group && template == nil {
		template = pipeline.Template{}
	}
	return template
}

// hole makes the part for an expression, or reports why it cannot stand in a
// command.
func (r *commandReader) hole(ref *reference, at yaml.Pos, group bool) (pipeline.Part, bool) {
	c := r.component
	switch ref.kind {
	case ownInput:
		name := ref.name
		p := c.input(name)
		if base, ok := strings.CutSuffix(name, ".path"); ok && p == nil && c.input(base) != nil {
			name, p = base, c.input(base)
		}
		if p == nil {
			r.problems.errorf(at, r.missingInput(name), "the command uses input %s, which %s does not have", quote(name), c.label())
			return pipeline.Part{}, false
		}
		r.checkOptional(p, at, group)
		return pipeline.Part{Input: name}, true
	case ownOutput:
		name := ref.name
		if base, ok := strings.CutSuffix(name, ".path"); ok && c.output(name) == nil {
			name = base
		}
		if c.output(name) == nil {
			hint := didYouMean(name, resultNames(c.outputs), "outputs")
			if len(c.outputs) == 0 {
				hint = "declare it under outputs"
			}
			r.problems.errorf(at, hint, "the command uses output %s, which %s does not have", quote(name), c.label())
			return pipeline.Part{}, false
		}
		if group {
			r.problems.errorf(at, "take it out of the group", "outputs cannot stand in an optional group")
		}
		return pipeline.Part{Output: name}, true
	case parentInput, siblingInput, siblingOutput, parentOutput:
		r.problems.errorf(at, "bind it under inputs or outputs, and use ${{inputs.NAME}} or ${{outputs.NAME}} here",
			"a command sees its own inputs and outputs only, not %s", clip(ref.raw))
		return pipeline.Part{}, false
	}
	r.badReference(at, ref, "a command")
	return pipeline.Part{}, false
}

func (r *commandReader) missingInput(name string) string {
	if names := portNames(r.component.inputs); len(names) > 0 {
		return didYouMean(name, names, "inputs")
	}
	return "declare it under inputs"
}

// checkOptional holds the rule that optional inputs stand in groups, and only
// they do. Inline nodes declare nothing, so there any input may.
func (r *commandReader) checkOptional(p *port, at yaml.Pos, group bool) {
	if group {
		r.grouped[p.name] = true
	} else {
		r.bare[p.name] = true
	}
	switch {
	case r.component.inline || p.broken:
	case group && !p.optional:
		r.problems.errorf(at, "take it out of the group, or declare it with optional: true", "input %s is not optional, so it cannot stand in an optional group", quote(p.name))
	case !group && p.optional:
		r.problems.errorf(at, "write $[[--"+clip(p.name)+" ${{inputs."+clip(p.name)+"}}]]", "the optional input %s must stand in an optional group", quote(p.name))
	}
}

// oldStyle takes {inputs.x} for an expression, as Azure ML still does, where
// there is such a port.
func (r *commandReader) oldStyle(source string, group bool, text func(string), template *pipeline.Template) {
	for {
		m := oldExpression.FindStringSubmatchIndex(source)
		if m == nil {
			text(source)
			return
		}
		raw, side, name := source[m[3]:m[1]], source[m[4]:m[5]], source[m[6]:m[7]]
		if side == "inputs" && r.component.input(name) == nil || side == "outputs" && r.component.output(name) == nil {
			text(source[:m[1]])
			source = source[m[1]:]
			continue
		}
		text(source[:m[3]])
		at := r.node.PosOf(raw, r.count(raw))
		r.problems.warnf(at, "write $"+"{"+raw+"}", "single braces are an old form of expressions")
		ref := parseReference("$" + "{" + raw + "}")
		if p, ok := r.hole(ref, at, group); ok {
			*template = append(*template, p)
		}
		source = source[m[1]:]
	}
}

// badReference reports an expression that cannot stand where it does.
func (l *loader) badReference(at yaml.Pos, ref *reference, where string) {
	shown := clip(ref.raw)
	switch ref.kind {
	case notClosed:
		l.problems.errorf(at, "", `the expression that begins here does not end with "}}"`)
	case spacesInside:
		l.problems.errorf(at, "expressions are dotted names: no operators, no functions", "%s is not an expression", shown)
	case ownInput:
		l.problems.errorf(at, "write ${{parent.inputs."+clip(ref.name)+"}}", "%s cannot stand in %s", shown, where)
	case siblingNode:
		l.problems.errorf(at, "write ${{parent.jobs."+clip(ref.job)+".outputs.NAME}}", "%s cannot stand in %s", shown, where)
	case searchSpace:
		l.problems.errorf(at, "", "%s has a value only in a sweep", shown)
	case triggerTime:
		l.problems.errorf(at, "", "%s has a value only in a job that a schedule starts", shown)
	case unknownRef:
		l.problems.errorf(at, referenceHint(ref.body), "%s means nothing", shown)
	default:
		l.problems.errorf(at, "", "%s cannot stand in %s", shown, where)
	}
}

// referenceHint guesses what an expression of an unknown form was meant to be.
func referenceHint(body string) string {
	first, rest, _ := strings.Cut(body, ".")
	switch {
	case first == "jobs" && rest != "":
		return "write ${{parent.jobs." + clip(rest) + "}}"
	case first == "parent" && rest != "":
		second, more, _ := strings.Cut(rest, ".")
		if like := closest(second, []string{"inputs", "outputs", "jobs"}); like != "" && like != second {
			return "did you mean ${{parent." + like + "." + clip(more) + "}}?"
		}
		if second == "jobs" {
			return "write ${{parent.jobs.NODE.outputs.NAME}}"
		}
	default:
		if like := closest(first, []string{"parent", "inputs", "outputs"}); like != "" && like != first {
			return "did you mean ${{" + like + "." + clip(rest) + "}}?"
		}
	}
	return "the forms are ${{parent.inputs.NAME}}, ${{parent.jobs.NODE.outputs.NAME}}, ${{inputs.NAME}} and ${{outputs.NAME}}"
}
