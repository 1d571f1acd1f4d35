package yaml

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// block reads the value that belongs to a key or dash in column parent (0 for
// the document). Only tokens right of the parent belong to it; under a key,
// the dashes of a list may also stand in the key's own column. Where there is
// no value, the null stands at the token before.
func (p *parser) block(parent int, underKey bool, before *token.Token) (*Node, *Error) {
	if err := p.enter(before); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()

	var props properties
	if !p.atKey() { // an anchor on the line of a key is the key's
		var err *Error
		if props, err = p.properties(parent, underKey); err != nil {
			return nil, err
		}
	}
	node, err := p.blockValue(parent, underKey, before, props)
	if err != nil {
		return nil, err
	}
	return p.finish(node, props)
}

func (p *parser) blockValue(parent int, underKey bool, before *token.Token, props properties) (*Node, *Error) {
	t := p.peek()
	if !p.belongs(t, parent, underKey, before) {
		if props.first != nil {
			before = props.first
		}
		return p.make(Null, before), nil
	}
	// On the line of its key a value cannot begin another block mapping.
	sameLine := underKey && t.Position.Line == before.Position.Line
	column := t.Position.Column
	switch t.Type {
	case token.SequenceEntryType:
		if sameLine {
			return nil, p.errorAt(t, `a list cannot begin on the line of its key`, `put each "-" on a line of its own, or write [a, b]`)
		}
		return p.sequence(column)
	case token.MappingKeyType:
		return nil, p.errorAt(t, `keys in the form "? key" are not supported`, `write "key: value"`)
	case token.MappingValueType:
		return nil, p.errorAt(t, `a key is missing before ":"`, "")
	}
	if p.atKey() {
		if sameLine {
			return nil, p.errorAt(p.look(p.keyLength()), "a second key and value on one line", `quote the text if the ":" belongs to it`)
		}
		return p.mapping(column)
	}
	return p.leaf()
}

// belongs reports whether the token is part of the value under parent.
func (p *parser) belongs(t *token.Token, parent int, underKey bool, before *token.Token) bool {
	if t == nil || t.Type == token.DocumentHeaderType || t.Type == token.DocumentEndType {
		return false
	}
	if before != nil && parent > 0 && t.Position.Line == before.Position.Line {
		return true
	}
	column := t.Position.Column
	return column > parent || underKey && column == parent && t.Type == token.SequenceEntryType
}

// atKey reports whether a key and its colon come next. A key is one line.
func (p *parser) atKey() bool {
	n := p.keyLength()
	t, colon := p.peek(), p.look(n)
	if n == 0 || colon == nil || colon.Type != token.MappingValueType {
		return false
	}
	return colon.Position.Line == t.Position.Line
}

// keyLength is how many tokens the scalar that comes next takes, with what may
// stand before a key; 0 where none comes next.
func (p *parser) keyLength() int {
	n := 0
	for {
		t := p.look(n)
		switch {
		case t == nil:
			return 0
		case t.Type == token.AnchorType:
			n += 2
		case t.Type == token.TagType:
			n++
		case t.Type == token.AliasType:
			return n + 2
		case isScalar(t):
			return n + 1
		default:
			return 0
		}
	}
}

func isScalar(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.NullType, token.ImplicitNullType,
		token.InfinityType, token.NanType, token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType,
		token.HexIntegerType, token.FloatType, token.BoolType, token.MergeKeyType:
		return true
	}
	return false
}

// sequence reads the block list whose dashes stand in the column.
func (p *parser) sequence(column int) (*Node, *Error) {
	list := p.make(List, p.peek())
	for t := p.peek(); t != nil && t.Type == token.SequenceEntryType && t.Position.Column == column; t = p.peek() {
		item, err := p.block(column, false, p.take())
		if err != nil {
			return nil, err
		}
		list.append(item)
	}
	if t := p.peek(); t != nil && t.Position.Column == column {
		return list, nil // the next key of the mapping around the list
	}
	return list, p.endOfBlock(column)
}

// mapping reads the block mapping whose keys stand in the column.
func (p *parser) mapping(column int) (*Node, *Error) {
	m := p.make(Map, p.peek())
	for {
		t := p.peek()
		if t == nil || t.Position.Column != column || !p.atKey() {
			break
		}
		key, merge, err := p.key()
		if err != nil {
			return nil, err
		}
		p.take() // the colon
		value, err := p.block(column, true, t)
		if err != nil {
			return nil, err
		}
		if err := p.put(m, key, merge, value); err != nil {
			return nil, err
		}
	}
	return m, p.endOfBlock(column)
}

// endOfBlock complains about a token that neither goes on with the block nor
// stands left of it.
func (p *parser) endOfBlock(column int) *Error {
	t := p.peek()
	if t == nil || t.Position.Column < column || t.Type == token.DocumentHeaderType || t.Type == token.DocumentEndType {
		return nil
	}
	if t.Position.Column == column && t.Type != token.SequenceEntryType && isScalar(t) {
		return p.errorAt(t, fmt.Sprintf(`%q has no ":" and no value`, clip(t.Value)), `write "key: value"`)
	}
	if t.Position.Column == column && t.Type != token.InvalidType {
		// A list in the column of its key's siblings ends where they go on.
		return nil
	}
	return p.unexpected(t)
}

// key reads a key. An alias stands for the text of its anchor.
func (p *parser) key() (entry *Entry, merge bool, err *Error) {
	props, err := p.properties(0, false)
	if err != nil {
		return nil, false, err
	}
	t := p.take()
	at := p.pos(t)
	entry = &Entry{Key: t.Value, line: at.Line, column: at.Column, width: at.Width}
	switch t.Type {
	case token.AliasType:
		name := p.take()
		target := p.anchors[name.Value]
		if target == nil || !target.IsScalar() {
			return nil, false, p.errorAt(t, fmt.Sprintf("the alias *%s cannot be a key", clip(name.Value)), "")
		}
		entry.Key = target.Source
	case token.MergeKeyType:
		merge = true
	}
	if props.anchor != "" {
		node := p.scalar(t)
		p.anchors[props.anchor] = node
	}
	return entry, merge, nil
}

// leaf reads a value that is no block list or mapping.
func (p *parser) leaf() (*Node, *Error) {
	t := p.peek()
	switch t.Type {
	case token.AliasType:
		p.take()
		return p.alias(t, p.take())
	case token.LiteralType, token.FoldedType:
		p.take()
		node := p.make(String, t)
		if body := p.peek(); body != nil && body.Type == token.StringType {
			p.take()
			node.Text, node.Source = body.Value, body.Value
		}
		return node, nil
	case token.SequenceStartType, token.MappingStartType:
		return p.flow()
	}
	if isScalar(t) {
		return p.scalar(p.take()), nil
	}
	return nil, p.unexpected(t)
}

// scalar makes a node of a plain or quoted scalar.
func (p *parser) scalar(t *token.Token) *Node {
	node := p.make(String, t)
	node.Text, node.Source = t.Value, t.Value
	if t.Type != token.SingleQuoteType && t.Type != token.DoubleQuoteType {
		node.Kind, node.Text = resolve(t.Value)
	}
	return node
}

func clip(text string) string {
	const most = 40
	runes := []rune(text)
	if len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
