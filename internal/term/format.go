package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Format is a way to write data for programs, one of the values of -o.
type Format string

// The formats, with the names that az gives them.
const (
	JSON  Format = "json"
	JSONC Format = "jsonc" // JSON in colours, where there are colours
	YAML  Format = "yaml"
	TSV   Format = "tsv"
	CSV   Format = "csv" // with a header, which az's tsv has not
	Grid  Format = "table"
	None  Format = "none"
)

// Formats lists what -o takes, in the order in which help shows it.
func Formats() []Format { return []Format{JSON, JSONC, YAML, TSV, CSV, Grid, None} }

// ParseFormat reads a value of -o, in any case as az does; "yamlc", which az has
// too, is YAML here.
func ParseFormat(s string) (Format, error) {
	word := strings.ToLower(s)
	if word == "yamlc" {
		return YAML, nil
	}
	var names []string
	for _, f := range Formats() {
		if string(f) == word {
			return f, nil
		}
		names = append(names, string(f))
	}
	return "", fmt.Errorf("%q is not an output format; choose one of %s", s, strings.Join(names, ", "))
}

// Order tells in which order the keys of a map are written where order matters
// (tsv, csv and table). A nil Order sorts them.
type Order func(keys []string) []string

// Write writes data, made of the types that encoding/json decodes into.
func Write(s *Stream, f Format, data any, order Order) error {
	var out []byte
	var err error
	switch f {
	case None:
		return nil
	case JSON, JSONC:
		out, err = encodeJSON(data)
		if f == JSONC && err == nil {
			out = colorJSON(s, out)
		}
	case YAML:
		out, err = yaml.MarshalWithOptions(whole(data), yaml.Indent(2), yaml.UseLiteralStyleIfMultiline(true))
	case TSV:
		out = encodeTSV(data, order)
	case CSV:
		out, err = encodeCSV(data, order)
	case Grid:
		return grid(data, order).Write(s)
	default:
		err = fmt.Errorf("%q is not an output format", f)
	}
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	_, err = s.Write(out)
	return err
}

func encodeJSON(data any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(data)
	return b.Bytes(), err
}

// whole turns whole numbers into integers, which YAML tells from others.
func whole(data any) any {
	switch v := data.(type) {
	case float64:
		if i := int64(v); float64(i) == v {
			return i
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = whole(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = whole(v[k])
		}
		return m
	}
	return data
}

// Plain turns any value into the types that encoding/json decodes into, so that
// queries and formats see maps, lists and scalars only.
func Plain(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode output: %w", err)
	}
	var plain any
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&plain); err != nil {
		return nil, fmt.Errorf("encode output: %w", err)
	}
	return plain, nil
}

// encodeTSV writes data as az does: a line for each element of a list, the
// values of a map or list in one line with tabs between them, nested maps as
// nothing and nested lists as their length.
func encodeTSV(data any, order Order) []byte {
	var b bytes.Buffer
	list, ok := data.([]any)
	if !ok {
		list = []any{data}
	}
	for _, row := range list {
		switch row := row.(type) {
		case map[string]any:
			for i, k := range keys(row, order) {
				writeCell(&b, i, cell(row[k], "True", "False"))
			}
		case []any:
			for i, v := range row {
				writeCell(&b, i, cell(v, "True", "False"))
			}
		default:
			b.WriteString(cell(row, "true", "false"))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func writeCell(b *bytes.Buffer, i int, text string) {
	if i > 0 {
		b.WriteByte('\t')
	}
	b.WriteString(text)
}

func cell(v any, yes, no string) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case map[string]any:
		return ""
	case []any:
		return strconv.Itoa(len(v))
	case bool:
		if v {
			return yes
		}
		return no
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func keys(m map[string]any, order Order) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	if order != nil {
		list = order(list)
	}
	return list
}

// unasked are keys that az leaves out of tables. Here they are shown where a
// query names them.
var unasked = []string{"id", "type", "etag"}

// grid makes a table of any data: a row for each element of a list, a column
// for each key that holds a scalar somewhere. Lists and maps within a row are
// left out, as az does.
func grid(data any, order Order) *Table {
	list, ok := data.([]any)
	if !ok {
		list = []any{data}
	}
	union := map[string]any{}
	scalars := false
	for _, row := range list {
		m, ok := row.(map[string]any)
		if !ok {
			scalars = true
			continue
		}
		for k, v := range m {
			if v != nil && isScalar(v) && (order != nil || !slices.Contains(unasked, k)) {
				union[k] = nil
			}
		}
	}
	if scalars {
		return columns(list)
	}
	names := keys(union, order)
	t := &Table{Header: make([]string, len(names))}
	for i, n := range names {
		t.Header[i] = strings.ToUpper(n[:min(1, len(n))]) + n[min(1, len(n)):]
	}
	for _, row := range list {
		cells := make([]string, len(names))
		for i, n := range names {
			if v, ok := row.(map[string]any)[n]; ok && v != nil && isScalar(v) {
				cells[i] = oneLine(cell(v, "True", "False"))
			}
		}
		t.Add(cells...)
	}
	if len(names) == 0 {
		return &Table{}
	}
	return t
}

// columns makes a table of a list whose elements are lists or scalars.
func columns(list []any) *Table {
	t := &Table{}
	width := 1
	for _, row := range list {
		var cells []string
		values, ok := row.([]any)
		if !ok {
			values = []any{row}
		}
		for _, v := range values {
			cells = append(cells, oneLine(cell(v, "True", "False")))
		}
		width = max(width, len(cells))
		t.Add(cells...)
	}
	if width == 1 {
		t.Header = []string{"Result"}
		return t
	}
	for i := range width {
		t.Header = append(t.Header, fmt.Sprintf("Column%d", i+1))
	}
	return t
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// colorJSON paints the keys and the scalars of indented JSON.
func colorJSON(s *Stream, data []byte) []byte {
	if !s.Color {
		return data
	}
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		text := strings.TrimRight(line, "\n")
		rest := strings.TrimLeft(text, " ")
		b.WriteString(text[:len(text)-len(rest)])
		if key, value, ok := strings.Cut(rest, `": `); ok && strings.HasPrefix(key, `"`) {
			b.WriteString(s.Paint(Blue, key+`"`) + ": ")
			rest = value
		}
		value := strings.TrimSuffix(rest, ",")
		style := Cyan
		switch {
		case strings.HasPrefix(value, `"`):
			style = Green
		case strings.ContainsAny(value, "{}[]"):
			style = ""
		}
		b.WriteString(s.Paint(style, value) + rest[len(value):] + "\n")
	}
	return []byte(b.String())
}

var _ io.Writer = (*Stream)(nil)
