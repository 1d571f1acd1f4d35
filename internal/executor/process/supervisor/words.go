package supervisor

import (
	"strconv"
	"strings"
)

// What worker and supervisor tell each other are lines of quoted words: any
// bytes pass through them, people can read them, and encoding/json, which is
// initialised only after a hundred other packages, is not needed for it.

// line puts words into a line. None of them can break it.
func line(words ...string) []byte {
	var b []byte
	for i, word := range words {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendQuote(b, word)
	}
	return append(b, '\n')
}

// parse takes a line apart. One that is not whole is none.
func parse(text string) ([]string, bool) {
	text, whole := strings.CutSuffix(text, "\n")
	var words []string
	for whole && text != "" {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, false
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, false
		}
		words = append(words, word)
		text = strings.TrimPrefix(text[len(quoted):], " ")
	}
	return words, whole && len(words) > 0
}

// fields takes values out of words, one after the other. After the first that
// is missing or is not what it should be, all are zero.
type fields struct {
	words []string
	bad   bool
}

func (f *fields) text() string {
	if f.bad || len(f.words) == 0 {
		f.bad = true
		return ""
	}
	word := f.words[0]
	f.words = f.words[1:]
	return word
}

func (f *fields) number() int64 {
	n, err := strconv.ParseInt(f.text(), 10, 64)
	if err != nil {
		f.bad = true
		return 0
	}
	return n
}

// list is a number of texts, said before them.
func (f *fields) list() []string {
	n := f.number()
	if f.bad || n < 0 || n > int64(len(f.words)) {
		f.bad = true
		return nil
	}
	all := f.words[:n:n]
	f.words = f.words[n:]
	return all
}

func number[N ~int | ~int64 | ~uintptr](n N) string { return strconv.FormatInt(int64(n), 10) }
