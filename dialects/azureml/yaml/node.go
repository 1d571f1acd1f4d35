// Package yaml reads YAML 1.1 the way PyYAML's safe_load does, and keeps for
// every value where it stands in its file. Scalars know both their text as
// written and the text that Python's str() would give, because that is what
// the commands of a pipeline see.
//
// There are Go libraries for YAML, and none of those tried does this: they read
// another version of YAML, lose the columns or the text of scalars, or read
// unusual files wrongly. Size, depth and the expansion of aliases are bounded, so reading
// takes time and memory in proportion to the limits, whatever the input.
package yaml

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a [Node] holds.
type Kind int

// The kinds of nodes. All but List and Map are scalars.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// String names the kind as a person would, with its article.
func (k Kind) String() string {
	switch k {
	case Null:
		return "nothing"
	case Bool:
		return "a boolean"
	case Int:
		return "an integer"
	case Float:
		return "a number"
	case String:
		return "text"
	case List:
		return "a list"
	}
	return "a mapping"
}

// Document is a text that was read: a file, or a value from the command line.
type Document struct {
	// Name is how messages call the document: the path of the file as the user
	// gave it.
	Name string
	// Dir is the folder that relative paths in the document start from.
	Dir string
	// Base is the file that a text from the command line changes; relative
	// paths are shown relative to it. "" for files.
	Base  string
	lines []string
}

// Line returns a line of the source, counted from 1, without its line break.
func (d *Document) Line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

// Lines returns how many lines the source has.
func (d *Document) Lines() int { return len(d.lines) }

// Pos is a place in a document: 1-based line and column (in characters), and
// how many characters wide the thing is that stands there.
type Pos struct {
	Doc    *Document
	Line   int
	Column int
	Width  int
	// Path leads from the root of the document to the value: "jobs.train.inputs.lr".
	Path string
}

// IsZero reports whether no place is meant.
func (p Pos) IsZero() bool { return p.Doc == nil }

