package yaml

import "unicode/utf8"

// tokenKind is what the scanner finds. Blocks are marked by the scanner, from
// their indentation, so that the parser sees brackets only.
type tokenKind int

const (
	streamEnd tokenKind = iota
	documentStart
	documentEnd
	blockSequenceStart
	blockMappingStart
	blockEnd
	flowSequenceStart
	flowSequenceEnd
	flowMappingStart
	flowMappingEnd
	blockEntry // "- "
	flowEntry  // ","
	keyMark    // stands before a key, written or not
	valueMark  // ":"
	aliasToken
	anchorToken
	tagToken
	scalarToken
	faultToken // the scanner could not go on
)

type token struct {
	kind tokenKind
	// text of a scalar, alias, anchor or tag.
	text string
	// plain scalars have no quotes, and are no blocks.
	plain bool
	line  int
	// column counts characters from 1.
	column int
	width  int
	fault  *Error
}

// String names the token in messages.
func (t token) String() string {
	switch t.kind {
	case streamEnd:
		return "the end of the file"
	case blockEntry, blockSequenceStart:
		return `"-"`
	case flowEntry:
		return `","`
	case flowSequenceEnd:
		return `"]"`
	case flowMappingEnd:
		return `"}"`
	case flowSequenceStart:
		return `"["`
	case flowMappingStart:
		return `"{"`
	case valueMark:
		return `":"`
	case keyMark, blockMappingStart:
		return "a key"
	case documentStart, documentEnd:
		return "the end of the document"
	}
	return "a value"
}

// mark is a place in the text.
type mark struct {
	index  int // in runes
	line   int // from 1
	column int // from 1
}

func clip(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) > most {
		return string([]rune(text)[:most]) + "..."
	}
	return text
}
