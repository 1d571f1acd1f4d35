package azureml

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// oldExpression is how early files wrote expressions. The "$" before it would
// make it the shell's.
var oldExpression = regexp.MustCompile(`(^|[^$\{])\{(inputs|outputs|search_space)\.([A-Za-z_][A-Za-z0-9_]*)\}`)

// command reads the command line of a component: text, the component's own
// ports, and the groups that depend on optional inputs.
func (l *loader) command(n *yaml.Node, c *component) (template pipeline.Template, guarded map[string]bool) {
	r := &commandReader{loader: l, component: c, text: &text{node: n}, seen: map[string]int{}, bare: map[string]bool{}, grouped: map[string]bool{}}
	template = r.read(n.Source)
	guarded = map[string]bool{}
	for name := range r.grouped {
		guarded[name] = !r.bare[name]
	}
	return template, guarded
}

type commandReader struct {
	*loader
	component *component
	text      *text
	// seen counts how often a piece was met, to tell equal ones apart.
	seen map[string]int
	// bare inputs stand outside of optional groups, grouped ones inside.
	bare, grouped map[string]bool
}

// read cuts the command at its optional groups.
func (r *commandReader) read(source string) pipeline.Template {
	const begin, end = "$[[", "]]"
	var template pipeline.Template
	for {
		before, after, found := strings.Cut(source, begin)
		template = append(template, r.pieces(before, false)...)
		if !found {
			return template
		}
		opening := r.count(begin)
		inside, rest, closed := strings.Cut(after, end)
		if !closed {
			r.problems.errorf(r.place(r.text, &reference{raw: begin, nth: opening}), `end it with "]]"`, "the optional group that begins here has no end")
			return template
		}
		template = append(template, pipeline.Part{Group: r.pieces(inside, true)})
		source = rest
	}
}

// count returns how often the piece was met before.
func (r *commandReader) count(piece string) int {
	n := r.seen[piece]
	r.seen[piece]++
	return n
}

// pieces cuts a text without groups at its expressions.
func (r *commandReader) pieces(source string, group bool) pipeline.Template {
	template := pipeline.Template{}
	for _, part := range splitExpressions(source) {
		if part.ref == nil {
			template = r.oldStyle(template, part.text, group)
			continue
		}
		part.ref.nth = r.count(part.ref.raw)
		if hole, ok := r.hole(part.ref, group); ok {
			template = append(template, hole)
		}
	}
	return template
}

func appendText(template pipeline.Template, text string) pipeline.Template {
	if text == "" {
		return template
	}
	if last := len(template) - 1; last >= 0 && template[last].Text != "" {
		template[last].Text += text
		return template
	}
	return append(template, pipeline.Part{Text: text})
}

// oldStyle takes {inputs.x} for an expression, as Azure ML still does, where
// there is such a port.
func (r *commandReader) oldStyle(template pipeline.Template, source string, group bool) pipeline.Template {
	for {
		m := oldExpression.FindStringSubmatchIndex(source)
		if m == nil {
			return appendText(template, source)
		}
		raw, side, name := source[m[3]:m[1]], source[m[4]:m[5]], source[m[6]:m[7]]
		rest := source[m[1]:]
		if known := side == "inputs" && r.component.inputs.has(name) || side == "outputs" && r.component.outputs.has(name) ||
			side == "search_space" && r.component.swept[name]; !known {
			template = appendText(template, source[:m[1]])
			source = rest
			continue
		}
		template = appendText(template, source[:m[3]])
		ref := parseReference("$" + "{" + raw + "}")
		ref.raw, ref.nth = raw, r.count(raw)
		r.problems.warnf(r.place(r.text, ref), "write $"+"{"+raw+"}", "single braces are an old form of expressions")
		if hole, ok := r.hole(ref, group); ok {
			template = append(template, hole)
		}
		source = rest
	}
}

