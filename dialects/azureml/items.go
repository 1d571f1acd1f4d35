package azureml

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// items are what a parallel_for runs its body with.
type items struct {
	at   yaml.Pos
	list []*item
	// bound are items that an expression names, which takes a job, or the pipeline
	// around, to know.
	bound *text
}

// item is one iteration: its name, and what it sets.
type item struct {
	name string
	at   yaml.Pos
	sets table[*argument]
}

// readItems reads the items of a parallel_for: a list or a mapping of mappings,
// the same as JSON in a text, or an expression for such a text.
func (l *loader) readItems(nd *node, n *yaml.Node) *items {
	given := n.Get("items")
	switch {
	case given.IsNull():
		l.problems.errorf(nd.at, `add "items: [{INPUT: VALUE}]"`, "node %s has no items", quote(nd.name))
		return nil
	case !given.IsScalar():
		return l.itemList(given)
	}
	if t := newText(given); t.single() != nil {
		return &items{at: given.Pos(), bound: t}
	}
	parsed := l.jsonItems(given)
	if parsed == nil {
		return nil
	}
	// In the closed form of the job the items stand as what they are, so that the
	// data in them can be found.
	n.Put("items", n.Entry("items").Pos(), parsed)
	return l.itemList(parsed)
}

// jsonItems reads the text of items; nil where it is none.
func (l *loader) jsonItems(n *yaml.Node) *yaml.Node {
	parsed, err := fromJSON(n.Pos(), n.Source)
	if err != nil {
		l.problems.errorf(n.Pos(), `write them as YAML, or as JSON: [{"INPUT": "VALUE"}]`, "these items are not JSON: %v", err)
		return nil
	}
	return parsed
}

// itemList reads items that stand in the file.
func (l *loader) itemList(n *yaml.Node) *items {
	it := &items{at: n.Pos()}
	var values []*yaml.Node
	var names []string
	switch n.Kind {
	case yaml.List:
		values = n.Items
		for i := range n.Items {
			names = append(names, strconv.Itoa(i+1))
		}
	case yaml.Map:
		for _, e := range n.Entries {
			values = append(values, e.Value)
			names = append(names, e.Key)
		}
		names = pipeline.ItemNames(names)
	default:
		l.problems.errorf(n.Pos(), `write [{INPUT: VALUE}], or {NAME: {INPUT: VALUE}}`, "items are a list or a mapping, not %s", n.Kind)
		return nil
	}
	switch {
	case len(values) == 0:
		l.problems.errorf(n.Pos(), "", "there are no items")
	case len(values) > maxItems:
		l.problems.errorf(n.Pos(), "", "there are %d items, and a parallel_for has at most %d", len(values), maxItems)
		return nil
	}
	for i, v := range values {
		if v.Kind != yaml.Map {
			l.problems.errorf(v.Pos(), "write {INPUT: VALUE}", "an item is a mapping from inputs of the body to values, not %s", v.Kind)
			continue
		}
		one := &item{name: names[i], at: v.Pos()}
		for _, e := range v.Entries {
			a := &argument{name: e.Key, at: e.Pos(), node: e.Value}
			one.sets.add(a)
			l.argument(a, e.Value)
		}
		it.list = append(it.list, one)
	}
	return it
}

var errTrailing = errors.New("there is more behind the end")

// maxJSONDepth is far deeper than items are.
const maxJSONDepth = 32

// fromJSON makes nodes of a JSON text, all of which stand where the text does.
func fromJSON(at yaml.Pos, text string) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	n, err := jsonValue(d, at, 0)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("it ends too early")
	}
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	return n, nil
}

func jsonValue(d *json.Decoder, at yaml.Pos, depth int) (*yaml.Node, error) {
	if depth > maxJSONDepth {
		return nil, errors.New("it is too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		n := yaml.NewNull(at)
		if n.Kind = yaml.Map; v == '[' {
			n.Kind = yaml.List
		}
		for i := 0; d.More(); i++ {
			key := ""
			if v == '{' {
				name, err := d.Token()
				if err != nil {
					return nil, err
				}
				key, _ = name.(string)
			}
			member, err := jsonValue(d, at, depth+1)
			if err != nil {
				return nil, err
			}
			if v == '{' {
				n.Put(key, at, member)
			} else {
				n.SetItem(i, member)
			}
		}
		_, err := d.Token() // the end
		return n, err
	case string:
		return yaml.NewText(at, v), nil
	case bool:
		n := yaml.NewText(at, "False")
		if n.Kind = yaml.Bool; v {
			n.Text = "True"
		}
		n.Source = strings.ToLower(n.Text)
		return n, nil
	case json.Number:
		n := yaml.NewText(at, v.String())
		if n.Kind = yaml.Int; strings.ContainsAny(v.String(), ".eE") {
			n.Kind = yaml.Float
		}
		return n, nil
	}
	return yaml.NewNull(at), nil
}

// checkItems checks what can be known of items before their loop is used.
func (l *loader) checkItems(g *graph, it *items) {
	if it == nil {
		return
	}
	for _, one := range it.list {
		for _, a := range one.sets.list {
			l.checkArgument(g, a)
		}
	}
	if it.bound == nil {
		return
	}
	ref := it.bound.single()
	var good bool
	if ref.kind == siblingOutput || ref.kind == siblingInput {
		good = l.checkSibling(g, it.bound, ref)
	} else {
		good = l.checkParent(g, it.bound, ref, "the items of a loop")
	}
	if !good {
		ref.kind = wrongRef
	}
}
