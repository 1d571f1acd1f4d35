package pipeline

import "strings"

// Template is a command line with holes: text, ports of the step, and groups
// that are left out when an input they name was not given.
type Template []Part

// Part is one piece of a [Template]. Exactly one field is set.
type Part struct {
	Text   string   `json:"text,omitempty"`
	Input  string   `json:"input,omitempty"`
	Output string   `json:"output,omitempty"`
	Group  Template `json:"group,omitempty"`
}

// Render fills the holes. The functions return the text of a port, and whether
// it holds anything; nothing is quoted, as in Azure ML. A group with an absent
// input disappears; outside of groups an absent port renders as nothing.
func (t Template) Render(input, output func(name string) (string, bool)) string {
	var b strings.Builder
	t.render(&b, input, output)
	return b.String()
}

func (t Template) render(b *strings.Builder, input, output func(string) (string, bool)) {
	for _, p := range t {
		switch {
		case p.Input != "":
			s, _ := input(p.Input)
			b.WriteString(s)
		case p.Output != "":
			s, _ := output(p.Output)
			b.WriteString(s)
		case p.Group != nil:
			if p.Group.complete(input) {
				p.Group.render(b, input, output)
			}
		default:
			b.WriteString(p.Text)
		}
	}
}

func (t Template) complete(input func(string) (string, bool)) bool {
	for _, p := range t {
		if p.Input != "" {
			if _, ok := input(p.Input); !ok {
				return false
			}
		}
		if p.Group != nil && !p.Group.complete(input) {
			return false
		}
	}
	return true
}

// String writes the template in the notation that people know: holes as
// ${{inputs.x}} and ${{outputs.y}}, groups as $[[...]].
func (t Template) String() string {
	var b strings.Builder
	for _, p := range t {
		switch {
		case p.Input != "":
			b.WriteString("${{inputs." + p.Input + "}}")
		case p.Output != "":
			b.WriteString("${{outputs." + p.Output + "}}")
		case p.Group != nil:
			b.WriteString("$[[" + p.Group.String() + "]]")
		default:
			b.WriteString(p.Text)
		}
	}
	return b.String()
}
