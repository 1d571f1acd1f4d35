package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// changes are what the flags --set, --add and --remove of a verb "update" ask
// for, in the order in which they stand. They have az's meaning, which is not
// that of the --set which changes a file: values are JSON where they can be.
type changes struct {
	list        []change
	forceString bool
}

type change struct {
	verb string // set, add or remove
	// words are the path and what follows it; of --set they are one pair.
	words []string
}

// addChanges adds the flags of a verb "update".
func addChanges(f *pflag.FlagSet, c *changes) {
	f.Var(changeFlag{"set", c}, "set", "set a value, as `path=value`; several may follow")
	f.Var(changeFlag{"add", c}, "add", "add to a map or list, as `path key=value`")
	f.Var(changeFlag{"remove", c}, "remove", "take out what stands at `path`, or in a list, at an index after it")
	f.BoolVar(&c.forceString, "force-string", false, "take values as text, even where they are JSON")
}

// changeFlag is one of the flags; all of them share one list.
type changeFlag struct {
	verb string
	into *changes
}

func (f changeFlag) String() string { return "" }
func (f changeFlag) Type() string   { return f.verb }

func (f changeFlag) Set(word string) error {
	if rest, ok := strings.CutPrefix(word, goesOn); ok && len(f.into.list) > 0 {
		last := &f.into.list[len(f.into.list)-1]
		last.words = append(last.words, rest)
		return nil
	}
	f.into.list = append(f.into.list, change{f.verb, []string{word}})
	return nil
}

// editable says what of a thing can be changed.
type editable struct {
	// texts are keys with text, maps keys with maps of text, values keys with
	// anything else.
	texts, maps, values []string
}

func (e editable) keys() []string { return slices.Concat(e.texts, e.maps, e.values) }

// edit carries the changes out on a thing: any type that JSON can hold. The
// verb is what the person called, for messages.
func edit[T any](thing *T, c *changes, may editable, verb string) error {
	data, err := json.Marshal(*thing)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	doc := map[string]any{}
	if err := decodeJSON(data, &doc); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	if err := c.apply(doc, may, verb); err != nil {
		return err
	}
	for _, key := range may.texts {
		if v, ok := doc[key]; ok {
			if doc[key], ok = asText(v); !ok {
				return wrongUsage("", "%s: %s must be text", verb, key)
			}
		}
	}
	for _, key := range may.maps {
		m, ok := doc[key].(map[string]any)
		if !ok {
			if doc[key] != nil {
				return wrongUsage("for example: --set "+key+".team=red", "%s: %s must be a map", verb, key)
			}
			continue
		}
		for k, v := range m {
			if m[k], ok = asText(v); !ok {
				return wrongUsage("", "%s: %s.%s must be text", verb, key, k)
			}
		}
	}
	if data, err = json.Marshal(doc); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	changed := new(T)
	if err := json.Unmarshal(data, changed); err != nil {
		return wrongUsage("", "%s: %w", verb, err)
	}
	*thing = *changed
	return nil
}

