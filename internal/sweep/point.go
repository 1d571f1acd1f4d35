package sweep

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Point is where a trial is run.
type Point struct {
	// Values are the hyperparameters by name, as a command sees them. Those of
	// branches that were not chosen are missing.
	Values map[string]string
	// At is where the point lies on each axis of the space: of a choice, which
	// of its values; of anything else, the share of the distribution that lies
	// below; [Nowhere] where the axis does not count. It is there for samplers
	// that learn.
	At []float64
}

// Nowhere is the place on an axis that belongs to a branch not chosen.
const Nowhere = -1

// Observation is a point at which a trial was run, and how well it did there.
type Observation struct {
	At []float64
	// Score is the trial's; NaN where it has none: it failed, or it goes on.
	Score float64
}

// FormatFloat writes a number as Python's repr does: the fewest digits that
// are read as the same number, always with a point or an exponent.
func FormatFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case v == 0 && math.Signbit(v):
		return "-0.0"
	case v == 0:
		return "0.0"
	}
	if size := math.Abs(v); size < 1e-4 || size >= 1e16 {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// object writes the values of a chosen branch as a JSON object, which is what
// the choice itself is given: numbers as numbers, the rest as text.
func object(names []string, values map[string]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		writeText(&b, name)
		b.WriteString(": ")
		switch text := values[name]; {
		case text == "True" || text == "False":
			b.WriteString(strings.ToLower(text))
		case json.Valid([]byte(text)) && text != "":
			b.WriteString(text)
		default:
			writeText(&b, text)
		}
	}
	b.WriteByte('}')
	return b.String()
}

func writeText(b *strings.Builder, text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return // text always has a JSON form
	}
	b.Write(quoted)
}
