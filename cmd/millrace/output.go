package main

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/jmespath/go-jmespath"

	"github.com/millrace-ml/millrace/internal/term"
)

// readOutputFlags checks -o and --query before anything is done.
func (a *app) readOutputFlags() error {
	if a.flags.output != "" {
		f, err := term.ParseFormat(a.flags.output)
		if err != nil {
			return wrongUsage("", "--output: %w", err)
		}
		a.flags.format = f
	}
	if a.flags.query != "" {
		s, err := newSearch(a.flags.query)
		if err != nil {
			return err
		}
		a.flags.search = s
	}
	return nil
}

// wantsData reports whether the person asked for data in so many words.
func (a *app) wantsData() bool { return a.flags.format != "" || a.flags.search != nil }

// print writes data for programs to stdout, in the format that was asked for,
// or the configured one, or JSON. For -o table without --query, table picks and
// names the columns; nil takes the data as it is. Like az, it prints nothing
// where a query finds nothing.
func (a *app) print(data any, table func(data any) *term.Table) error {
	return a.printOrdered(data, table, nil)
}

// printOrdered is print with an order of the keys for the formats in which there
// is one.
func (a *app) printOrdered(data any, table func(data any) *term.Table, order term.Order) error {
	format := a.flags.format
	if format == "" {
		c, err := a.config()
		if err != nil {
			return err
		}
		format = c.Output
	}
	if format == "" {
		format = term.JSON
	}
	plain, err := term.Plain(data)
	if err != nil {
		return err
	}
	if a.flags.search == nil {
		if format == term.Grid && table != nil {
			return table(plain).Write(a.Out)
		}
		return term.Write(a.Out, format, plain, order)
	}
	found, err := a.flags.search.in(plain)
	if err != nil || found == nil {
		return err
	}
	return term.Write(a.Out, format, found, a.flags.search.order)
}

// search is a --query.
type search struct {
	text string
	path *jmespath.JMESPath
	// orders are the keys of each {a: b, c: d} of the query, as written, by
	// the same keys sorted and joined: results come back as maps.
	orders map[string][]string
}

// readable puts signs in the place of the parser's names for them.
var readable = strings.NewReplacer(
	"tUnquotedIdentifier", "a name", "tQuotedIdentifier", "a quoted name", "tNumber", "a number", "tEOF", "the end",
	"tStringLiteral", "a text", "tJSONLiteral", "a literal", "tColon", "':'", "tComma", "','", "tDot", "'.'", "tStar", "'*'",
	"tLparen", "'('", "tRparen", "')'", "tLbracket", "'['", "tRbracket", "']'", "tLbrace", "'{'", "tRbrace", "'}'",
	"tFilter", "'[?'", "tFlatten", "'[]'", "tPipe", "'|'", "tOr", "'||'", "tAnd", "'&&'", "tNot", "'!'", "tCurrent", "'@'",
	"tExpref", "'&'", "tLTE", "'<='", "tLT", "'<'", "tGTE", "'>='", "tGT", "'>'", "tEQ", "'=='", "tNE", "'!='",
)

func newSearch(text string) (*search, error) {
	path, err := jmespath.Compile(text)
	if err != nil {
		if bad, ok := errors.AsType[jmespath.SyntaxError](err); ok {
			mark := strings.Repeat(" ", min(max(bad.Offset, 0), len(text))) + "^"
			return nil, wrongUsage("  "+text+"\n  "+mark+"\n--query takes a JMESPath expression, such as name or [].{name: name, status: status}",
				"--query: %s", readable.Replace(strings.TrimPrefix(bad.Error(), "SyntaxError: ")))
		}
		return nil, wrongUsage("", "--query %q: %w", text, err)
	}
	s := &search{text: text, path: path, orders: map[string][]string{}}
	for _, keys := range hashKeys(text) {
		s.orders[joined(keys)] = keys
	}
	return s, nil
}

func (s *search) in(data any) (any, error) {
	found, err := s.path.Search(data)
	if err != nil {
		return nil, wrongUsage("", "--query %s: %w", s.text, err)
	}
	return found, nil
}

// order puts the keys of a result in the order in which the query names them.
func (s *search) order(keys []string) []string {
	if as, ok := s.orders[joined(keys)]; ok {
		return as
	}
	return keys
}

func joined(keys []string) string {
	sorted := append([]string(nil), keys...)
	sort.Strings(sorted)
	return fmt.Sprintf("%q", sorted)
}

// hashKeys finds the keys of each multi-select hash of a query.
func hashKeys(query string) [][]string {
	type bracket struct {
		hash bool
		keys []string
	}
	var found [][]string
	var open []bracket
	start := 0 // where the word that may be a key begins
	for i := 0; i < len(query); i++ {
		switch c := query[i]; c {
		case '\'', '`', '"':
			for i++; i < len(query) && query[i] != c; i++ {
				if query[i] == '\\' {
					i++
				}
			}
		case '{', '[', '(':
			open = append(open, bracket{hash: c == '{'})
			start = i + 1
		case ',':
			start = i + 1
		case ':':
			if n := len(open); n > 0 && open[n-1].hash && start < i {
				key := strings.Trim(strings.TrimSpace(query[start:i]), `"`)
				open[n-1].keys = append(open[n-1].keys, key)
			}
		case '}', ']', ')':
			if n := len(open); n > 0 {
				if open[n-1].hash {
					found = append(found, open[n-1].keys)
				}
				open = open[:n-1]
			}
		}
	}
	return found
}
