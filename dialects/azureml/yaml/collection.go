package yaml

import (
	"fmt"
	"slices"
)

// blockSequence reads a list of dashes.
func (p *parser) blockSequence() (*Node, *Error) {
	list := p.make(List, p.take())
	for p.at(blockEntry) {
		if err := p.entry(list, blockEntry, blockEnd); err != nil {
			return nil, err
		}
	}
	return list, p.endBlock()
}

// indentless reads a list of dashes that stand in the column of their key.
func (p *parser) indentless() (*Node, *Error) {
	list := p.make(List, p.peek())
	for p.at(blockEntry) {
		if err := p.entry(list, blockEntry, keyMark, valueMark, blockEnd); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// entry reads a dash and its value. The tokens given stand behind a dash
// without a value.
func (p *parser) entry(list *Node, empty ...tokenKind) *Error {
	dash := p.take()
	item, err := p.valueUnless(dash, true, false, empty...)
	if err == nil {
		list.append(item)
	}
	return err
}

// valueUnless reads a value, or makes a null if one of the tokens comes next.
func (p *parser) valueUnless(before token, block, indentless bool, empty ...tokenKind) (*Node, *Error) {
	if p.at(empty...) {
		p.nodes++
		return p.make(Null, before), p.checkNodes(p.pos(before))
	}
	return p.node(before, block, indentless)
}

// blockMapping reads keys and values, line by line.
func (p *parser) blockMapping() (*Node, *Error) {
	m := p.make(Map, p.take())
	for p.at(keyMark) {
		mark := p.take()
		key, err := p.valueUnless(mark, true, true, keyMark, valueMark, blockEnd)
		if err != nil {
			return nil, err
		}
		if len(m.Entries) == 0 {
			m.width = key.width
		}
		value := p.nullAfter(key)
		if p.at(valueMark) {
			p.take()
			if value, err = p.valueAfter(key, keyMark, valueMark, blockEnd); err != nil {
				return nil, err
			}
		}
		if err := p.put(m, key, value); err != nil {
			return nil, err
		}
	}
	return m, p.endBlock()
}

// valueAfter reads the value of a key; where there is none, the null stands at
// the key.
func (p *parser) valueAfter(key *Node, empty ...tokenKind) (*Node, *Error) {
	block := slices.Contains(empty, blockEnd)
	if p.at(empty...) {
		return p.nullAfter(key), p.checkNodes(key.Pos())
	}
	return p.node(p.peek(), block, block)
}

func (p *parser) nullAfter(key *Node) *Node {
	p.nodes++
	return &Node{Kind: Null, doc: p.doc, line: key.line, column: key.column, width: key.width}
}

// endBlock wants the end of the block that was read.
func (p *parser) endBlock() *Error {
	t := p.peek()
	if t.kind == blockEnd {
		p.take()
		return nil
	}
	switch t.kind {
	case blockEntry, blockSequenceStart:
		return p.errorAt(t, `line "-" up with the other entries of its list`, "a list entry cannot stand here")
	case blockMappingStart, keyMark:
		t.width = p.keyWidth()
		return p.errorAt(t, "keys of the same mapping begin in the same column", "the indentation of this key fits none of the lines above")
	case valueMark:
		return p.errorAt(t, "", `a key is missing before ":"`)
	}
	return p.errorAt(t, "check the indentation", "%s cannot stand here", t)
}

// keyWidth is how wide the key is whose mark comes next.
func (p *parser) keyWidth() int {
	for _, t := range p.tokens[min(p.next, len(p.tokens)):] {
		if t.kind == scalarToken {
			return t.width
		}
	}
	return 1
}

// flowSequence reads "[a, b]".
func (p *parser) flowSequence() (*Node, *Error) {
	open := p.take()
	list := p.make(List, open)
	for first := true; !p.at(flowSequenceEnd); first = false {
		if err := p.comma(first, open, flowSequenceEnd); err != nil {
			return nil, err
		}
		if p.at(flowSequenceEnd) {
			break
		}
		if !p.at(keyMark) {
			item, err := p.node(p.peek(), false, false)
			if err != nil {
				return nil, err
			}
			list.append(item)
			continue
		}
		// "[a: b]" is a list of a mapping with one pair.
		m := p.make(Map, p.peek())
		p.nodes++
		if err := p.flowPair(m, flowSequenceEnd); err != nil {
			return nil, err
		}
		list.append(m)
	}
	p.take()
	return list, nil
}

// flowMapping reads "{a: b}".
func (p *parser) flowMapping() (*Node, *Error) {
	open := p.take()
	m := p.make(Map, open)
	for first := true; !p.at(flowMappingEnd); first = false {
		if err := p.comma(first, open, flowMappingEnd); err != nil {
			return nil, err
		}
		if p.at(flowMappingEnd) {
			break
		}
		if p.at(keyMark) {
			if err := p.flowPair(m, flowMappingEnd); err != nil {
				return nil, err
			}
			continue
		}
		key, err := p.node(p.peek(), false, false)
		if err != nil {
			return nil, err
		}
		if err := p.put(m, key, p.nullAfter(key)); err != nil {
			return nil, err
		}
	}
	p.take()
	return m, nil
}

// comma takes the comma before every entry but the first.
func (p *parser) comma(first bool, open token, end tokenKind) *Error {
	t := p.peek()
	switch {
	case t.kind == streamEnd || t.kind == documentStart || t.kind == documentEnd:
		return p.errorAt(open, "", "no %s ends what begins here", token{kind: end})
	case first:
		return nil
	case t.kind == flowEntry:
		p.take()
		return nil
	}
	hint := ""
	if line := []rune(p.doc.Line(t.line)); t.column >= 2 && t.column-2 < len(line) && line[t.column-2] == '$' {
		hint = "put the text in quotes: inside of brackets an expression cannot stand without"
	}
	return p.errorAt(t, hint, `"," or %s is missing before this`, token{kind: end})
}

func (p *parser) flowPair(m *Node, end tokenKind) *Error {
	mark := p.take()
	key, err := p.valueUnless(mark, false, false, valueMark, flowEntry, end)
	if err != nil {
		return err
	}
	value := p.nullAfter(key)
	if p.at(valueMark) {
		p.take()
		if value, err = p.valueAfter(key, flowEntry, end); err != nil {
			return err
		}
	}
	return p.put(m, key, value)
}

// put adds a pair to a mapping. As in PyYAML the last of two equal keys wins;
// that is hardly ever meant, hence the warning.
func (p *parser) put(m, key, value *Node) *Error {
	if !key.IsScalar() {
		if key.Kind == Null {
			return &Error{Pos: key.Pos(), Message: `a key is missing before ":"`}
		}
		return &Error{Pos: key.Pos(), Message: key.Kind.String() + " cannot be a key", Hint: "put the text in quotes if the bracket belongs to it"}
	}
	pair := &Entry{Key: key.Source, Value: value, line: key.line, column: key.column, width: key.width, owner: m}
	if key.Source == "<<" && key.plain {
		return p.merge(m, pair)
	}
	old := m.entryAt(pair.Key)
	if old < 0 {
		m.add(pair)
		return nil
	}
	if !m.Entries[old].merged {
		p.errs = append(p.errs, &Error{
			Pos:     pair.Pos(),
			Message: fmt.Sprintf("the key %q stands here a second time; this value is used, not the one in line %d", clip(pair.Key), m.Entries[old].line),
			Hint:    "remove one of the two",
			Warning: true,
		})
	}
	value.parent, value.key = m, pair.Key
	m.Entries[old] = pair
	return nil
}

// merge adds the pairs of "<<: *base". What the mapping itself says wins, and
// of several bases the first.
func (p *parser) merge(m *Node, pair *Entry) *Error {
	bases := []*Node{pair.Value}
	if pair.Value.Kind == List {
		bases = pair.Value.Items
	}
	for _, base := range bases {
		if base.Kind != Map {
			return &Error{Pos: pair.Pos(), Message: `"<<" merges mappings, and this is ` + base.Kind.String()}
		}
		for _, e := range base.Entries {
			if m.entryAt(e.Key) >= 0 {
				continue
			}
			taken := *e
			taken.merged = true
			m.add(&taken)
		}
	}
	return nil
}
