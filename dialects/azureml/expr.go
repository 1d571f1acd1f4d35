package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// reference is what an expression names.
type reference struct {
	kind refKind
	// raw is the expression as written, "${{ parent.inputs.x }}".
	raw string
	// body is what stands between the braces, without the spaces.
	body string
	// job is the node that kinds about siblings name.
	job string
	// name is the input or output meant; it may hold dots.
	name string
	// nth tells equal expressions in one text apart, counted from 0.
	nth int
}

type refKind int

const (
	unknownRef    refKind = iota
	parentInput           // parent.inputs.x
	parentOutput          // parent.outputs.o
	siblingInput          // parent.jobs.j.inputs.i
	siblingOutput         // parent.jobs.j.outputs.o
	siblingNode           // parent.jobs.j
	ownInput              // inputs.x
	ownOutput             // outputs.o
	searchSpace           // search_space.p
	jobName               // name
	outputName            // output_name
	defaultStore          // default_datastore
	triggerTime           // creation_context.trigger_time
	notClosed             // "${{" without "}}"
	spacesInside          // "${{ a b }}"
	wrongRef              // reported already
)

// exprPart is a piece of a text: plain text, or an expression.
type exprPart struct {
	text string
	ref  *reference
}

// splitExpressions cuts a text at its expressions.
func splitExpressions(text string) []exprPart {
	var parts []exprPart
	seen := map[string]int{}
	for text != "" {
		open := strings.Index(text, "${{")
		if open < 0 {
			parts = append(parts, exprPart{text: text})
			break
		}
		if open > 0 {
			parts = append(parts, exprPart{text: text[:open]})
			text = text[open:]
		}
		end := strings.Index(text, "}}")
		var ref *reference
		if end < 0 {
			ref = &reference{kind: notClosed, raw: "${{"}
			text = ""
		} else {
			raw := text[:end+2]
			if again := strings.LastIndex(raw, "${{"); again > 0 {
				// A second "${{" before the first is closed: blame the first.
				ref = &reference{kind: notClosed, raw: "${{"}
				text = text[again:]
			} else {
				ref = parseReference(raw)
				text = text[end+2:]
			}
		}
		ref.nth = seen[ref.raw]
		seen[ref.raw]++
		parts = append(parts, exprPart{ref: ref})
	}
	return parts
}

func parseReference(raw string) *reference {
	body := strings.TrimSpace(raw[3 : len(raw)-2])
	ref := &reference{raw: raw, body: body}
	if strings.ContainsAny(body, " \t\r\n") {
		ref.kind = spacesInside
		return ref
	}
	switch body {
	case "name":
		ref.kind = jobName
		return ref
	case "output_name":
		ref.kind = outputName
		return ref
	case "default_datastore":
		ref.kind = defaultStore
		return ref
	case "creation_context.trigger_time":
		ref.kind = triggerTime
		return ref
	}
	for _, scope := range []struct {
		prefix string
		kind   refKind
	}{
		{"parent.inputs.", parentInput}, {"parent.outputs.", parentOutput},
		{"inputs.", ownInput}, {"outputs.", ownOutput}, {"search_space.", searchSpace},
	} {
		if name, ok := strings.CutPrefix(body, scope.prefix); ok && name != "" {
			ref.kind, ref.name = scope.kind, name
			return ref
		}
	}
	if rest, ok := strings.CutPrefix(body, "parent.jobs."); ok && rest != "" {
		job, rest, more := strings.Cut(rest, ".")
		ref.job = job
		side, name, _ := strings.Cut(rest, ".")
		switch {
		case !more && job != "":
			ref.kind = siblingNode
		case side == "outputs" && name != "":
			ref.kind, ref.name = siblingOutput, name
		case side == "inputs" && name != "":
			ref.kind, ref.name = siblingInput, name
		}
	}
	return ref
}

// text is a scalar that may hold expressions. The nil text holds nothing.
type text struct {
	node  *yaml.Node
	parts []exprPart
}

// newText makes a text of a scalar; nil of none.
func newText(n *yaml.Node) *text {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.String:
		return &text{node: n, parts: splitExpressions(n.Source)}
	}
	return &text{node: n, parts: []exprPart{{text: n.Text}}}
}

// plain reports whether the text holds no expression.
func (t *text) plain() bool { return len(t.refs()) == 0 }

// single returns the expression that is the whole of the text, or nil.
func (t *text) single() *reference {
	if t == nil || len(t.parts) != 1 {
		return nil
	}
	return t.parts[0].ref
}

// refs are the expressions of the text, in order.
func (t *text) refs() []*reference {
	if t == nil {
		return nil
	}
	var refs []*reference
	for _, p := range t.parts {
		if p.ref != nil {
			refs = append(refs, p.ref)
		}
	}
	return refs
}

// place is where an expression of a text stands. It is not looked for when
// nobody would see it.
func (l *loader) place(t *text, ref *reference) yaml.Pos {
	if l.problems.full() {
		return t.node.Pos()
	}
	return t.node.PosOf(ref.raw, ref.nth)
}
