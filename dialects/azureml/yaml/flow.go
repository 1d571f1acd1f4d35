package yaml

import (
	"github.com/goccy/go-yaml/token"
)

// flow reads a list or mapping in brackets.
func (p *parser) flow() (*Node, *Error) {
	open := p.take()
	if open.Type == token.SequenceStartType {
		return p.flowItems(p.make(List, open), open, token.SequenceEndType, "]")
	}
	return p.flowItems(p.make(Map, open), open, token.MappingEndType, "}")
}

func (p *parser) flowItems(into *Node, open *token.Token, end token.Type, bracket string) (*Node, *Error) {
	for {
		t := p.peek()
		switch {
		case t == nil:
			return nil, p.errorAt(open, `no "`+bracket+`" ends what begins here`, "")
		case t.Type == end:
			p.take()
			return into, nil
		}
		var err *Error
		if into.Kind == Map {
			err = p.flowPair(into)
		} else {
			err = p.flowItem(into)
		}
		if err != nil {
			return nil, err
		}
		switch t = p.peek(); {
		case t == nil || t.Type == end:
		case t.Type == token.CollectEntryType:
			p.take()
		case t.Type == token.InvalidType:
			return nil, p.invalid(t)
		default:
			return nil, p.errorAt(t, `"," or "`+bracket+`" is missing before this`, "")
		}
	}
}

// flowItem reads a member of a list; "[a: b]" holds a mapping of one pair.
func (p *parser) flowItem(list *Node) *Error {
	if p.atKey() {
		m := p.make(Map, p.peek())
		if err := p.flowPair(m); err != nil {
			return err
		}
		list.append(m)
		return nil
	}
	item, err := p.flowValue(p.peek())
	if err == nil {
		list.append(item)
	}
	return err
}

func (p *parser) flowPair(m *Node) *Error {
	t := p.peek()
	if p.keyLength() == 0 {
		if t.Type == token.MappingValueType {
			return p.errorAt(t, `a key is missing before ":"`, "")
		}
		return p.unexpected(t)
	}
	key, merge, err := p.key()
	if err != nil {
		return err
	}
	value := p.make(Null, t)
	if colon := p.peek(); colon != nil && colon.Type == token.MappingValueType {
		p.take()
		if value, err = p.flowValue(t); err != nil {
			return err
		}
	}
	return p.put(m, key, merge, value)
}

// flowValue reads a value inside of brackets; where there is none, the null
// stands at the token before.
func (p *parser) flowValue(before *token.Token) (*Node, *Error) {
	if err := p.enter(before); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	props, err := p.properties(-1, false)
	if err != nil {
		return nil, err
	}
	var node *Node
	switch t := p.peek(); {
	case t == nil || t.Type == token.CollectEntryType || t.Type == token.SequenceEndType || t.Type == token.MappingEndType:
		node = p.make(Null, before)
	default:
		if node, err = p.leaf(); err != nil {
			return nil, err
		}
	}
	return p.finish(node, props)
}
