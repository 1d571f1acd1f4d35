package transfer

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// kind is what a column holds.
type kind int

const (
	// unknown is found out by looking at values.
	unknown kind = iota
	integers
	floats
	booleans
	texts
	blobs
	// instants are moments in UTC; moments have no time zone.
	instants
	moments
	dates
	decimals
)

var kindNames = map[kind]string{
	integers: "whole numbers", floats: "numbers", booleans: "true or false", texts: "text", blobs: "bytes",
	instants: "times with a zone", moments: "times", dates: "dates", decimals: "decimal numbers",
}

// column is one of a table's.
type column struct {
	name string
	kind kind
	// bits are 32 for the short kinds of numbers, else 64.
	bits int
	// precision and scale are those of decimals.
	precision, scale int
	// declared is what the database calls the type, for people.
	declared string
}

// maxPrecision is that of a decimal of 16 bytes.
const maxPrecision = 38

// value makes what a database, or a file, gave into what the column holds: nil,
// int64, float64, bool, string, []byte, time.Time, or *big.Int for the digits of
// a decimal.
func (c column) value(v any) (any, error) {
	if v == nil {
		return nil, nil //nolint:nilnil // nil is null
	}
	switch c.kind {
	case integers:
		switch x := v.(type) {
		case int64:
			if c.bits == 32 && (x > math.MaxInt32 || x < math.MinInt32) {
				return nil, c.unfit(v)
			}
			return x, nil
		case bool:
			if x {
				return int64(1), nil
			}
			return int64(0), nil
		case float64:
			if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
				return int64(x), nil
			}
		case string:
			if n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64); err == nil {
				return n, nil
			}
		}
	case floats:
		switch x := v.(type) {
		case float64:
			return x, nil
		case int64:
			return float64(x), nil
		case string:
			if f, err := strconv.ParseFloat(strings.TrimSpace(x), 64); err == nil {
				return f, nil
			}
		}
	case booleans:
		switch x := v.(type) {
		case bool:
			return x, nil
		case int64:
			if x == 0 || x == 1 {
				return x == 1, nil
			}
		case string:
			if b, ok := boolOf(x); ok {
				return b, nil
			}
		}
	case texts:
		return textOf(v), nil
	case blobs:
		switch x := v.(type) {
		case []byte:
			return x, nil
		case string:
			return []byte(x), nil
		}
	case instants, moments, dates:
		switch x := v.(type) {
		case time.Time:
			return x, nil
		case string:
			if t, ok := timeOf(x); ok {
				return t, nil
			}
		}
	case decimals:
		return c.decimal(v)
	}
	return nil, c.unfit(v)
}

func (c column) unfit(v any) error {
	text := textOf(v)
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	return wrong("write a query that casts it, or mend the data", "column %q holds %s, and one value is %q", c.name, kindNames[c.kind], strings.ToValidUTF8(text, "?"))
}

// decimal is the number as a whole one of the smallest unit.
func (c column) decimal(v any) (any, error) {
	text := textOf(v)
	if f, ok := v.(float64); ok {
		text = strconv.FormatFloat(f, 'f', c.scale, 64)
	}
	r, ok := new(big.Rat).SetString(strings.TrimSpace(text))
	if !ok || strings.ContainsAny(text, "/eE") && len(text) > 60 {
		return nil, c.unfit(v)
	}
	r.Mul(r, new(big.Rat).SetInt(tenTo(c.scale)))
	if !r.IsInt() || new(big.Int).Abs(r.Num()).Cmp(tenTo(c.precision)) >= 0 {
		return nil, c.unfit(v)
	}
	return new(big.Int).Set(r.Num()), nil
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// decimalText writes the digits of a decimal with its point.
func decimalText(n *big.Int, scale int) string {
	text := new(big.Int).Abs(n).String()
	if scale > 0 {
		if len(text) <= scale {
			text = strings.Repeat("0", scale+1-len(text)) + text
		}
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// The forms in which times are read and written.
const (
	dateForm    = "2006-01-02"
	momentForm  = "2006-01-02 15:04:05.999999"
	instantForm = "2006-01-02T15:04:05.999999Z07:00"
)

var timeForms = []string{
	dateForm, time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04", "2006-01-02T15:04",
}

func timeOf(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func boolOf(text string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "t", "yes":
		return true, true
	case "false", "f", "no":
		return false, true
	}
	return false, false
}

// textOf writes a value as text.
func textOf(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case []byte:
		return string(x)
	case time.Time:
		return x.Format(instantForm)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// text writes a value of the column for a CSV file; null is empty.
func (c column) text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case time.Time:
		switch c.kind {
		case dates:
			return x.Format(dateForm)
		case moments:
			return x.Format(momentForm)
		}
		return x.UTC().Format(instantForm)
	case []byte:
		return hex.EncodeToString(x)
	case *big.Int:
		return decimalText(x, c.scale)
	case bool:
		return strconv.FormatBool(x)
	}
	return textOf(v)
}

// guess finds what a column holds by its values.
type guess struct{ integers, floats, booleans, texts, blobs, dates, moments, instants, all int }

// see takes a value in that a database gave.
func (g *guess) see(v any) {
	if v == nil {
		return
	}
	g.all++
	switch x := v.(type) {
	case int64:
		g.integers++
	case float64:
		g.floats++
	case bool:
		g.booleans++
	case []byte:
		g.blobs++
	case time.Time:
		g.moments++
	case string:
		g.texts++
	default:
		_ = x
		g.texts++
	}
}

// read takes a value in that stands in a CSV file.
func (g *guess) read(text string) {
	if text == "" {
		return
	}
	g.all++
	switch t, isTime := timeOf(text); {
	case wholeNumber(text):
		g.integers++
	case isNumber(text):
		g.floats++
	case isTime && len(text) == len(dateForm):
		g.dates++
	case isTime && (strings.HasSuffix(text, "Z") || zoned(text)):
		g.instants++
	case isTime:
		_ = t
		g.moments++
	default:
		if _, ok := boolOf(text); ok && len(text) > 1 {
			g.booleans++
			return
		}
		g.texts++
	}
}

// wholeNumber tells numbers from codes that begin with a zero.
func wholeNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if len(digits) > 1 && digits[0] == '0' {
		return false
	}
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil && !strings.HasPrefix(text, "+")
}

// mostDigits are those that a float keeps, written in its shortest form.
const mostDigits = 17

func isNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] != '.' || strings.ContainsAny(text, "xX_pP") {
		return false
	}
	if len(strings.Trim(strings.ReplaceAll(digits, ".", ""), "0")) > mostDigits && !strings.ContainsAny(text, "eE") {
		return false // as text it loses nothing
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

func zoned(text string) bool {
	tail := text[max(0, len(text)-6):]
	return strings.ContainsAny(tail, "+") || strings.Count(tail, "-") == 1 && strings.Contains(tail, ":") && strings.IndexByte(tail, '-') < 4
}

// kind is what fits all values.
func (g guess) kind() kind {
	switch g.all {
	case 0:
		return texts
	case g.integers:
		return integers
	case g.integers + g.floats:
		return floats
	case g.booleans:
		return booleans
	case g.blobs, g.blobs + g.texts:
		if g.blobs > 0 {
			return blobs
		}
	case g.dates:
		return dates
	case g.dates + g.moments:
		return moments
	case g.dates + g.moments + g.instants:
		return instants
	}
	return texts
}