func decodeJSON(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// asText is a scalar as text; nothing is "".
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

func (c *changes) apply(doc map[string]any, may editable, verb string) error {
	if len(c.list) == 0 {
		return wrongUsage("for example: --set description=text tags.team=red", "%s: nothing to change", verb)
	}
	for _, ch := range c.list {
		word := ch.words[0]
		path, value, pair := strings.Cut(word, "=")
		if ch.verb == "set" && !pair {
			return wrongUsage("for example: --set tags.team=red", "%s: %q is not of the form path=value", verb, word)
		}
		if ch.verb == "add" && pair {
			// az wants the pair after the path; here it may also be one word.
			ch.words = append(ch.words, value)
		} else if ch.verb == "remove" {
			path = word
		}
		keys, ok := splitKeys(path)
		if !ok {
			return wrongUsage("for example: tags.team", "%s: %q is not a path", verb, path)
		}
		if !slices.Contains(may.keys(), keys[0]) {
			return wrongUsage("it changes "+strings.Join(may.keys(), ", "), "%s cannot change %q", verb, keys[0])
		}
		var err error
		switch ch.verb {
		case "set":
			err = put(doc, keys, c.value(value))
		case "remove":
			err = remove(doc, append(keys, ch.words[1:]...))
		case "add":
			err = c.add(doc, keys, ch.words[1:], pair, contains(may.maps, keys[0]))
		}
		if err != nil {
			return wrongUsage("", "%s: --%s %s: %w", verb, ch.verb, strings.Join(ch.words, " "), err)
		}
	}
	return nil
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// value reads a value: JSON where it is, text otherwise.
func (c *changes) value(text string) any {
	var v any
	if c.forceString || !json.Valid([]byte(text)) || decodeJSON([]byte(text), &v) != nil {
		return text
	}
	return v
}

// splitKeys cuts "tags.'a.b'" and "list[0].c" into keys. A backslash or quotes
// protect a dot.
func splitKeys(path string) ([]string, bool) {
	var keys []string
	var key strings.Builder
	var quote rune
	escaped := false
	for _, r := range strings.ReplaceAll(strings.ReplaceAll(path, "].", "."), "[", ".") {
		switch {
		case escaped:
			key.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote == 0 && r == '.':
			keys = append(keys, key.String())
			key.Reset()
		case quote == 0 && r == ']':
		default:
			key.WriteRune(r)
		}
	}
	keys = append(keys, key.String())
	return keys, quote == 0 && !slices.Contains(keys, "")
}

// inside finds what holds the last of the keys. Maps that are missing are made
// where grow is set.
func inside(doc map[string]any, keys []string, grow bool) (holder any, err error) {
	holder = doc
	for _, key := range keys[:len(keys)-1] {
		switch h := holder.(type) {
		case map[string]any:
			if h[key] == nil {
				if !grow {
					return nil, fmt.Errorf("there is no %q", key)
				}
				h[key] = map[string]any{}
			}
			holder = h[key]
		case []any:
			i, err := place(h, key)
			if err != nil {
				return nil, err
			}
			holder = h[i]
		default:
			return nil, fmt.Errorf("there is nothing inside of %q", key)
		}
	}
	return holder, nil
}

func place(list []any, key string) (int, error) {
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= len(list) {
		return 0, fmt.Errorf("%q is not a place in a list of %d", key, len(list))
	}
	return i, nil
}

func put(doc map[string]any, keys []string, value any) error {
	holder, err := inside(doc, keys, true)
	if err != nil {
		return err
	}
	last := keys[len(keys)-1]
	switch h := holder.(type) {
	case map[string]any:
		h[last] = value
	case []any:
		i, err := place(h, last)
		if err != nil {
			return err
		}
		h[i] = value
	default:
		return fmt.Errorf("there is no place for %q", last)
	}
	return nil
}

func remove(doc map[string]any, keys []string) error {
	holder, err := inside(doc, keys, false)
	if err != nil {
		return err
	}
	last := keys[len(keys)-1]
	switch h := holder.(type) {
	case map[string]any:
		if _, ok := h[last]; !ok {
			return fmt.Errorf("there is no %q", last)
		}
		delete(h, last)
		return nil
	case []any:
		i, err := place(h, last)
		if err != nil {
			return err
		}
		return put(doc, keys[:len(keys)-1], slices.Delete(h, i, i+1))
	}
	return fmt.Errorf("there is no %q", last)
}

// add puts words into the map or list at a path. Pairs that go into a list
// become one map of it, as in az.
func (c *changes) add(doc map[string]any, keys, words []string, direct, toMap bool) error {
	if direct {
		return put(doc, keys, c.value(words[0]))
	}
	if len(words) == 0 {
		return fmt.Errorf("there is nothing to add")
	}
	holder, err := inside(doc, append(slices.Clone(keys), ""), true)
	if err != nil {
		return err
	}
	pairs := map[string]any{}
	var items []any
	for _, word := range words {
		if key, value, ok := strings.Cut(word, "="); ok && !json.Valid([]byte(word)) {
			pairs[key] = c.value(value)
		} else {
			items = append(items, c.value(word))
		}
	}
	if m, ok := holder.(map[string]any); ok && (toMap || len(m) > 0) {
		if len(items) > 0 {
			return fmt.Errorf("write key=value")
		}
		maps.Copy(m, pairs)
		return nil
	}
	list, _ := holder.([]any)
	list = append(slices.Clone(list), items...)
	if len(pairs) > 0 {
		list = append(list, pairs)
	}
	return put(doc, keys, list)
}
