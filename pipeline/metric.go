package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Metric sums up what a program has reported under one name.
type Metric struct {
	// Last is the value that was reported last.
	Last Number64 `json:"last"`
	// Min and Max are over all values that are numbers; NaN where none is.
	Min Number64 `json:"min"`
	Max Number64 `json:"max"`
	// Count is how often it was reported; Step is the step of the last report.
	Count int64 `json:"count"`
	Step  int64 `json:"step,omitempty"`
}

// Add takes another report in.
func (m Metric) Add(step int64, value float64) Metric {
	v := Number64(value)
	if m.Count == 0 {
		m.Min, m.Max = Number64(math.NaN()), Number64(math.NaN())
	}
	if !math.IsNaN(value) {
		if math.IsNaN(float64(m.Min)) || v < m.Min {
			m.Min = v
		}
		if math.IsNaN(float64(m.Max)) || v > m.Max {
			m.Max = v
		}
	}
	m.Last, m.Step = v, step
	m.Count++
	return m
}

// Best is the least or the greatest value; NaN where no number was reported.
func (m Metric) Best(minimise bool) float64 {
	if minimise {
		return float64(m.Min)
	}
	return float64(m.Max)
}

// Number64 is a float64 whose JSON also has NaN and the infinities, as text, in
// MLflow's spelling.
type Number64 float64

// MarshalJSON writes a number, or "NaN", "Infinity" or "-Infinity".
func (n Number64) MarshalJSON() ([]byte, error) {
	switch f := float64(n); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}

// UnmarshalJSON reads what MarshalJSON writes, and numbers as text.
func (n *Number64) UnmarshalJSON(data []byte) error {
	text := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return fmt.Errorf("%q is not a number", text)
	}
	*n = Number64(f)
	return nil
}
