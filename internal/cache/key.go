package cache

import (
	"encoding/hex"
	"fmt"

	"github.com/zeebo/blake3"
)

// Key names a complete description of a step's work: equal keys mean that the
// step would do the same again. It is 64 hexadecimal digits. A [pipeline.Digest]
// names bytes; taking one for the other does not compile.
type Key string

// Ingredient is one labelled line of what a key is made of.
type Ingredient struct {
	// Label says what it is, "input lr"; it is unique among the ingredients.
	Label string `json:"label"`
	// Text is its value, for people to read and compare.
	Text string `json:"text"`
}

// KeyOf hashes the ingredients, in order. Quoting keeps lines apart whatever
// they contain.
func KeyOf(ingredients []Ingredient) Key {
	h := blake3.New()
	for _, i := range ingredients {
		_, _ = fmt.Fprintf(h, "%q %q\n", i.Label, i.Text) // never fails
	}
	return Key(hex.EncodeToString(h.Sum(nil)))
}

// ParseKey checks that text is a well-formed key. Text from a file or the
// network goes through here before it becomes part of a path.
func ParseKey(text string) (Key, error) {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != 32 || hex.EncodeToString(sum) != text {
		return "", fmt.Errorf("cache key %q is not 64 lower-case hexadecimal digits", text)
	}
	return Key(text), nil
}

// Short returns enough of the key for people to tell keys apart.
func (k Key) Short() string { return string(k[:min(12, len(k))]) }

// ChangeKind says how a line differs.
type ChangeKind string

// A line differs in its text, or is on one side only.
const (
	Changed ChangeKind = "changed"
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
)

// Change is an ingredient that differs between two keys.
type Change struct {
	Kind  ChangeKind `json:"kind"`
	Label string     `json:"label"`
	// Old and New are the texts; the one that is not there is empty.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Diff lists the lines in which two lists of ingredients differ: those of the
// later list in its order, then those that only the earlier one has.
func Diff(before, after []Ingredient) []Change {
	was := make(map[string]string, len(before))
	for _, i := range before {
		was[i.Label] = i.Text
	}
	var changes []Change
	kept := make(map[string]bool, len(after))
	for _, i := range after {
		kept[i.Label] = true
		switch text, ok := was[i.Label]; {
		case !ok:
			changes = append(changes, Change{Kind: Added, Label: i.Label, New: i.Text})
		case text != i.Text:
			changes = append(changes, Change{Kind: Changed, Label: i.Label, Old: text, New: i.Text})
		}
	}
	for _, i := range before {
		if !kept[i.Label] {
			changes = append(changes, Change{Kind: Removed, Label: i.Label, Old: i.Text})
		}
	}
	return changes
}
