package yaml

import "strings"

// saveKey remembers that a key may begin here.
func (s *scanner) saveKey() *Error {
	if !s.keyAllowed {
		return nil
	}
	required := s.flow == 0 && s.indent == s.at.column-1
	if err := s.removeKey(); err != nil {
		return err
	}
	s.keys[s.flow] = simpleKey{number: len(s.tokens), required: required, at: s.at}
	return nil
}

func (s *scanner) removeKey() *Error {
	key, ok := s.keys[s.flow]
	delete(s.keys, s.flow)
	if ok && key.required {
		return s.noColon(key)
	}
	return nil
}

// dropStaleKeys forgets beginnings of keys that have run over the line.
func (s *scanner) dropStaleKeys() *Error {
	for level, key := range s.keys {
		if key.at.line == s.at.line && s.at.index-key.at.index <= longestKey {
			continue
		}
		delete(s.keys, level)
		if key.required {
			return s.noColon(key)
		}
	}
	return nil
}

func (s *scanner) noColon(key simpleKey) *Error {
	line := []rune(s.doc.Line(key.at.line))
	from := min(key.at.column-1, len(line))
	text := strings.TrimSpace(string(line[from:]))
	// The parser must not see what only looked like a key.
	s.tokens = s.tokens[:key.number]
	return s.fault(key.at, len([]rune(text)), `write "key: value"`, `%q has no ":" and no value`, clip(text))
}

// unwind ends the blocks that stand right of a column.
func (s *scanner) unwind(column int) {
	if s.flow > 0 {
		return
	}
	for s.indent > column {
		s.indent = s.indents[len(s.indents)-1]
		s.indents = s.indents[:len(s.indents)-1]
		s.emit(blockEnd, s.at, "")
	}
}

// wind begins a block in a column, if that is right of the innermost one.
func (s *scanner) wind(column int) bool {
	if s.indent >= column {
		return false
	}
	s.indents = append(s.indents, s.indent)
	s.indent = column
	return true
}

func (s *scanner) end() *Error {
	s.unwind(-1)
	if err := s.removeKey(); err != nil {
		return err
	}
	s.emit(streamEnd, s.at, "")
	return nil
}

// directive skips "%YAML 1.1" and its like.
func (s *scanner) directive() *Error {
	s.unwind(-1)
	if err := s.removeKey(); err != nil {
		return err
	}
	s.keyAllowed = false
	if c := s.peek(1); (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
		return s.fault(s.at, 1, "put the text in quotes", "text cannot begin with %q", "%")
	}
	for c := s.peek(0); c != 0 && !isBreak(c); c = s.peek(0) {
		s.forward(1)
	}
	return nil
}

func (s *scanner) document(kind tokenKind) *Error {
	s.unwind(-1)
	if err := s.removeKey(); err != nil {
		return err
	}
	s.keyAllowed = false
	at := s.at
	s.forward(3)
	s.emit(kind, at, "")
	return nil
}

func (s *scanner) openFlow(kind tokenKind) *Error {
	if err := s.saveKey(); err != nil {
		return err
	}
	if s.flow++; s.flow > MaxDepth {
		return s.fault(s.at, 1, "", "lists and mappings stand in each other more than %d levels deep", MaxDepth)
	}
	s.keyAllowed = true
	return s.indicator(kind)
}

func (s *scanner) closeFlow(kind tokenKind) *Error {
	if err := s.removeKey(); err != nil {
		return err
	}
	if s.flow == 0 {
		return s.fault(s.at, 1, "put the text in quotes", "%q without a bracket before it", string(s.peek(0)))
	}
	s.flow--
	s.keyAllowed = false
	return s.indicator(kind)
}

func (s *scanner) comma() *Error {
	s.keyAllowed = true
	if err := s.removeKey(); err != nil {
		return err
	}
	return s.indicator(flowEntry)
}

func (s *scanner) indicator(kind tokenKind) *Error {
	at := s.at
	s.forward(1)
	s.emit(kind, at, "")
	return nil
}

func (s *scanner) dash() *Error {
	if s.flow == 0 {
		if !s.keyAllowed {
			return s.fault(s.at, 1, `put each "-" on a line of its own, or put the text in quotes`, "a list cannot begin here")
		}
		if s.wind(s.at.column - 1) {
			s.emit(blockSequenceStart, s.at, "")
		}
	}
	s.keyAllowed = true
	if err := s.removeKey(); err != nil {
		return err
	}
	return s.indicator(blockEntry)
}

func (s *scanner) questionMark() *Error {
	if s.flow == 0 {
		if !s.keyAllowed {
			return s.fault(s.at, 1, "put the text in quotes", "a key cannot begin here")
		}
		if s.wind(s.at.column - 1) {
			s.emit(blockMappingStart, s.at, "")
		}
	}
	s.keyAllowed = s.flow == 0
	if err := s.removeKey(); err != nil {
		return err
	}
	return s.indicator(keyMark)
}

// colon finds the value of a key. If the key was only a possible one until
// now, its mark is put before it.
func (s *scanner) colon() *Error {
	key, ok := s.keys[s.flow]
	if !ok {
		if s.flow == 0 {
			if !s.keyAllowed {
				return s.fault(s.at, 1, `put the text in quotes if the ":" belongs to it`, `a second ":" in one line`)
			}
			if s.wind(s.at.column - 1) {
				s.emit(blockMappingStart, s.at, "")
			}
		}
		s.keyAllowed = s.flow == 0
		if err := s.removeKey(); err != nil {
			return err
		}
		return s.indicator(valueMark)
	}
	delete(s.keys, s.flow)
	marks := []token{{kind: keyMark, line: key.at.line, column: key.at.column, width: 1}}
	if s.flow == 0 && s.wind(key.at.column-1) {
		start := marks[0]
		start.kind = blockMappingStart
		marks = append([]token{start}, marks...)
	}
	s.tokens = append(s.tokens[:key.number], append(marks, s.tokens[key.number:]...)...)
	s.keyAllowed = false
	return s.indicator(valueMark)
}
