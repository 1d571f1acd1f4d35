package yaml

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// properties are what may stand before a value: an anchor and a tag.
type properties struct {
	anchor string
	tag    string
	first  *token.Token
}

// properties reads the anchor and tag of a value, unless they belong to the
// first key of a block mapping.
func (p *parser) properties(parent int, underKey bool) (properties, *Error) {
	props := properties{}
	for {
		t := p.peek()
		if t == nil || t.Type != token.AnchorType && t.Type != token.TagType {
			return props, nil
		}
		if parent >= 0 && t.Position.Column <= parent && (props.first != nil || !underKey) {
			return props, nil
		}
		if props.first == nil {
			props.first = t
		}
		p.take()
		switch t.Type {
		case token.TagType:
			if props.tag != "" {
				return props, p.errorAt(t, "a value can have one tag only", "")
			}
			props.tag = t.Value
		default:
			name := p.peek()
			if name == nil || name.Position.Line != t.Position.Line || !isScalar(name) {
				return props, p.errorAt(t, `an anchor needs a name after "&"`, "")
			}
			if props.anchor != "" {
				return props, p.errorAt(t, "a value can have one anchor only", "")
			}
			p.take()
			props.anchor = name.Value
		}
	}
}

// finish applies the tag and remembers the anchor.
func (p *parser) finish(node *Node, props properties) (*Node, *Error) {
	if props.tag != "" {
		if err := p.applyTag(node, props); err != nil {
			return nil, err
		}
	}
	if props.anchor != "" {
		p.anchors[props.anchor] = node
	}
	return node, nil
}

func (p *parser) applyTag(node *Node, props properties) *Error {
	tag := strings.TrimPrefix(props.tag, "tag:yaml.org,2002:")
	tag = strings.TrimPrefix(tag, "!!")
	fits := true
	switch tag {
	case "!", "str":
		fits = node.Kind < List
		node.Kind, node.Text = String, node.Source
	case "int", "float", "bool", "null":
		kind, text := resolve(node.Source)
		if tag == "float" && kind == Int {
			kind, text = Float, text+".0"
		}
		fits = node.Kind < List && kind == map[string]Kind{"int": Int, "float": Float, "bool": Bool, "null": Null}[tag]
		node.Kind, node.Text = kind, text
	case "seq":
		fits = node.Kind == List
	case "map":
		fits = node.Kind == Map
	default:
		return p.errorAt(props.first, fmt.Sprintf("the tag %q is not supported", clip(props.tag)), "")
	}
	if !fits {
		return p.errorAt(props.first, fmt.Sprintf("the value does not fit its tag %q", clip(props.tag)), "")
	}
	return nil
}

// alias makes a copy of the value behind an anchor. The copy stands where the
// value itself stands, since that is where a mistake is mended.
func (p *parser) alias(t, name *token.Token) (*Node, *Error) {
	if name == nil {
		return nil, p.errorAt(t, `an alias needs a name after "*"`, "")
	}
	target := p.anchors[name.Value]
	if target == nil {
		return nil, p.errorAt(t, fmt.Sprintf("no anchor &%s stands before this alias", clip(name.Value)), "")
	}
	return p.copy(target, p.pos(t))
}

func (p *parser) copy(n *Node, at Pos) (*Node, *Error) {
	p.nodes++
	if err := p.checkNodes(at); err != nil {
		return nil, err
	}
	c := *n
	c.parent, c.Items, c.Entries = nil, nil, nil
	for _, item := range n.Items {
		i, err := p.copy(item, at)
		if err != nil {
			return nil, err
		}
		c.append(i)
	}
	for _, e := range n.Entries {
		value, err := p.copy(e.Value, at)
		if err != nil {
			return nil, err
		}
		pair := *e
		pair.Value = value
		c.add(&pair)
	}
	return &c, nil
}

// put adds a pair to a mapping. As in PyYAML the last of two equal keys wins;
// that is hardly ever meant, hence the warning.
func (p *parser) put(m *Node, pair *Entry, merge bool, value *Node) *Error {
	pair.owner = m
	if merge {
		return p.merge(m, pair, value)
	}
	pair.Value = value
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
func (p *parser) merge(m *Node, pair *Entry, value *Node) *Error {
	bases := []*Node{value}
	if value.Kind == List {
		bases = value.Items
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
