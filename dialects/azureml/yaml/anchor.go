package yaml

import "strings"

// properties are what may stand before a value: an anchor and a tag.
type properties struct {
	anchor, tag string
	first       token
	given       bool
}

func (p *parser) properties() (properties, *Error) {
	var props properties
	for p.at(anchorToken, tagToken) {
		t := p.take()
		if !props.given {
			props.first, props.given = t, true
		}
		into, what := &props.anchor, "anchor"
		if t.kind == tagToken {
			into, what = &props.tag, "tag"
		}
		if *into != "" {
			return props, p.errorAt(t, "", "a value can have one %s only", what)
		}
		*into = t.text
	}
	return props, nil
}

// finish applies the tag and remembers the anchor.
func (p *parser) finish(node *Node, props properties) (*Node, *Error) {
	if props.tag != "" {
		if err := p.applyTag(node, props); err != nil {
			return nil, err
		}
	}
	if props.anchor == "" {
		return node, nil
	}
	if first := p.anchors[props.anchor]; first != nil {
		return nil, p.errorAt(props.first, "", "the anchor &%s stands in line %d already", clip(props.anchor), first.line)
	}
	p.anchors[props.anchor] = node
	return node, nil
}

func (p *parser) applyTag(node *Node, props properties) *Error {
	tag := strings.TrimSuffix(strings.TrimPrefix(props.tag, "!<tag:yaml.org,2002:"), ">")
	tag = strings.TrimPrefix(tag, "!!")
	var fits bool
	switch tag {
	case "!", "str":
		fits = node.Kind < List
		if fits {
			node.Kind, node.Text = String, node.Source
		}
	case "int", "float", "bool", "null":
		kind, text := resolve(node.Source)
		if tag == "float" && kind == Int {
			kind, text = Float, text+".0"
		}
		fits = node.Kind < List && kind == map[string]Kind{"int": Int, "float": Float, "bool": Bool, "null": Null}[tag]
		if fits {
			node.Kind, node.Text = kind, text
		}
	case "seq":
		fits = node.Kind == List
	case "map":
		fits = node.Kind == Map
	default:
		return p.errorAt(props.first, `put the text in quotes if the "!" belongs to it`, "the tag %q is not supported", clip(props.tag))
	}
	if !fits {
		return p.errorAt(props.first, "", "the value does not fit its tag %q", clip(props.tag))
	}
	return nil
}

// alias makes a copy of the value behind an anchor. The copy stands where the
// value itself stands, since that is where a mistake is mended.
func (p *parser) alias(t token) (*Node, *Error) {
	target := p.anchors[t.text]
	if target == nil {
		return nil, p.errorAt(t, `put the text in quotes if the "*" belongs to it`, "no anchor &%s stands before this alias", clip(t.text))
	}
	return p.copy(target, p.pos(t), p.depth)
}

func (p *parser) copy(n *Node, at Pos, depth int) (*Node, *Error) {
	p.nodes++
	if err := p.checkNodes(at); err != nil {
		return nil, err
	}
	if depth > MaxDepth {
		return nil, &Error{Pos: at, Message: "lists and mappings stand in each other too deep, with this alias expanded"}
	}
	c := *n
	c.parent, c.Items, c.Entries, c.places = nil, nil, nil, nil
	for _, item := range n.Items {
		i, err := p.copy(item, at, depth+1)
		if err != nil {
			return nil, err
		}
		c.append(i)
	}
	for _, e := range n.Entries {
		value, err := p.copy(e.Value, at, depth+1)
		if err != nil {
			return nil, err
		}
		pair := *e
		pair.Value = value
		c.add(&pair)
	}
	return &c, nil
}
