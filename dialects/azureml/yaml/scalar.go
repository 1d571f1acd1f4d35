package yaml

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// plain reads text without quotes, which may go on over several lines.
func (s *scanner) plain() *Error {
	if err := s.saveKey(); err != nil {
		return err
	}
	s.keyAllowed = false
	at, end := s.at, s.at
	indent := s.indent + 1
	var b strings.Builder
	spaces := ""
	for s.peek(0) != '#' {
		length := 0
		for !s.endsPlain(length) {
			length++
		}
		if length == 0 {
			break
		}
		s.keyAllowed = false
		b.WriteString(spaces)
		b.WriteString(string(s.text[s.at.index : s.at.index+length]))
		s.forward(length)
		end = s.at
		var more bool
		if spaces, more = s.plainSpaces(); !more || s.peek(0) == '#' || s.flow == 0 && s.at.column-1 < indent {
			break
		}
	}
	width := max(1, end.column-at.column)
	if end.line != at.line {
		width = max(1, utf8.RuneCountInString(strings.TrimRight(s.doc.Line(at.line), " \t"))-at.column+1)
	}
	s.tokens = append(s.tokens, token{kind: scalarToken, text: b.String(), plain: true, line: at.line, column: at.column, width: width})
	return nil
}

// endsPlain tells whether a character ends text without quotes.
func (s *scanner) endsPlain(ahead int) bool {
	c := s.peek(ahead)
	switch {
	case endsWord(c):
		return true
	case c == ':':
		next := s.peek(ahead + 1)
		return endsWord(next) || s.flow > 0 && strings.ContainsRune(",[]{}", next)
	}
	return s.flow > 0 && strings.ContainsRune(",?[]{}", c)
}

// plainSpaces takes the blanks behind a word: what they mean if more text
// follows, and whether it may.
func (s *scanner) plainSpaces() (meaning string, more bool) {
	var blanks strings.Builder
	for isBlank(s.peek(0)) {
		blanks.WriteRune(s.peek(0))
		s.forward(1)
	}
	if !isBreak(s.peek(0)) {
		return blanks.String(), blanks.Len() > 0
	}
	s.lineBreak()
	s.keyAllowed = true
	if s.separator("---") || s.separator("...") {
		return "", false
	}
	empty := 0
	for c := s.peek(0); c == ' ' || isBreak(c); c = s.peek(0) {
		if c == ' ' {
			s.forward(1)
			continue
		}
		s.lineBreak()
		empty++
		if s.separator("---") || s.separator("...") {
			return "", false
		}
	}
	if empty == 0 {
		return " ", true
	}
	return strings.Repeat("\n", empty), true
}

// quoted reads text in single or double quotes.
func (s *scanner) quoted(quote rune) *Error {
	if err := s.saveKey(); err != nil {
		return err
	}
	s.keyAllowed = false
	at := s.at
	s.forward(1)
	var b strings.Builder
	for {
		c := s.peek(0)
		switch {
		case c == 0:
			return s.fault(at, 1, "", "the quoted text that begins here has no end")
		case c == quote && quote == '\'' && s.peek(1) == '\'':
			b.WriteRune('\'')
			s.forward(2)
		case c == quote:
			s.forward(1)
			s.emit(scalarToken, at, b.String())
			return nil
		case c == '\\' && quote == '"':
			if err := s.escape(&b); err != nil {
				return err
			}
		case isBlank(c) || isBreak(c):
			if err := s.quotedSpaces(&b, at); err != nil {
				return err
			}
		default:
			b.WriteRune(c)
			s.forward(1)
		}
	}
}

// quotedSpaces folds the blanks and line breaks in quoted text.
func (s *scanner) quotedSpaces(b *strings.Builder, at mark) *Error {
	from := s.at.index
	for isBlank(s.peek(0)) {
		s.forward(1)
	}
	if !isBreak(s.peek(0)) {
		b.WriteString(string(s.text[from:s.at.index]))
		return nil
	}
	s.lineBreak()
	empty, err := s.emptyLines(at)
	if empty == 0 {
		b.WriteByte(' ')
	}
	b.WriteString(strings.Repeat("\n", empty))
	return err
}

// emptyLines takes the empty lines within quoted text, and the indentation of
// the next line.
func (s *scanner) emptyLines(at mark) (int, *Error) {
	for empty := 0; ; empty++ {
		if s.at.column == 1 && (s.separator("---") || s.separator("...")) {
			return 0, s.fault(at, 1, "", "the quoted text that begins here has no end")
		}
		for isBlank(s.peek(0)) {
			s.forward(1)
		}
		if !isBreak(s.peek(0)) {
			return empty, nil
		}
		s.lineBreak()
	}
}

