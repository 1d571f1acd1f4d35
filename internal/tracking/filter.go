package tracking

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// filter is what a search asks for: all of its conditions.
//
//	metrics.loss < 0.1 and params."model name" = 'tree' and attributes.run_name LIKE 'a%'
type filter []condition

type condition struct {
	kind, key string // "metric", "param", "tag", "dataset" or "attribute"
	operator  string // in capitals
	values    []any  // texts or numbers
}

// holds reports whether all conditions hold of what look finds: a text, a
// float64, or nil where there is nothing.
func (f filter) holds(look func(kind, key string) any) bool {
	for _, c := range f {
		if !c.holds(look(c.kind, c.key)) {
			return false
		}
	}
	return true
}

func (c condition) holds(found any) bool {
	switch c.operator {
	case "IS NULL":
		return found == nil
	case "IS NOT NULL":
		return found != nil
	}
	if found == nil {
		return false
	}
	if c.operator == "IN" || c.operator == "NOT IN" {
		in := false
		for _, v := range c.values {
			in = in || fmt.Sprint(v) == fmt.Sprint(found)
		}
		return in == (c.operator == "IN")
	}
	if number, ok := found.(float64); ok {
		wanted, ok := asNumber(c.values[0])
		return ok && compareBy(c.operator, number, wanted)
	}
	text := fmt.Sprint(found)
	wanted := fmt.Sprint(c.values[0])
	switch c.operator {
	case "LIKE":
		return like([]rune(wanted), []rune(text))
	case "ILIKE":
		return like([]rune(strings.ToLower(wanted)), []rune(strings.ToLower(text)))
	}
	return compareBy(c.operator, text, wanted)
}

func asNumber(v any) (float64, bool) {
	if number, ok := v.(float64); ok {
		return number, true
	}
	number, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	return number, err == nil
}

