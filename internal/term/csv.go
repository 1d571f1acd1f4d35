package term

import (
	"bytes"
	"encoding/csv"
	"strings"
)

// encodeCSV writes a list of maps as lines under a header: a column for each key
// that holds a scalar somewhere, nothing where there is no value. Data of other
// shapes has one column, "value".
func encodeCSV(data any, order Order) ([]byte, error) {
	list, ok := data.([]any)
	if !ok {
		list = []any{data}
	}
	union := map[string]any{}
	for _, row := range list {
		m, ok := row.(map[string]any)
		if !ok {
			m = map[string]any{"value": row}
		}
		for k, v := range m {
			if isScalar(v) {
				union[k] = v
			}
		}
	}
	header := keys(union, order)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if len(header) > 0 {
		_ = w.Write(header) // to memory, which does not fail
	}
	for _, row := range list {
		m, ok := row.(map[string]any)
		if !ok {
			m = map[string]any{"value": row}
		}
		record := make([]string, len(header))
		for i, k := range header {
			if v := m[k]; v != nil && isScalar(v) {
				record[i] = strings.ToValidUTF8(cell(v, "true", "false"), "\ufffd")
			}
		}
		_ = w.Write(record)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}