var escapes = map[rune]string{'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
	' ': " ", '"': `"`, '\\': `\`, '/': "/", 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029"}

var hexEscapes = map[rune]int{'x': 2, 'u': 4, 'U': 8}

// escape reads what follows a backslash in double quotes.
func (s *scanner) escape(b *strings.Builder) *Error {
	at := s.at
	c := s.peek(1)
	if text, ok := escapes[c]; ok {
		b.WriteString(text)
		s.forward(2)
		return nil
	}
	if length, ok := hexEscapes[c]; ok {
		digits := string(s.text[min(s.at.index+2, len(s.text)):min(s.at.index+2+length, len(s.text))])
		code, err := strconv.ParseUint(digits, 16, 32)
		if err != nil || len(digits) != length || !utf8.ValidRune(rune(code)) {
			return s.fault(at, 2, "", `"\%c" needs %d hexadecimal digits of a character after it`, c, length)
		}
		b.WriteRune(rune(code))
		s.forward(2 + length)
		return nil
	}
	if isBreak(c) {
		s.forward(1)
		s.lineBreak()
		empty, err := s.emptyLines(at)
		b.WriteString(strings.Repeat("\n", empty))
		return err
	}
	return s.fault(at, 2, `write "\\" for a backslash, or use single quotes`, "unknown escape %q in double quotes", `\`+strings.TrimRight(string(c), "\x00"))
}

// block reads text in the form of a block: "|" keeps the lines, ">" joins them.
func (s *scanner) block(style rune) *Error {
	s.keyAllowed = true
	if err := s.removeKey(); err != nil {
		return err
	}
	at := s.at
	s.forward(1)
	chomp, increment := rune(0), 0
	for c := s.peek(0); ; c = s.peek(0) {
		if (c == '+' || c == '-') && chomp == 0 {
			chomp = c
		} else if c >= '1' && c <= '9' && increment == 0 {
			increment = int(c - '0')
		} else {
			break
		}
		s.forward(1)
	}
	width := s.at.column - at.column
	for isBlank(s.peek(0)) {
		s.forward(1)
	}
	if s.peek(0) == '#' {
		for c := s.peek(0); c != 0 && !isBreak(c); c = s.peek(0) {
			s.forward(1)
		}
	}
	if c := s.peek(0); c != 0 && !isBreak(c) {
		return s.fault(s.at, 1, `put the text on the next line, or put it in quotes if the "`+string(style)+`" belongs to it`, "text behind %q", string(style))
	}
	if s.peek(0) != 0 {
		s.lineBreak()
	}
	text := s.blockText(style == '>', chomp, increment)
	s.tokens = append(s.tokens, token{kind: scalarToken, text: text, line: at.line, column: at.column, width: width})
	return nil
}

func (s *scanner) blockText(fold bool, chomp rune, increment int) string {
	indent := max(1, s.indent+1)
	var empty int
	if increment > 0 {
		indent += increment - 1
		empty = s.blockBreaks(indent)
	} else {
		var deepest int
		empty, deepest = s.blockIndent()
		indent = max(indent, deepest)
	}
	var b strings.Builder
	ended := false // whether the last line had a line break
	for s.at.column-1 == indent && s.peek(0) != 0 {
		b.WriteString(strings.Repeat("\n", empty))
		word := !isBlank(s.peek(0))
		from := s.at.index
		for c := s.peek(0); c != 0 && !isBreak(c); c = s.peek(0) {
			s.forward(1)
		}
		b.WriteString(string(s.text[from:s.at.index]))
		if ended = s.peek(0) != 0; ended {
			s.lineBreak()
		}
		empty = s.blockBreaks(indent)
		if s.at.column-1 != indent || s.peek(0) == 0 {
			break
		}
		if !fold || !word || isBlank(s.peek(0)) {
			b.WriteByte('\n')
		} else if empty == 0 {
			b.WriteByte(' ')
		}
	}
	if chomp != '-' && ended {
		b.WriteByte('\n')
	}
	if chomp == '+' {
		b.WriteString(strings.Repeat("\n", empty))
	}
	return b.String()
}

// blockIndent finds the indentation of a block from its first lines.
func (s *scanner) blockIndent() (empty, deepest int) {
	for c := s.peek(0); c == ' ' || isBreak(c); c = s.peek(0) {
		if c == ' ' {
			s.forward(1)
			deepest = max(deepest, s.at.column-1)
			continue
		}
		s.lineBreak()
		empty++
	}
	return empty, deepest
}

// blockBreaks takes empty lines, and the indentation of the next line.
func (s *scanner) blockBreaks(indent int) (empty int) {
	for {
		for s.at.column-1 < indent && s.peek(0) == ' ' {
			s.forward(1)
		}
		if !isBreak(s.peek(0)) {
			return empty
		}
		s.lineBreak()
		empty++
	}
}
