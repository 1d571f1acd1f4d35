package tracking

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/millrace-ml/millrace/pipeline"
)

// number is a float64 that is written as MLflow writes it: NaN and the
// infinities are text.
type number = pipeline.Number64

// integer is an int64 that may be read from text, as protocol buffers write it.
type integer int64

// UnmarshalJSON reads 3, 3.0, 3e2 and "3".
func (i *integer) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "null" || text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, floatErr := strconv.ParseFloat(text, 64)
		if floatErr != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return fmt.Errorf("%q is not a whole number", text)
		}
		n = int64(f)
	}
	*i = integer(n)
	return nil
}

// texts is a list that a query may hold as one text.
type texts []string

// UnmarshalJSON reads "a" and ["a","b"].
func (t *texts) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*t = make(texts, 1)
		return json.Unmarshal(data, &(*t)[0])
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// decode reads JSON as Python writes it: NaN and Infinity may be bare.
func decode(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if _, bad := errors.AsType[*json.SyntaxError](err); bad {
		if quoted := quoteNumbers(data); len(quoted) != len(data) {
			return json.Unmarshal(quoted, into)
		}
	}
	return err
}

// quoteNumbers puts quotation marks around bare NaN, Infinity and -Infinity.
func quoteNumbers(data []byte) []byte {
	out := make([]byte, 0, len(data)+16)
	for i := 0; i < len(data); {
		if data[i] == '"' {
			end := endOfText(data, i)
			out = append(out, data[i:end]...)
			i = end
			continue
		}
		word := ""
		for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(data[i:], []byte(w)) {
				word = w
			}
		}
		if word == "" {
			out = append(out, data[i])
			i++
			continue
		}
		out = append(append(append(out, '"'), word...), '"')
		i += len(word)
	}
	return out
}

// endOfText is where the JSON text ends that begins at a quotation mark.
func endOfText(data []byte, from int) int {
	for i := from + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}
