package yaml

import (
	"fmt"
	"strings"
)

// scanner cuts a text into tokens. It follows the rules of PyYAML's scanner: a
// key is recognised when its colon is met, so the scanner remembers where a
// key could have begun (a simple key is one line, and not too long).
type scanner struct {
	doc    *Document
	text   []rune
	at     mark
	tokens []token
	// flow is how many brackets are open.
	flow int
	// indent is the column of the innermost block, counted from 0; -1 outside.
	indent  int
	indents []int
	// keyAllowed tells whether a key can begin here.
	keyAllowed bool
	// keys are where keys could have begun, for each level of brackets.
	keys map[int]simpleKey
}

type simpleKey struct {
	number   int // of the token that the key would begin with
	required bool
	at       mark
}

// longestKey is how far from its beginning a key's colon may stand.
const longestKey = 1024

// scan returns the tokens of a text. The last one is streamEnd or faultToken.
func scan(doc *Document, text string) []token {
	s := &scanner{doc: doc, text: []rune(text), at: mark{line: 1, column: 1}, indent: -1, keyAllowed: true, keys: map[int]simpleKey{}}
	for {
		if fault := s.fetch(); fault != nil {
			return append(s.tokens, token{kind: faultToken, fault: fault, line: fault.Pos.Line, column: fault.Pos.Column})
		}
		if n := len(s.tokens); n > 0 && s.tokens[n-1].kind == streamEnd {
			return s.tokens
		}
	}
}

func (s *scanner) peek(ahead int) rune {
	if s.at.index+ahead < len(s.text) {
		return s.text[s.at.index+ahead]
	}
	return 0
}

func (s *scanner) forward(n int) {
	for ; n > 0 && s.at.index < len(s.text); n-- {
		c := s.text[s.at.index]
		s.at.index++
		if c == '\n' || c == '\r' && s.peek(0) != '\n' {
			s.at.line++
			s.at.column = 1
		} else {
			s.at.column++
		}
	}
}

// isBreak, isBlank and endsWord class characters; 0 is the end of the text.
func isBreak(c rune) bool  { return c == '\n' || c == '\r' }
func isBlank(c rune) bool  { return c == ' ' || c == '\t' }
func endsWord(c rune) bool { return c == 0 || isBlank(c) || isBreak(c) }

func (s *scanner) fault(at mark, width int, hint, format string, args ...any) *Error {
	return &Error{Pos: Pos{Doc: s.doc, Line: at.line, Column: at.column, Width: width}, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (s *scanner) emit(kind tokenKind, at mark, text string) {
	width := 1
	if s.at.line == at.line {
		width = max(1, s.at.column-at.column)
	}
	s.tokens = append(s.tokens, token{kind: kind, text: text, line: at.line, column: at.column, width: width})
}

// fetch finds the next token, and perhaps ends of blocks before it.
func (s *scanner) fetch() *Error {
	if err := s.skipToToken(); err != nil {
		return err
	}
	if err := s.dropStaleKeys(); err != nil {
		return err
	}
	s.unwind(s.at.column - 1)
	c, next := s.peek(0), s.peek(1)
	atStart := s.at.column == 1
	switch {
	case c == 0:
		return s.end()
	case c == '%' && atStart:
		return s.directive()
	case atStart && s.separator("---"):
		return s.document(documentStart)
	case atStart && s.separator("..."):
		return s.document(documentEnd)
	case c == '[':
		return s.openFlow(flowSequenceStart)
	case c == '{':
		return s.openFlow(flowMappingStart)
	case c == ']':
		return s.closeFlow(flowSequenceEnd)
	case c == '}':
		return s.closeFlow(flowMappingEnd)
	case c == ',' && s.flow > 0:
		return s.comma()
	case c == '-' && endsWord(next):
		return s.dash()
	case c == '?' && (s.flow > 0 || endsWord(next)):
		return s.questionMark()
	case c == ':' && (s.flow > 0 || endsWord(next)):
		return s.colon()
	case c == '*':
		return s.name(aliasToken, "alias")
	case c == '&':
		return s.name(anchorToken, "anchor")
	case c == '!':
		return s.tag()
	case (c == '|' || c == '>') && s.flow == 0:
		return s.block(c)
	case c == '\'' || c == '"':
		return s.quoted(c)
	case !strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`", c), !endsWord(next) && (c == '-' || s.flow == 0 && (c == '?' || c == ':')):
		return s.plain()
	}
	return s.fault(s.at, 1, "put the text in quotes", "text cannot begin with %q", string(c))
}

// skipToToken skips blanks, comments and line breaks. A tab may separate, but
// not indent.
func (s *scanner) skipToToken() *Error {
	for {
		indenting := s.at.column == 1
		for isBlank(s.peek(0)) {
			if s.peek(0) == '\t' && indenting && s.flow == 0 {
				tab := s.at
				for isBlank(s.peek(0)) {
					s.forward(1)
				}
				if c := s.peek(0); c != 0 && c != '#' && !isBreak(c) {
					return s.fault(tab, 1, "indent with spaces", "a tab cannot be used to indent")
				}
				break
			}
			s.forward(1)
		}
		if s.peek(0) == '#' {
			for c := s.peek(0); c != 0 && !isBreak(c); c = s.peek(0) {
				s.forward(1)
			}
		}
		if !isBreak(s.peek(0)) {
			return nil
		}
		s.lineBreak()
		if s.flow == 0 {
			s.keyAllowed = true
		}
	}
}

// lineBreak takes one line break, in whichever form.
func (s *scanner) lineBreak() {
	if s.peek(0) == '\r' && s.peek(1) == '\n' {
		s.forward(1)
	}
	s.forward(1)
}

// separator recognises "---" and "..." at the beginning of a line.
func (s *scanner) separator(sign string) bool {
	for i, c := range sign {
		if s.peek(i) != c {
			return false
		}
	}
	return endsWord(s.peek(len(sign)))
}

// name reads an alias or an anchor.
func (s *scanner) name(kind tokenKind, what string) *Error {
	if err := s.saveKey(); err != nil {
		return err
	}
	s.keyAllowed = false
	at := s.at
	s.forward(1)
	var name []rune
	for c := s.peek(0); c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_'; c = s.peek(0) {
		name = append(name, c)
		s.forward(1)
	}
	if c := s.peek(0); len(name) == 0 || !endsWord(c) && !strings.ContainsRune("?:,]}%@`", c) {
		return s.fault(at, 1, "put the text in quotes if it is no "+what, "%q begins an %s, whose name has letters and digits only",
			string(s.text[at.index]), what)
	}
	s.emit(kind, at, string(name))
	return nil
}

// tag reads "!!str" and its like.
func (s *scanner) tag() *Error {
	if err := s.saveKey(); err != nil {
		return err
	}
	s.keyAllowed = false
	at := s.at
	var text []rune
	for c := s.peek(0); !endsWord(c) && (s.flow == 0 || !strings.ContainsRune(",[]{}", c)); c = s.peek(0) {
		text = append(text, c)
		s.forward(1)
	}
	s.emit(tagToken, at, string(text))
	return nil
}
