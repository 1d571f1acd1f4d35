package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// parts are the files that the rows of one reader go to.
type parts struct {
	*importing
	span
	columns []column
	// held are the first rows, while what a column holds is not known.
	held  [][]any
	ready bool
	file  *os.File
	to    *bufio.Writer
	out   rowWriter
	rows  int
	made  int
	row   []any
}

// add takes a row as the database gave it. It keeps nothing of it.
func (p *parts) add(values []any) error {
	if !p.ready {
		if slices.ContainsFunc(p.columns, func(c column) bool { return c.kind == unknown }) && len(p.held) < looked {
			p.held = append(p.held, slices.Clone(values))
			return nil
		}
		if err := p.begin(); err != nil {
			return err
		}
	}
	return p.write(values)
}

// begin finds what the columns hold, and writes the rows that were held back.
func (p *parts) begin() error {
	p.ready = true
	for i := range p.columns {
		if p.columns[i].kind != unknown {
			continue
		}
		p.columns[i].kind = guessed(p.held, i)
	}
	p.row = make([]any, len(p.columns))
	for _, row := range p.held {
		if err := p.write(row); err != nil {
			return err
		}
	}
	p.held = nil
	return nil
}

// guessed is what a column of some rows holds.
func guessed(rows [][]any, i int) kind {
	var g guess
	for _, row := range rows {
		g.see(row[i])
	}
	return g.kind()
}

func (p *parts) write(values []any) error {
	if p.out == nil || p.rows == partRows && !p.single {
		if err := p.next(); err != nil {
			return err
		}
	}
	for i, v := range values {
		made, err := p.columns[i].value(v)
		if err != nil {
			return err
		}
		p.row[i] = made
	}
	p.rows++
	return p.out.write(p.row)
}

// next begins the next file.
func (p *parts) next() error {
	if err := p.finish(); err != nil {
		return err
	}
	name := fmt.Sprintf("part-%05d", p.part)
	if p.made > 0 {
		name += fmt.Sprintf("-%03d", p.made)
	}
	p.made++
	file, err := os.Create(filepath.Join(p.dir, name+"."+p.form))
	if err != nil {
		return err
	}
	p.file, p.to, p.rows = file, bufio.NewWriterSize(file, 1<<20), 0
	if p.form == "csv" {
		p.out, err = newCSVWriter(p.to, p.columns)
		return err
	}
	p.out = newParquetWriter(p.to, p.columns)
	return nil
}

func (p *parts) finish() error {
	if p.file == nil {
		return nil
	}
	err := errors.Join(p.out.Close(), p.to.Flush(), p.file.Close())
	p.file, p.out = nil, nil
	return err
}

// close ends the last file. Where there was no row it is one with none.
func (p *parts) close() error {
	if !p.ready {
		if err := p.begin(); err != nil {
			return err
		}
	}
	if p.made == 0 {
		if err := p.next(); err != nil {
			return err
		}
	}
	return p.finish()
}