func compareBy[T float64 | string](operator string, a, b T) bool {
	switch operator {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return false
}

// like matches a pattern of SQL: % is any text, _ any one character.
func like(pattern, text []rune) bool {
	back, from := -1, 0 // where to go on after the last %
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			back, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == text[t]):
			p++
			t++
		case back >= 0:
			from++
			p, t = back+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// maxFilter bounds the text of a filter.
const maxFilter = 64 << 10

// parseFilter reads a filter; "" asks for everything.
func parseFilter(text string) (filter, error) {
	words, err := split(text)
	if err != nil {
		return nil, err
	}
	p := &parser{words: words, text: text}
	var all filter
	for len(p.words) > 0 {
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		if len(p.words) > 0 && !p.takes("AND") {
			return nil, p.unexpected("AND")
		}
		if len(p.words) == 0 {
			break
		}
	}
	if strings.HasSuffix(strings.ToUpper(strings.TrimSpace(text)), " AND") {
		return nil, invalid("Invalid filter: nothing comes after AND: %.200q", text)
	}
	return all, nil
}

// word is a part of a filter: a name, a text, a number, or a sign.
type word struct {
	text   string
	quote  rune // that it stood in, or 0
	dotted bool // a name that goes on after a dot
}

// split makes words of a text.
func split(text string) ([]word, error) {
	if len(text) > maxFilter {
		return nil, invalid("Invalid filter: it is longer than %d characters", maxFilter)
	}
	var words []word
	rest := []rune(text)
	for len(rest) > 0 {
		c := rest[0]
		switch {
		case unicode.IsSpace(c):
			rest = rest[1:]
		case c == '\'' || c == '"' || c == '`':
			end := 1
			for end < len(rest) && rest[end] != c {
				end++
			}
			if end == len(rest) {
				return nil, invalid("Invalid filter: a quotation mark is not closed: %.200q", text)
			}
			words = append(words, word{text: string(rest[1:end]), quote: c})
			rest = rest[end+1:]
		case strings.ContainsRune("=<>!", c):
			n := 1
			if len(rest) > 1 && rest[1] == '=' {
				n = 2
			}
			words = append(words, word{text: string(rest[:n])})
			rest = rest[n:]
		case strings.ContainsRune("(),", c):
			words = append(words, word{text: string(c)})
			rest = rest[1:]
		default:
			n := 0
			for n < len(rest) && !unicode.IsSpace(rest[n]) && !strings.ContainsRune("=<>!(),'\"`", rest[n]) {
				n++
			}
			dotted := rest[n-1] == '.' && n < len(rest) && strings.ContainsRune("\"`", rest[n])
			words = append(words, word{text: string(rest[:n]), dotted: dotted})
			rest = rest[n:]
		}
	}
	return words, nil
}

type parser struct {
	words []word
	text  string
}

func (p *parser) next() (word, bool) {
	if len(p.words) == 0 {
		return word{}, false
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w, true
}

// takes reports whether the next word is that one, and passes over it.
func (p *parser) takes(keyword string) bool {
	if len(p.words) == 0 || p.words[0].quote != 0 || !strings.EqualFold(p.words[0].text, keyword) {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) unexpected(wanted string) error {
	if len(p.words) == 0 {
		return invalid("Invalid filter: expected %s at the end of %.200q", wanted, p.text)
	}
	return invalid("Invalid filter: expected %s instead of %q in %.200q", wanted, p.words[0].text, p.text)
}

func (p *parser) condition() (condition, error) {
	var c condition
	name, ok := p.next()
	if !ok {
		return c, p.unexpected("a condition")
	}
	key := name.text
	if name.dotted {
		rest, _ := p.next()
		key += rest.text
	}
	var err error
	if c.kind, c.key, err = entity(key, name.quote != 0); err != nil {
		return c, err
	}
	switch {
	case p.takes("IS"):
		c.operator = "IS NULL"
		if p.takes("NOT") {
			c.operator = "IS NOT NULL"
		}
		if !p.takes("NULL") {
			return c, p.unexpected("NULL")
		}
		return c, nil
	case p.takes("NOT"):
		if !p.takes("IN") {
			return c, p.unexpected("IN")
		}
		c.operator = "NOT IN"
		return c, p.list(&c)
	case p.takes("IN"):
		c.operator = "IN"
		return c, p.list(&c)
	}
	for _, operator := range []string{"=", "!=", "<=", ">=", "<", ">", "LIKE", "ILIKE"} {
		if p.takes(operator) {
			c.operator = operator
			return c, p.value(&c)
		}
	}
	return c, p.unexpected("a comparison")
}

func (p *parser) value(c *condition) error {
	w, ok := p.next()
	switch {
	case !ok:
		return p.unexpected("a value")
	case w.quote == '\'' || w.quote == '"':
		c.values = append(c.values, w.text)
		return nil
	}
	number, err := strconv.ParseFloat(w.text, 64)
	if err != nil || w.quote != 0 || math.IsNaN(number) {
		return invalid("Invalid filter: expected a quoted string or a number instead of %q in %.200q", w.text, p.text)
	}
	c.values = append(c.values, number)
	return nil
}

func (p *parser) list(c *condition) error {
	if !p.takes("(") {
		return p.unexpected("(")
	}
	for {
		if err := p.value(c); err != nil {
			return err
		}
		if p.takes(")") {
			return nil
		}
		if !p.takes(",") {
			return p.unexpected(", or )")
		}
	}
}

// entity tells what a name is the name of: "metrics.loss", or an attribute.
func entity(name string, quoted bool) (kind, key string, err error) {
	before, after, ok := strings.Cut(name, ".")
	if !ok || quoted {
		return "attribute", name, nil
	}
	switch strings.ToLower(before) {
	case "metrics", "metric":
		kind = "metric"
	case "params", "param", "parameters", "parameter":
		kind = "param"
	case "tags", "tag":
		kind = "tag"
	case "datasets", "dataset":
		kind = "dataset"
	case "attributes", "attribute", "attr", "run":
		kind = "attribute"
	default:
		return "", "", invalid("Invalid entity type '%s'. Valid values are metrics, params, tags, datasets and attributes", before)
	}
	return kind, after, nil
}
