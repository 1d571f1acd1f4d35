package yaml

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of what is read. They are far above what people write, and keep
// hostile files from costing more than a moment.
const (
	// MaxSize is the largest file that is read, in bytes.
	MaxSize = 1 << 20
	// MaxDepth is how deep lists and mappings may stand in each other.
	MaxDepth = 100
	// MaxNodes is how many values a file may hold, with aliases expanded.
	MaxNodes = 200_000
)

// Error is something wrong with the text as YAML. A warning does not keep the
// rest from being read.
type Error struct {
	Pos     Pos
	Message string
	Hint    string
	Warning bool
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Message }

// Parse reads a text that holds one YAML document. The node is nil where the
// text is empty or is not YAML; then the last error says why. Dir is where
// relative paths in the document start from.
func Parse(name, dir string, source []byte) (*Node, []*Error) {
	text := strings.TrimPrefix(string(source), "\ufeff")
	p := &parser{doc: NewDocument(name, dir, text), anchors: map[string]*Node{}}
	if fault := p.checkText(text); fault != nil {
		return nil, []*Error{fault}
	}
	p.tokens = scan(p.doc, text)
	root, err := p.document()
	if err != nil {
		return nil, append(p.errs, err)
	}
	return root, p.errs
}

type parser struct {
	doc     *Document
	tokens  []token
	next    int
	depth   int
	nodes   int
	anchors map[string]*Node
	errs    []*Error
}

// checkText finds what the scanner need not see: size and encoding.
func (p *parser) checkText(text string) *Error {
	if len(text) > MaxSize {
		return &Error{Pos: Pos{Doc: p.doc, Line: 1, Column: 1}, Message: fmt.Sprintf("this file is larger than %d KiB, the most that is read", MaxSize>>10)}
	}
	for i, line := range p.doc.lines {
		if !utf8.ValidString(line) {
			return &Error{Pos: Pos{Doc: p.doc, Line: i + 1, Column: 1}, Message: "this line is not valid UTF-8",
				Hint: "save the file with the encoding UTF-8"}
		}
		at := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		if at >= 0 {
			return &Error{Pos: Pos{Doc: p.doc, Line: i + 1, Column: utf8.RuneCountInString(line[:at]) + 1},
				Message: "there is a control character here, which YAML does not allow", Hint: "remove it; this may not be a text file"}
		}
	}
	return nil
}

// peek returns the next token; the last one stays for ever.
func (p *parser) peek() token { return p.tokens[min(p.next, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.peek()
	p.next++
	return t
}

func (p *parser) at(kinds ...tokenKind) bool {
	return slices.Contains(kinds, p.peek().kind)
}

func (p *parser) pos(t token) Pos {
	return Pos{Doc: p.doc, Line: t.line, Column: t.column, Width: t.width}
}

func (p *parser) errorAt(t token, hint, format string, args ...any) *Error {
	if t.kind == faultToken {
		return t.fault
	}
	return &Error{Pos: p.pos(t), Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (p *parser) make(kind Kind, t token) *Node {
	return &Node{Kind: kind, doc: p.doc, line: t.line, column: t.column, width: t.width}
}

// document reads the one document of the text.
func (p *parser) document() (*Node, *Error) {
	if p.at(documentStart) {
		p.take()
	}
	if p.at(streamEnd) {
		return nil, nil
	}
	root, err := p.node(p.peek(), true, false)
	if err != nil {
		return nil, err
	}
	for p.at(documentEnd) {
		p.take()
	}
	switch t := p.peek(); t.kind {
	case streamEnd:
		return root, nil
	case documentStart:
		return nil, p.errorAt(t, "a file holds one job or one component: put the other into a file of its own", "a second document begins here")
	default:
		return nil, p.errorAt(t, "", "%s cannot stand here", t)
	}
}

// node reads a value. Blocks can begin only where block is set; indentless
// allows a list whose dashes stand in the column of the key. Where there is no
// value, the null stands at the token before.
func (p *parser) node(before token, block, indentless bool) (*Node, *Error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.nodes++; p.depth > MaxDepth {
		return nil, p.errorAt(p.peek(), "", "lists and mappings stand in each other more than %d levels deep", MaxDepth)
	}
	if err := p.checkNodes(p.pos(before)); err != nil {
		return nil, err
	}
	if p.at(aliasToken) {
		return p.alias(p.take())
	}
	props, err := p.properties()
	if err != nil {
		return nil, err
	}
	var node *Node
	switch t := p.peek(); {
	case t.kind == blockEntry && indentless:
		node, err = p.indentless()
	case t.kind == scalarToken:
		p.take()
		node = p.scalar(t)
	case t.kind == flowSequenceStart:
		node, err = p.flowSequence()
	case t.kind == flowMappingStart:
		node, err = p.flowMapping()
	case t.kind == blockSequenceStart && block:
		node, err = p.blockSequence()
	case t.kind == blockMappingStart && block:
		node, err = p.blockMapping()
	case props.given:
		node = p.make(Null, props.first)
	default:
		return nil, p.errorAt(t, "", "a value is missing before %s", t)
	}
	if err != nil {
		return nil, err
	}
	return p.finish(node, props)
}

func (p *parser) checkNodes(at Pos) *Error {
	if p.nodes > MaxNodes {
		return &Error{Pos: at, Message: fmt.Sprintf("this file holds more than %d values, with its aliases expanded", MaxNodes)}
	}
	return nil
}

// scalar makes a node of plain or quoted text.
func (p *parser) scalar(t token) *Node {
	node := p.make(String, t)
	node.Text, node.Source = t.text, t.text
	if node.plain = t.plain; t.plain {
		node.Kind, node.Text = resolve(t.text)
	}
	return node
}
