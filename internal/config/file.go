package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// readFile takes the settings of a configuration file. Unlike a pipeline file
// it is read strictly: a key that nothing reads is a mistake.
func (c *Config) readFile(path string, data []byte) error {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var bad *yaml.SyntaxError
		if errors.As(err, &bad) && bad.Token != nil {
			p := bad.Token.Position
			return &Error{Where: fmt.Sprintf("%s:%d:%d", path, p.Line, p.Column), Message: bad.Message}
		}
		return &Error{Where: path, Message: err.Error()}
	}
	if len(file.Docs) > 1 {
		return &Error{Where: path, Message: "holds more than one document"}
	}
	seen := map[string]bool{}
	for _, doc := range file.Docs {
		pairs, ok := mapping(doc.Body)
		if !ok {
			return wrong(path, doc.Body, "expected `key: value` lines")
		}
		for _, pair := range pairs {
			key := pair.Key.GetToken().Value
			if seen[key] {
				return wrong(path, pair.Key, "key %q stands here for the second time", key)
			}
			seen[key] = true
			if err := c.readPair(path, key, pair); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Config) readPair(path, key string, pair *ast.MappingValueNode) error {
	for _, s := range settings {
		if s.key != key {
			continue
		}
		if key == computesKey {
			return c.readComputes(path, pair.Value)
		}
		if key == notificationsKey {
			return c.readNotifications(path, pair.Value)
		}
		text, ok := scalar(pair.Value)
		if !ok {
			return wrong(path, pair.Value, "%s: expected one value", key)
		}
		if err := s.set(c, text); err != nil {
			return wrong(path, pair.Value, "%s: %v", key, err)
		}
		return nil
	}
	var known []string
	for _, s := range settings {
		known = append(known, s.key)
	}
	return wrong(path, pair.Key, "unknown key %q; the keys are %s", key, strings.Join(known, ", "))
}

// readComputes reads the queue of each compute.
func (c *Config) readComputes(path string, node ast.Node) error {
	pairs, ok := mapping(node)
	if !ok {
		return wrong(path, node, "computes: expected a `compute: queue` line for each compute")
	}
	c.Computes = make(map[string]string, len(pairs))
	for _, pair := range pairs {
		queue, ok := scalar(pair.Value)
		if !ok || queue == "" {
			return wrong(path, pair.Value, "computes: expected the name of a queue, such as cpu or gpu")
		}
		name := strings.TrimPrefix(pair.Key.GetToken().Value, "azureml:")
		if _, twice := c.Computes[name]; twice {
			return wrong(path, pair.Key, "compute %q stands here for the second time", name)
		}
		c.Computes[name] = queue
	}
	return nil
}

func wrong(path string, node ast.Node, format string, args ...any) error {
	p := node.GetToken().Position
	return &Error{Where: fmt.Sprintf("%s:%d:%d", path, p.Line, p.Column), Message: fmt.Sprintf(format, args...)}
}

// mapping returns the pairs of a mapping; an empty document has none.
func mapping(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil, true
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// scalar returns the source text of a scalar; a null is the empty text.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.NullNode:
		return "", true
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}
