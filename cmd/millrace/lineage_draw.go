package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/internal/term"
)

// drawings are the formats of -o that only lineage has.
var drawings = []string{"mermaid", "dot"}

// draw writes a lineage as the text of a picture.
func draw(w io.Writer, format string, l *lineage.Lineage) error {
	numbers := map[string]int{}
	for i, n := range l.Nodes {
		numbers[n.ID] = i
	}
	text := mermaid(l, numbers)
	if format == "dot" {
		text = dot(l, numbers)
	}
	_, err := io.WriteString(w, text)
	return err
}

// mermaid writes a flowchart. Only the plainest of its syntax is used: nodes have
// numbers, and texts stand in quotes with all signs of the syntax spelled out.
func mermaid(l *lineage.Lineage, numbers map[string]int) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range l.Nodes {
		open, shut := `["`, `"]`
		if n.Kind == lineage.Step {
			open, shut = `(["`, `"])`
		}
		fmt.Fprintf(&b, "  n%d%s%s%s\n", i, open, mermaidText(nodeName(n)), shut)
	}
	for _, e := range l.Edges {
		fmt.Fprintf(&b, "  n%d -->|\"%s\"| n%d\n", numbers[e.From], mermaidText(edgeName(e)), numbers[e.To])
	}
	for _, id := range l.Start {
		fmt.Fprintf(&b, "  style n%d stroke-width:3px\n", numbers[id])
	}
	return b.String()
}

// mermaidText spells out whatever could mean something to mermaid, or to the
// browser that it draws in.
func mermaidText(text string) string {
	var b strings.Builder
	for _, r := range term.Clean(text) {
		plain := r >= 0x80 || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" _-./:,@+=", r)
		if plain {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// dot writes a graph for Graphviz.
func dot(l *lineage.Lineage, numbers map[string]int) string {
	var b strings.Builder
	b.WriteString("digraph lineage {\n  rankdir=LR;\n")
	for i, n := range l.Nodes {
		shape := "box"
		if n.Kind == lineage.Step {
			shape = "ellipse"
		}
		fmt.Fprintf(&b, "  n%d [shape=%s, label=%s];\n", i, shape, dotText(nodeName(n)))
	}
	for _, e := range l.Edges {
		fmt.Fprintf(&b, "  n%d -> n%d [label=%s];\n", numbers[e.From], numbers[e.To], dotText(edgeName(e)))
	}
	b.WriteString("}\n")
	return b.String()
}

func dotText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(term.Clean(text)) + `"`
}

// edgeName is what stands on an arrow: the port where there is one.
func edgeName(e lineage.Edge) string {
	if e.Port != "" {
		return e.Port
	}
	return string(e.Kind)
}
