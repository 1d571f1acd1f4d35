package environment

import (
	"encoding/json"
	"errors"
	"strings"
)

// block is a value of a conda file: a text, a list, or a map with its keys in
// order.
type block struct {
	text  string
	list  []block
	keys  []string
	value map[string]block
}

// errBlock says that a text is not in the form that plans have.
var errBlock = errors.New("it is not in the form that a plan has it in: a key, a dash or a text on every line")

// readBlock reads the one form in which plans hold YAML: a key, a dash or a text
// on every line, indented, and text in double quotes where it is not plain.
func readBlock(text string) (block, error) {
	var lines []line
	for raw := range strings.SplitSeq(text, "\n") {
		rest := strings.TrimLeft(raw, " ")
		if rest = strings.TrimRight(rest, " \r"); rest != "" && !strings.HasPrefix(rest, "#") {
			lines = append(lines, line{len(raw) - len(strings.TrimLeft(raw, " ")), rest})
		}
	}
	if len(lines) == 0 {
		return block{}, nil
	}
	b, rest, err := readLines(lines, 0)
	if err == nil && len(rest) > 0 {
		err = errBlock
	}
	return b, err
}

type line struct {
	indent int
	text   string
}

// mostBlocks bounds how deep blocks stand in one another.
const mostBlocks = 16

// readLines reads the block that begins with the first line, and returns what
// comes after it.
func readLines(lines []line, depth int) (block, []line, error) {
	if depth > mostBlocks {
		return block{}, nil, errBlock
	}
	indent := lines[0].indent
	var b block
	for len(lines) > 0 && lines[0].indent == indent {
		l := lines[0]
		dash := l.text == "-" || strings.HasPrefix(l.text, "- ")
		if len(b.keys) > 0 && dash || len(b.list) > 0 && !dash {
			break // the list was the value of a key that stands as far in
		}
		if dash {
			item, rest, err := readItem(lines, depth)
			if err != nil {
				return block{}, nil, err
			}
			b.list, lines = append(b.list, item), rest
			continue
		}
		key, text, ok := cutKey(l.text)
		if !ok {
			if len(b.keys) > 0 {
				return block{}, nil, errBlock
			}
			text, err := plainText(l.text)
			return block{text: text}, lines[1:], err
		}
		lines = lines[1:]
		var value block
		var err error
		switch {
		case text != "":
			value.text, err = plainText(text)
		case len(lines) > 0 && (lines[0].indent > indent || lines[0].indent == indent && strings.HasPrefix(lines[0].text, "-")):
			value, lines, err = readLines(lines, depth+1)
		}
		if err != nil {
			return block{}, nil, err
		}
		if b.value == nil {
			b.value = make(map[string]block)
		}
		if _, twice := b.value[key]; twice {
			return block{}, nil, errBlock
		}
		b.keys, b.value[key] = append(b.keys, key), value
	}
	return b, lines, nil
}

// readItem reads an item of a list.
func readItem(lines []line, depth int) (block, []line, error) {
	l := lines[0]
	text := strings.TrimLeft(l.text[1:], " ")
	if text == "" {
		if len(lines) > 1 && lines[1].indent > l.indent {
			return readLines(lines[1:], depth+1)
		}
		return block{}, lines[1:], nil
	}
	if _, _, ok := cutKey(text); ok {
		inner := append([]line{{l.indent + len(l.text) - len(text), text}}, lines[1:]...)
		return readLines(inner, depth+1)
	}
	plain, err := plainText(text)
	return block{text: plain}, lines[1:], err
}

// cutKey cuts a line at the colon that ends its key.
func cutKey(text string) (key, rest string, ok bool) {
	if strings.HasPrefix(text, `"`) {
		d := json.NewDecoder(strings.NewReader(text))
		if d.Decode(&key) != nil {
			return "", "", false
		}
		rest = text[d.InputOffset():]
	} else if at := strings.Index(text+" ", ": "); at > 0 {
		key, rest = text[:at], text[at:]
	}
	if !strings.HasPrefix(rest, ":") {
		return "", "", false
	}
	return key, strings.TrimSpace(rest[1:]), true
}

// plainText takes the quotes off. What stands for nothing is "".
func plainText(text string) (string, error) {
	switch text {
	case "null", "~", "{}", "[]":
		return "", nil
	}
	if !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	var plain string
	if json.Unmarshal([]byte(text), &plain) != nil {
		return "", errBlock
	}
	return plain, nil
}
