package azureml

import (
	"regexp"
	"strings"
)

// shape is what the value of a key looks like: what an editor says of it, and
// what it takes. A shape is never narrower than the loader, so that an editor
// marks nothing that runs.
type shape struct {
	about string
	form  form
}

// form makes the schema of a value.
type form func() *Schema

// Schema is a JSON Schema of the draft 2020-12, or a part of one. The zero
// Schema takes anything.
type Schema struct {
	Dialect     string `json:"$schema,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Ref         string `json:"$ref,omitempty"`
	// Type are the types of JSON: most that is text may stand without quotes.
	Type    []string `json:"type,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Minimum *int     `json:"minimum,omitempty"`

	Properties        map[string]*Schema `json:"properties,omitempty"`
	PatternProperties map[string]*Schema `json:"patternProperties,omitempty"`
	PropertyNames     *Schema            `json:"propertyNames,omitempty"`
	// AdditionalProperties is nil for any, a *Schema, or false for none.
	AdditionalProperties any      `json:"additionalProperties,omitempty"`
	Required             []string `json:"required,omitempty"`
	Items                *Schema  `json:"items,omitempty"`

	AnyOf []*Schema `json:"anyOf,omitempty"`
	Not   *Schema   `json:"not,omitempty"`
	If    *Schema   `json:"if,omitempty"`
	Then  *Schema   `json:"then,omitempty"`
	Else  *Schema   `json:"else,omitempty"`

	Defs map[string]*Schema `json:"$defs,omitempty"`
}

// anyForm is for what the loader does not look at.
func anyForm() *Schema { return &Schema{} }

// textForm is any scalar: YAML makes numbers of versions, and of much else.
func textForm() *Schema {
	return &Schema{Type: []string{"string", "number", "boolean", "null"}}
}

// boolForm is true or false, also as text.
func boolForm() *Schema {
	return &Schema{AnyOf: []*Schema{
		{Type: []string{"boolean", "null"}},
		{Type: []string{"string"}, Pattern: anyCase("true", "false")},
	}}
}

// numberForm is a number, also as text.
func numberForm() *Schema {
	return &Schema{AnyOf: []*Schema{
		{Type: []string{"number", "null"}},
		{Type: []string{"string"}, Pattern: `^\s*[+-]?([0-9]|\.[0-9]|[iI][nN][fF]|[nN][aA][nN])[0-9a-zA-Z_.+-]*\s*$`},
	}}
}

// countForm is a whole number that is not negative, also as text.
func countForm() *Schema {
	none := 0
	return &Schema{AnyOf: []*Schema{
		{Type: []string{"integer"}, Minimum: &none},
		{Type: []string{"null"}},
		{Type: []string{"string"}, Pattern: `^\s*\+?[0-9][0-9_]*(\.0*)?([eE]\+?[0-9]+)?\s*$`},
	}}
}

// boundCountForm is a count, or a binding to an input of the pipeline.
func boundCountForm() *Schema {
	s := countForm()
	s.AnyOf = append(s.AnyOf, &Schema{Type: []string{"string"}, Pattern: `\$\{\{.*\}\}`})
	return s
}

// choiceForm is one of some words, in any case.
func choiceForm(words ...string) form {
	return func() *Schema {
		return &Schema{AnyOf: []*Schema{{Enum: words}, {Type: []string{"string"}, Pattern: anyCase(words...)}, {Type: []string{"null"}}}}
	}
}

// exactForm is one of some words, as they are written.
func exactForm(words ...string) form {
	return func() *Schema { return &Schema{AnyOf: []*Schema{{Enum: words}, {Type: []string{"null"}}}} }
}

// partForm is a mapping that has its own keys: a name of schemaParts.
func partForm(part string) form {
	return func() *Schema { return &Schema{Ref: "#/$defs/" + part} }
}

// mapForm is a mapping from names to values of one form.
func mapForm(names *regexp.Regexp, value form) form {
	return func() *Schema {
		s := &Schema{Type: []string{"object", "null"}, AdditionalProperties: value()}
		if names != nil {
			s.PropertyNames = &Schema{Pattern: names.String()}
		}
		return s
	}
}

// listForm is a list of values of one form.
func listForm(item form) form {
	return func() *Schema { return &Schema{Type: []string{"array", "null"}, Items: item()} }
}

// orForm is a value of any of the forms.
func orForm(forms ...form) form {
	return func() *Schema {
		s := &Schema{}
		for _, f := range forms {
			s.AnyOf = append(s.AnyOf, f())
		}
		return s
	}
}

// anyCase is the pattern of some words in any case. The patterns of JSON Schema
// have no flag for that.
func anyCase(words ...string) string {
	var b strings.Builder
	b.WriteString(`^(`)
	for i, word := range words {
		if i > 0 {
			b.WriteByte('|')
		}
		for _, r := range word {
			lower, upper := strings.ToLower(string(r)), strings.ToUpper(string(r))
			if lower == upper {
				b.WriteString(regexp.QuoteMeta(lower))
			} else {
				b.WriteString("[" + upper + lower + "]")
			}
		}
	}
	return b.String() + `)$`
}

// wordsOf makes words of typed names.
func wordsOf[T ~string](lists ...[]T) []string {
	var all []string
	for _, list := range lists {
		for _, name := range list {
			all = append(all, string(name))
		}
	}
	return all
}
