package yaml

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Format writes a node as YAML: the same values, in the same order, always with
// the same text. Text that could be read as something else is quoted.
func Format(n *Node) string {
	var b strings.Builder
	format(&b, n, 0)
	return b.String()
}

func format(b *strings.Builder, n *Node, depth int) {
	indent := strings.Repeat("  ", depth)
	switch {
	case n.Kind == Map && len(n.Entries) > 0:
		for _, e := range n.Entries {
			b.WriteString(indent + formatText(e.Key) + ":")
			formatValue(b, e.Value, depth)
		}
	case n.Kind == List && len(n.Items) > 0:
		for _, item := range n.Items {
			b.WriteString(indent + "-")
			formatValue(b, item, depth)
		}
	default:
		b.WriteString(indent + formatScalar(n) + "\n")
	}
}

func formatValue(b *strings.Builder, n *Node, depth int) {
	if n.Kind == Map && len(n.Entries) > 0 || n.Kind == List && len(n.Items) > 0 {
		b.WriteByte('\n')
		format(b, n, depth+1)
		return
	}
	b.WriteString(" " + formatScalar(n) + "\n")
}

func formatScalar(n *Node) string {
	switch n.Kind {
	case Map:
		return "{}"
	case List:
		return "[]"
	case Null:
		return "null"
	case String:
		return formatText(n.Text)
	}
	return n.Source
}

// plainForm is text that means the same with quotes and without.
var plainForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./=<>+~-]*$`)

// formatText leaves text plain where nobody could read it as anything else.
func formatText(text string) string {
	if kind, _ := resolve(text); kind == String && plainForm.MatchString(text) {
		return text
	}
	var quoted strings.Builder
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	// Strings cannot fail to encode.
	_ = encoder.Encode(text)
	return escapeRest(strings.TrimSuffix(quoted.String(), "\n"))
}

// escapeRest escapes what JSON allows in quotes and YAML does not, or takes for
// the end of a line.
func escapeRest(quoted string) string {
	foreign := func(r rune) bool { return r >= 0x7f && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff }
	if strings.IndexFunc(quoted, foreign) < 0 {
		return quoted
	}
	var b strings.Builder
	for _, r := range quoted {
		if foreign(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
