package yaml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
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
func Parse(name, dir string, source []byte) (root *Node, errs []*Error) {
	text := strings.TrimPrefix(string(source), "\ufeff")
	p := &parser{doc: NewDocument(name, dir, text), anchors: map[string]*Node{}}
	defer func() {
		// Everything below is meant to fail politely; this is the last net,
		// for faults in the tokeniser.
		if r := recover(); r != nil {
			p.fail(p.start(), fmt.Sprintf("this file cannot be read as YAML (%v)", r), "")
			root, errs = nil, p.errs
		}
	}()
	if fault := p.checkText(text); fault != nil {
		return nil, append(p.errs, fault)
	}
	for _, t := range lexer.Tokenize(text) {
		if t.Type == token.CommentType || t.Type == token.SpaceType {
			continue
		}
		p.tokens = append(p.tokens, t)
	}
	root, err := p.document()
	if err != nil {
		return nil, append(p.errs, err)
	}
	return root, p.errs
}

type parser struct {
	doc     *Document
	tokens  []*token.Token
	next    int
	depth   int
	nodes   int
	anchors map[string]*Node
	errs    []*Error
}

func (p *parser) start() Pos { return Pos{Doc: p.doc, Line: 1, Column: 1} }

// checkText finds what the tokeniser need not see: size and encoding.
func (p *parser) checkText(text string) *Error {
	if len(text) > MaxSize {
		return &Error{Pos: p.start(), Message: fmt.Sprintf("this file is larger than %d KiB, the most that is read", MaxSize>>10)}
	}
	for i, line := range p.doc.lines {
		if !utf8.ValidString(line) {
			return &Error{Pos: Pos{Doc: p.doc, Line: i + 1, Column: 1}, Message: "this line is not valid UTF-8",
				Hint: "save the file with the encoding UTF-8"}
		}
		if at := strings.IndexByte(line, 0); at >= 0 {
			return &Error{Pos: Pos{Doc: p.doc, Line: i + 1, Column: utf8.RuneCountInString(line[:at]) + 1},
				Message: "this file has a NUL byte: it is not a text file"}
		}
	}
	return nil
}

func (p *parser) fail(at Pos, message, hint string) {
	p.errs = append(p.errs, &Error{Pos: at, Message: message, Hint: hint})
}

func (p *parser) errorAt(t *token.Token, message, hint string) *Error {
	return &Error{Pos: p.pos(t), Message: message, Hint: hint}
}

// peek returns the next token, or nil at the end.
func (p *parser) peek() *token.Token { return p.look(0) }

func (p *parser) look(ahead int) *token.Token {
	if p.next+ahead >= len(p.tokens) {
		return nil
	}
	return p.tokens[p.next+ahead]
}

func (p *parser) take() *token.Token {
	t := p.peek()
	p.next++
	return t
}

// pos is where a token stands, kept within the document whatever the
// tokeniser says.
func (p *parser) pos(t *token.Token) Pos {
	if t == nil {
		last := p.doc.Lines()
		for last > 1 && strings.TrimSpace(p.doc.Line(last)) == "" {
			last--
		}
		return Pos{Doc: p.doc, Line: last, Column: max(1, utf8.RuneCountInString(p.doc.Line(last)))}
	}
	line := min(max(1, t.Position.Line), p.doc.Lines())
	length := utf8.RuneCountInString(p.doc.Line(line))
	return Pos{Doc: p.doc, Line: line, Column: min(max(1, t.Position.Column), length+1), Width: p.width(t)}
}

// width is how many characters of its first line the token covers.
func (p *parser) width(t *token.Token) int {
	switch t.Type {
	case token.LiteralType, token.FoldedType, token.SequenceStartType, token.MappingStartType:
		return 1
	}
	text := strings.TrimSpace(t.Origin)
	text, _, _ = strings.Cut(text, "\n")
	return max(1, utf8.RuneCountInString(strings.TrimSpace(text)))
}

// document reads the one document of the text.
func (p *parser) document() (*Node, *Error) {
	for t := p.peek(); t != nil && (t.Type == token.DirectiveType || t.Type == token.DocumentHeaderType); t = p.peek() {
		line := t.Position.Line
		if p.take().Type == token.DocumentHeaderType {
			break
		}
		for t := p.peek(); t != nil && t.Position.Line == line; t = p.peek() {
			p.take() // the rest of the directive
		}
	}
	if p.peek() == nil {
		return nil, nil
	}
	root, err := p.block(0, false, p.peek())
	if err != nil {
		return nil, err
	}
	t := p.peek()
	for t != nil && t.Type == token.DocumentEndType {
		p.take()
		t = p.peek()
	}
	switch {
	case t == nil:
		return root, nil
	case t.Type == token.DocumentHeaderType:
		return nil, p.errorAt(t, "a second document begins here", "a file holds one job or one component: put the other into a file of its own")
	}
	return nil, p.unexpected(t)
}

// unexpected words the complaint about a token that cannot stand where it is.
func (p *parser) unexpected(t *token.Token) *Error {
	switch t.Type {
	case token.InvalidType:
		return p.invalid(t)
	case token.MappingValueType:
		return p.errorAt(t, "a key and its value cannot stand here", `put the key on a line of its own, or quote the text if the ":" belongs to it`)
	case token.SequenceEntryType:
		return p.errorAt(t, "a list entry cannot stand here", `line "-" up with the other entries of the list`)
	case token.SequenceEndType, token.MappingEndType, token.CollectEntryType:
		return p.errorAt(t, fmt.Sprintf("unexpected %q", t.Value), "")
	}
	return p.errorAt(t, "this line does not fit what stands around it", "check its indentation: keys of the same mapping start in the same column")
}

func (p *parser) invalid(t *token.Token) *Error {
	pos := p.pos(t)
	if strings.HasPrefix(strings.TrimLeft(p.doc.Line(pos.Line), " "), "\t") {
		return &Error{Pos: pos, Message: "a tab cannot be used to indent", Hint: "indent with spaces"}
	}
	message := t.Error
	if message == "" {
		message = "this is not valid YAML"
	}
	return &Error{Pos: pos, Message: message}
}

// enter counts a node and a level of depth.
func (p *parser) enter(t *token.Token) *Error {
	p.depth++
	p.nodes++
	if p.depth > MaxDepth {
		return p.errorAt(t, fmt.Sprintf("lists and mappings stand in each other more than %d levels deep", MaxDepth), "")
	}
	return p.checkNodes(p.pos(t))
}

func (p *parser) checkNodes(at Pos) *Error {
	if p.nodes > MaxNodes {
		return &Error{Pos: at, Message: fmt.Sprintf("this file holds more than %d values, with its aliases expanded", MaxNodes)}
	}
	return nil
}

// make makes a node that stands at the token.
func (p *parser) make(kind Kind, t *token.Token) *Node {
	at := p.pos(t)
	return &Node{Kind: kind, doc: p.doc, line: at.Line, column: at.Column, width: at.Width}
}
