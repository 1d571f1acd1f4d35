package term

import (
	"io"
	"strings"
)

// Table is rows under a header.
type Table struct {
	Header []string
	Rows   [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write draws the table: columns as wide as their widest cell, two spaces
// between them, a line of dashes under the header. A table without a header has
// no dashes either. What stands under a header may come from anywhere, so that
// each cell is made one clean line.
func (t *Table) Write(w io.Writer) error {
	rows := t.Rows
	if t.Header != nil {
		oneLine := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ")
		rows = [][]string{t.Header, nil}
		for _, row := range t.Rows {
			clean := make([]string, len(row))
			for i, cell := range row {
				clean[i] = Clean(oneLine.Replace(cell))
			}
			rows = append(rows, clean)
		}
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(cell))
		}
	}
	if t.Header != nil {
		rule := make([]string, len(widths))
		for i, n := range widths {
			rule[i] = strings.Repeat("-", n)
		}
		rows[1] = rule
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(pad(cell, widths[i]) + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