// String is "file:line:col".
func (p Pos) String() string {
	if p.Doc == nil {
		return ""
	}
	return p.Doc.Name + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Node is a value and where it stands.
type Node struct {
	Kind Kind
	// Text is Python's str() of a scalar: "True", "1e-05", "42". For text it is
	// the text itself.
	Text string
	// Source is a scalar as it is written, quotes and escapes resolved.
	Source string
	// Entries are the pairs of a Map, in the order of the file.
	Entries []*Entry
	// Items are the members of a List.
	Items []*Node

	doc                 *Document
	line, column, width int
	plain               bool // a scalar without quotes
	parent              *Node
	key                 string         // under which the parent map holds the node
	index               int            // in the parent list
	places              map[string]int // of the keys in Entries; made when there are many
}

// Entry is one pair of a mapping.
type Entry struct {
	Key   string
	Value *Node

	owner               *Node
	line, column, width int
	merged              bool // came with "<<"
}

// IsScalar reports whether the node is neither a list, a mapping, nor null.
func (n *Node) IsScalar() bool { return n.Kind > Null && n.Kind < List }

// IsNull reports whether the node holds nothing. A nil node holds nothing.
func (n *Node) IsNull() bool { return n == nil || n.Kind == Null }

// Doc returns the document the node was read from.
func (n *Node) Doc() *Document { return n.doc }

// Entry returns the pair with the given key, or nil.
func (n *Node) Entry(key string) *Entry {
	if n == nil || n.Kind != Map {
		return nil
	}
	if i := n.entryAt(key); i >= 0 {
		return n.Entries[i]
	}
	return nil
}

// entryAt is the place of a key among the entries, or -1. Large mappings are
// indexed, so that reading one takes time in proportion to its size.
func (n *Node) entryAt(key string) int {
	const few = 16
	if len(n.Entries) > few && n.places == nil {
		n.places = make(map[string]int, 2*len(n.Entries))
		for i, e := range n.Entries {
			n.places[e.Key] = i
		}
	}
	if n.places != nil {
		if i, ok := n.places[key]; ok {
			return i
		}
		return -1
	}
	for i, e := range n.Entries {
		if e.Key == key {
			return i
		}
	}
	return -1
}

// add appends a pair whose key is new.
func (n *Node) add(e *Entry) {
	if n.places != nil {
		n.places[e.Key] = len(n.Entries)
	}
	e.owner = n
	e.Value.parent, e.Value.key = n, e.Key
	n.Entries = append(n.Entries, e)
}

// append appends a member to a list.
func (n *Node) append(item *Node) {
	item.parent, item.index = n, len(n.Items)
	n.Items = append(n.Items, item)
}

// Get returns the value under a key; nil where the key is absent or its value
// is null.
func (n *Node) Get(key string) *Node {
	e := n.Entry(key)
	if e == nil || e.Value.IsNull() {
		return nil
	}
	return e.Value
}

// Path leads from the root of the document to the node.
func (n *Node) Path() string {
	var steps []string
	for ; n.parent != nil; n = n.parent {
		if n.parent.Kind == List {
			steps = append(steps, "["+strconv.Itoa(n.index)+"]")
		} else {
			steps = append(steps, n.key)
		}
	}
	var b strings.Builder
	for _, step := range slices.Backward(steps) {
		if b.Len() > 0 && !strings.HasPrefix(step, "[") {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}

// Pos is where the value stands.
func (n *Node) Pos() Pos {
	return Pos{Doc: n.doc, Line: n.line, Column: n.column, Width: n.width, Path: n.Path()}
}

// KeyPos is where the key of the node stands; the zero Pos where it has none.
func (n *Node) KeyPos() Pos {
	if n.parent == nil {
		return Pos{}
	}
	if e := n.parent.Entry(n.key); e != nil && e.Value == n {
		return e.Pos()
	}
	return Pos{}
}

// Pos is where the key stands.
func (e *Entry) Pos() Pos {
	path := e.Key
	if up := e.owner.Path(); up != "" {
		path = up + "." + e.Key
	}
	return Pos{Doc: e.owner.doc, Line: e.line, Column: e.column, Width: e.width, Path: path}
}

// PosOf is where a piece of a scalar stands in the source: its nth occurrence,
// counted from 0. Pieces that the source spells differently (folded over two
// lines, escaped) are given the place of the whole scalar.
func (n *Node) PosOf(piece string, nth int) Pos {
	whole := n.Pos()
	if piece == "" {
		return whole
	}
	column := n.column
	last := min(n.doc.Lines(), n.line+strings.Count(n.Source, "\n")+strings.Count(n.Source, " ")+1)
	for line := n.line; line <= last; line++ {
		text := n.doc.Line(line)
		from := byteOffset(text, column)
		for {
			at := strings.Index(text[from:], piece)
			if at < 0 {
				break
			}
			if nth == 0 {
				p := whole
				p.Line = line
				p.Column = utf8.RuneCountInString(text[:from+at]) + 1
				p.Width = utf8.RuneCountInString(piece)
				return p
			}
			nth--
			from += at + len(piece)
		}
		column = 1
	}
	return whole
}

// byteOffset is the index in text of the 1-based column, clipped to the text.
func byteOffset(text string, column int) int {
	for i := range text {
		if column <= 1 {
			return i
		}
		column--
	}
	return len(text)
}

// NewDocument makes a document of a text, for values that do not come from a file.
func NewDocument(name, dir, text string) *Document {
	return &Document{Name: name, Dir: dir, lines: splitLines(text)}
}

// NewText makes a text scalar that stands at p.
func NewText(p Pos, text string) *Node {
	return &Node{Kind: String, Text: text, Source: text, doc: p.Doc, line: p.Line, column: p.Column, width: p.Width}
}

// NewNull makes an empty value that stands at p.
func NewNull(p Pos) *Node {
	return &Node{Kind: Null, doc: p.Doc, line: p.Line, column: p.Column, width: p.Width}
}

// Put sets the value under a key of a mapping, replacing what was there. An
// empty node becomes a mapping. keyPos is where the key stands.
func (n *Node) Put(key string, keyPos Pos, value *Node) {
	if n.Kind == Null {
		n.Kind = Map
	}
	value.parent, value.key = n, key
	e := n.Entry(key)
	if e == nil {
		e = &Entry{Key: key, Value: value}
		n.add(e)
	}
	e.Value = value
	e.line, e.column, e.width = keyPos.Line, keyPos.Column, keyPos.Width
	if keyPos.Doc != n.doc {
		// The key comes from another document than the mapping around it.
		e.owner = &Node{Kind: Map, doc: keyPos.Doc, parent: n.parent, key: n.key, index: n.index}
	}
}

// SetItem sets a member of a list, filling up with nulls where the list is
// shorter. An empty node becomes a list.
func (n *Node) SetItem(index int, value *Node) {
	if n.Kind == Null {
		n.Kind = List
	}
	for len(n.Items) <= index {
		filler := NewNull(value.Pos())
		filler.parent, filler.index = n, len(n.Items)
		n.Items = append(n.Items, filler)
	}
	value.parent, value.index = n, index
	n.Items[index] = value
}

func splitLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	return strings.Split(text, "\n")
}
