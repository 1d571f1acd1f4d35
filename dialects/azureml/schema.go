package azureml

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SchemaKind is a kind of file that there is a schema of.
type SchemaKind struct {
	// Name is what the address of Azure's schema ends in: "pipelineJob".
	Name string `json:"name"`
	// About says what files of the kind hold.
	About string `json:"description"`
}

// SchemaKinds lists the kinds of files that there are schemas of.
func SchemaKinds() []SchemaKind { return slices.Clone(schemaKinds) }

// SchemaOf makes the JSON Schema of a kind of file, from the tables that files
// are checked by. ok is false for an unknown kind.
func SchemaOf(kind string) (s *Schema, ok bool) {
	i := slices.IndexFunc(schemaKinds, func(k SchemaKind) bool { return k.Name == kind })
	if i < 0 {
		return nil, false
	}
	parts := schemaParts()
	s = parts[kind].schema()
	s.Dialect = "https://json-schema.org/draft/2020-12/schema"
	s.Description = schemaKinds[i].About
	s.Type = []string{"object"}
	s.Defs = map[string]*Schema{}
	s.define(s.Defs, parts)
	if len(s.Defs) == 0 {
		s.Defs = nil
	}
	return s, true
}

// part is a mapping with keys of its own: a whole file, or a place in one.
type part struct {
	keys keySet
	// shapes are those of the keys that mean something else here than in
	// [vocabulary].
	shapes map[string]shape
	// required are the keys it cannot do without.
	required []string
	// rules are what else holds of it.
	rules Schema
	// built parts have no keys, and are what this returns.
	built func() *Schema
}

// schema is the mapping that a part describes.
func (p part) schema() *Schema {
	if p.built != nil {
		return p.built()
	}
	s := p.rules
	s.Title = title(p.keys.what)
	s.Type = []string{"object", "null"}
	s.Required = p.required
	s.Properties = map[string]*Schema{}
	for key := range p.keys.all() {
		s.Properties[key] = p.property(key)
	}
	if !p.keys.lenient {
		s.AdditionalProperties = false
		s.PatternProperties = map[string]*Schema{exactly(readOnly): {}}
	}
	return &s
}

// property is what stands under a key.
func (p part) property(key string) *Schema {
	given := p.shape(key)
	s := given.form()
	s.Description = given.about
	if contains(p.keys.ignored, key) {
		s.Description = strings.TrimSpace(s.Description + " Millrace accepts this, and does nothing with it.")
	}
	return s
}

func (p part) shape(key string) shape {
	if given, ok := p.shapes[key]; ok {
		return given
	}
	if given, ok := vocabulary[key]; ok {
		return given
	}
	return shape{form: anyForm}
}

// all are the keys of a mapping, those that are ignored among them.
func (k keySet) all() func(yield func(string) bool) {
	return slices.Values(append(slices.Clone(k.read), k.ignored...))
}

// define adds the parts that a schema refers to, and those that they refer to.
func (s *Schema) define(defs map[string]*Schema, parts map[string]part) {
	if name, ok := strings.CutPrefix(s.Ref, defsPath); ok && defs[name] == nil {
		defs[name] = parts[name].schema()
		defs[name].define(defs, parts)
	}
	for inner := range s.inner() {
		inner.define(defs, parts)
	}
}

// defsPath is where a schema keeps its parts.
const defsPath = "#/$defs/"

// inner are the schemas inside of a schema.
func (s *Schema) inner() func(yield func(*Schema) bool) {
	all := slices.Clone(s.AnyOf)
	all = append(all, s.Items, s.Not, s.If, s.Then, s.Else)
	for _, properties := range []map[string]*Schema{s.Properties, s.PatternProperties} {
		all = slices.AppendSeq(all, maps.Values(properties))
	}
	if more, ok := s.AdditionalProperties.(*Schema); ok {
		all = append(all, more)
	}
	return slices.Values(slices.DeleteFunc(all, func(s *Schema) bool { return s == nil }))
}

// title makes "Command job" of "a command job".
func title(what string) string {
	for _, article := range []string{"a ", "an "} {
		what = strings.TrimPrefix(what, article)
	}
	if what == "" {
		return ""
	}
	return strings.ToUpper(what[:1]) + what[1:]
}

// exactly is the pattern of some words.
func exactly(words []string) string { return fmt.Sprintf("^(%s)$", strings.Join(words, "|")) }
