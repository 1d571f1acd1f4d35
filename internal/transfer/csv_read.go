package transfer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strings"
)

// csvFile reads a CSV file with a header. An empty field is null.
type csvFile struct {
	path, name string
	columns    []column
	file       *os.File
	lines      *csv.Reader
	row        []any
}

func openCSV(path, name string) (*csvFile, error) {
	c := &csvFile{path: path, name: name}
	if err := c.rewind(); err != nil {
		return nil, err
	}
	line, err := c.lines.Read()
	if errors.Is(err, io.EOF) {
		c.close()
		return nil, wrong("write a header with the names of the columns", "%s is empty", name)
	}
	if err != nil {
		c.close()
		return nil, c.unreadable(err)
	}
	seen := map[string]bool{}
	for i, head := range line {
		if i == 0 {
			head = strings.TrimPrefix(head, "\ufeff")
		}
		if head == "" || seen[head] {
			c.close()
			return nil, wrong("give each column a name of its own", "the header of %s has the column %q more than once, or without a name", name, head)
		}
		seen[head] = true
		c.columns = append(c.columns, column{name: strings.Clone(head), bits: 64})
	}
	c.row = make([]any, len(c.columns))
	return c, nil
}

func (c *csvFile) rewind() error {
	c.close()
	file, err := os.Open(c.path)
	if err != nil {
		return err
	}
	c.file, c.lines = file, csv.NewReader(bufio.NewReaderSize(file, 1<<18))
	c.lines.ReuseRecord = true
	return nil
}

func (c *csvFile) unreadable(err error) error {
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return wrong("", "%s:%d: %v", c.name, bad.Line, bad.Err)
	}
	return err
}

func (c *csvFile) header() []column { return c.columns }

func (c *csvFile) look(seen []guess) error {
	for {
		line, err := c.lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c.unreadable(err)
		}
		for i, text := range line {
			seen[i].read(text)
		}
	}
	if err := c.rewind(); err != nil {
		return err
	}
	_, err := c.lines.Read()
	return err
}

func (c *csvFile) next() ([]any, error) {
	line, err := c.lines.Read()
	if errors.Is(err, io.EOF) {
		return nil, err
	}
	if err != nil {
		return nil, c.unreadable(err)
	}
	for i, text := range line {
		c.row[i] = nil
		if text != "" {
			c.row[i] = text
		}
	}
	return c.row, nil
}

func (c *csvFile) close() {
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
}