// hole makes the part for an expression, or reports why it cannot stand in a
// command.
func (r *commandReader) hole(ref *reference, group bool) (pipeline.Part, bool) {
	c := r.component
	switch ref.kind {
	case ownInput:
		name := withoutPath(ref.name, c.inputs.has)
		p := c.inputs.get(name)
		if p == nil {
			hint := "declare it under inputs"
			if names := c.inputs.someNames(); len(names) > 0 {
				hint = r.didYouMean(name, names, "inputs")
			}
			if why, ok := r.leftOut.hint(name); ok && c.ofJob {
				hint = why
			}
			r.problems.errorf(r.place(r.text, ref), hint, "the command uses input %s, which %s does not have", quote(name), c.label())
			// Who gives it meets no second complaint.
			c.inputs.add(&port{name: name, broken: true})
			return pipeline.Part{}, false
		}
		r.checkOptional(p, ref, group)
		return pipeline.Part{Input: name}, true
	case ownOutput:
		name := withoutPath(ref.name, c.outputs.has)
		switch {
		case !c.outputs.has(name):
			hint := "declare it under outputs"
			if names := c.outputs.someNames(); len(names) > 0 {
				hint = r.didYouMean(name, names, "outputs")
			}
			r.problems.errorf(r.place(r.text, ref), hint, "the command uses output %s, which %s does not have", quote(name), c.label())
			c.outputs.add(&result{name: name, broken: true})
			return pipeline.Part{}, false
		case group:
			r.problems.errorf(r.place(r.text, ref), "take it out of the group", "outputs cannot stand in an optional group")
			return pipeline.Part{}, false
		}
		return pipeline.Part{Output: name}, true
	case searchSpace:
		if c.swept == nil {
			break
		}
		if !c.swept[ref.name] {
			r.problems.errorf(r.place(r.text, ref), r.didYouMean(ref.name, slices.Sorted(maps.Keys(c.swept)), "hyperparameters"),
				"the command uses %s, which search_space does not have", quote(ref.name))
			return pipeline.Part{}, false
		}
		return pipeline.Part{Input: ref.name}, true
	case parentInput, siblingInput, siblingOutput, parentOutput:
		r.problems.errorf(r.place(r.text, ref), "bind it under inputs or outputs, and use ${{inputs.NAME}} or ${{outputs.NAME}} here",
			"a command sees its own inputs and outputs only, not %s", clip(ref.raw))
		return pipeline.Part{}, false
	}
	r.badReference(r.text, ref, "a command")
	return pipeline.Part{}, false
}

// withoutPath takes inputs.x.path for inputs.x: the text of data is its path.
func withoutPath(name string, known func(string) bool) string {
	if base, ok := strings.CutSuffix(name, ".path"); ok && !known(name) && known(base) {
		return base
	}
	return name
}

// checkOptional holds the rule that optional inputs stand in groups, and only
// they do. Inline nodes declare nothing, so there any input may.
func (r *commandReader) checkOptional(p *port, ref *reference, group bool) {
	if group {
		r.grouped[p.name] = true
	} else {
		r.bare[p.name] = true
	}
	switch {
	case r.component.inline || p.broken:
	case group && !p.optional:
		r.problems.errorf(r.place(r.text, ref), "take it out of the group, or declare it with optional: true",
			"input %s is not optional, so it cannot stand in an optional group", quote(p.name))
	case !group && p.optional:
		r.problems.errorf(r.place(r.text, ref), "write $[[--"+clip(p.name)+" "+clip(ref.raw)+"]]", "the optional input %s must stand in an optional group", quote(p.name))
	}
}

// badReference reports an expression that cannot stand where it does.
func (l *loader) badReference(t *text, ref *reference, where string) {
	at, shown := l.place(t, ref), clip(ref.raw)
	switch ref.kind {
	case wrongRef:
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
		l.problems.errorf(at, l.referenceHint(ref.body), "%s means nothing", shown)
	default:
		l.problems.errorf(at, "", "%s cannot stand in %s", shown, where)
	}
}

// referenceHint guesses what an expression of an unknown form was meant to be.
func (l *loader) referenceHint(body string) string {
	first, rest, _ := strings.Cut(body, ".")
	switch {
	case first == "jobs" && rest != "":
		return "write ${{parent.jobs." + clip(rest) + "}}"
	case first == "parent" && rest != "":
		second, more, _ := strings.Cut(rest, ".")
		if like := l.closest(second, []string{"inputs", "outputs", "jobs"}); like != "" && like != second {
			return "did you mean ${{parent." + like + "." + clip(more) + "}}?"
		}
		if second == "jobs" {
			return "write ${{parent.jobs.NODE.outputs.NAME}}"
		}
	default:
		if like := l.closest(first, []string{"parent", "inputs", "outputs"}); like != "" && like != first {
			return "did you mean ${{" + like + "." + clip(rest) + "}}?"
		}
	}
	return "the forms are ${{parent.inputs.NAME}}, ${{parent.jobs.NODE.outputs.NAME}}, ${{inputs.NAME}} and ${{outputs.NAME}}"
}
