package main

import (
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
)

// printLineage writes trees for people: a line for each thing, with what is
// known of it aligned to the right of them.
func printLineage(w *term.Stream, l *lineage.Lineage) error {
	p := &treePrinter{w: w}
	title := term.Clean(l.Title)
	p.add(w.Paint(term.Bold, title), title)
	for _, n := range l.Nodes {
		if len(l.Start) == 1 && n.ID == l.Start[0] {
			p.lines[0].details = p.details(n)
		}
	}
	p.up = true
	p.section("made from", l.Up())
	p.up = false
	p.section("made from it", l.Down())
	return p.write()
}

// widest is how many branches of one thing are written; programs get all.
const widest = 40

type treePrinter struct {
	w     *term.Stream
	up    bool
	lines []treeLine
}

// treeLine is a line of a tree; width is that of text without its colours.
type treeLine struct {
	text, details string
	width         int
}

func (p *treePrinter) add(text, plain string) {
	p.lines = append(p.lines, treeLine{text: text, width: term.Width(plain)})
}

// section writes one direction. Nil is one that was not asked for.
func (p *treePrinter) section(title string, branches []*lineage.Branch) {
	if branches == nil {
		return
	}
	p.add("", "")
	if len(branches) == 0 {
		title += ": nothing that is recorded"
	}
	p.add(title, "")
	p.branches(branches, "")
}

func (p *treePrinter) branches(list []*lineage.Branch, indent string) {
	hidden := 0
	if len(list) > widest {
		list, hidden = list[:widest], len(list)-widest
	}
	for i, b := range list {
		arm, below := "├─ ", "│  "
		if i == len(list)-1 && hidden == 0 {
			arm, below = "└─ ", "   "
		}
		p.branch(b, indent+arm)
		p.branches(b.Branches, indent+below)
	}
	if hidden > 0 {
		text := fmt.Sprintf("%s└─ and %d more; -o json has them", indent, hidden)
		p.add(p.w.Paint(term.Faint, text), text)
	}
}

func (p *treePrinter) branch(b *lineage.Branch, arms string) {
	label, name := relationWords(b, p.up), term.Clean(nodeName(b.Node))
	end := ""
	switch {
	case b.Repeated:
		end = " (as above)"
	case b.Cut:
		end = " ..."
	}
	text := p.w.Paint(term.Faint, arms) + label + p.w.Paint(nodeStyle(b.Node.Kind), name) + p.w.Paint(term.Faint, end)
	p.add(text, arms+label+name+end)
	p.lines[len(p.lines)-1].details = p.details(b.Node)
}

// nodeName is what a thing is called on a line of its own.
func nodeName(n *lineage.Node) string {
	switch n.Kind {
	case lineage.Output, lineage.Place:
		return n.Name // the form says what it is
	case lineage.Artifact:
		return "content " + n.Name
	}
	return string(n.Kind) + " " + n.Name
}

func nodeStyle(k lineage.Kind) term.Style {
	switch k {
	case lineage.Step:
		return term.Bold
	case lineage.Output:
		return term.Cyan
	case lineage.Place, lineage.Image, lineage.Artifact:
		return ""
	}
	return term.Green
}

// relationWords say how a branch hangs on the one above: "raw: " for what a step
// read as its input raw.
func relationWords(b *lineage.Branch, up bool) string {
	switch b.By {
	case lineage.Input:
		return term.Clean(b.Port) + ": "
	case lineage.Code, lineage.Runtime:
		return string(b.By) + ": "
	case lineage.Content:
		return "same content as "
	case lineage.Shared:
		if up {
			return "shared from "
		}
		return "shared as "
	case lineage.Part:
		if up {
			return "contains "
		}
		return "part of "
	}
	if up {
		return "" // the kind of what it is says it all
	}
	switch b.By {
	case lineage.Registered:
		return "registered as "
	case lineage.Published:
		return "published to "
	}
	return ""
}

// details is what is known of a thing beyond its name.
func (p *treePrinter) details(n *lineage.Node) string {
	var words []string
	if n.Status != "" {
		text := string(n.Status)
		if n.Status == pipeline.Failed {
			text = p.w.Paint(term.Red, text)
		}
		words = append(words, text)
	}
	if c := n.Content; c != nil && n.Kind != lineage.Artifact {
		words = append(words, c.Digest.Short(), term.Bytes(c.Size))
	}
	if !n.Time.IsZero() && n.Kind != lineage.Place && n.Kind != lineage.Output {
		words = append(words, n.Time.Local().Format("2006-01-02 15:04"))
	}
	if reused := len(n.ReusedBy); reused > 0 {
		words = append(words, fmt.Sprintf("reused by %d", reused))
	}
	if n.Missing != "" {
		words = append(words, p.w.Paint(term.Yellow, term.Clean(n.Missing)))
	}
	return strings.Join(words, "  ")
}

// write aligns the details, unless a line is so long that they would be far off.
func (p *treePrinter) write() error {
	const furthest = 72
	column := 0
	for _, l := range p.lines {
		if l.details != "" && l.width <= furthest {
			column = max(column, l.width)
		}
	}
	var b strings.Builder
	for _, l := range p.lines {
		b.WriteString(l.text)
		if l.details != "" {
			b.WriteString(strings.Repeat(" ", max(0, column-l.width)+2) + l.details)
		}
		b.WriteByte('\n')
	}
	_, err := p.w.Write([]byte(b.String()))
	return err
}
