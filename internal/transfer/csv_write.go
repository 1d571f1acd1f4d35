package transfer

import (
	"encoding/csv"
	"io"
)

// csvWriter writes a CSV file with a header. Null is an empty field.
type csvWriter struct {
	columns []column
	out     *csv.Writer
	line    []string
}

func newCSVWriter(w io.Writer, columns []column) (*csvWriter, error) {
	c := &csvWriter{columns: columns, out: csv.NewWriter(w), line: make([]string, len(columns))}
	for i, col := range columns {
		c.line[i] = col.name
	}
	return c, c.out.Write(c.line)
}

func (c *csvWriter) write(row []any) error {
	for i, v := range row {
		c.line[i] = c.columns[i].text(v)
	}
	return c.out.Write(c.line)
}

func (c *csvWriter) Close() error {
	c.out.Flush()
	return c.out.Error()
}
