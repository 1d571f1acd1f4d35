package transfer

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetFile reads the rows of a Parquet file whose columns are plain: neither
// lists nor groups.
type parquetFile struct {
	name    string
	handle  *os.File
	file    *parquet.File
	columns []column
	units   []time.Duration // of the columns that are times
	group   int
	rows    parquet.Rows
	over    bool // the row group has no more rows
	batch   []parquet.Row
	at, n   int
	row     []any
}

func openParquet(path, name string) (p *parquetFile, err error) {
	handle, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p = &parquetFile{name: name, handle: handle, batch: make([]parquet.Row, 256)}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	info, err := handle.Stat()
	if err != nil {
		return nil, err
	}
	err = p.guard(func() (err error) {
		p.file, err = parquet.OpenFile(handle, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	})
	if err != nil {
		return nil, wrong("", "%s cannot be read as Parquet: %v", name, err)
	}
	for _, f := range p.file.Schema().Fields() {
		if !f.Leaf() || f.Repeated() {
			return nil, wrong("flatten it, or leave the column out", "the column %q of %s is a list or a group, which no table can hold", f.Name(), name)
		}
		c, unit, ok := columnOf(f)
		if !ok {
			return nil, wrong("cast it, or leave the column out", "the column %q of %s has the type %s, which is not known here", f.Name(), name, f.Type())
		}
		p.columns, p.units = append(p.columns, c), append(p.units, unit)
	}
	p.row = make([]any, len(p.columns))
	return p, nil
}

// guard turns a panic into an error: the library trusts files.
func (p *parquetFile) guard(read func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it is damaged: %v", r)
		}
	}()
	return read()
}

// columnOf is what a column of a Parquet file holds.
func columnOf(f parquet.Field) (c column, unit time.Duration, ok bool) {
	c = column{name: f.Name(), bits: 64}
	physical := f.Type().Kind()
	var logical any
	if l := f.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	unsigned := false
	switch l := logical.(type) {
	case nil:
	case *format.TimestampType:
		if c.kind = moments; l.IsAdjustedToUTC {
			c.kind = instants
		}
		unit = time.Microsecond
		switch l.Unit.Value.(type) {
		case *format.MilliSeconds:
			unit = time.Millisecond
		case *format.NanoSeconds:
			unit = time.Nanosecond
		}
		return c, unit, physical == parquet.Int64
	case *format.DateType:
		c.kind = dates
		return c, 0, physical == parquet.Int32
	case *format.DecimalType:
		c.kind, c.precision, c.scale = decimals, int(l.Precision), int(l.Scale)
		return c, 0, c.precision <= maxPrecision
	case *format.StringType, *format.JsonType, *format.EnumType:
		c.kind = texts
		return c, 0, physical == parquet.ByteArray
	case *format.IntType:
		unsigned = !l.IsSigned
	case *format.NullType:
		c.kind = texts
		return c, 0, true
	default:
		return c, 0, false
	}
	switch physical {
	case parquet.Boolean:
		c.kind = booleans
	case parquet.Int32:
		c.kind, c.bits = integers, 32
		if unsigned {
			c.bits = 64
		}
	case parquet.Int64:
		c.kind = integers
		if unsigned {
			return c, 0, false
		}
	case parquet.Float:
		c.kind, c.bits = floats, 32
	case parquet.Double:
		c.kind = floats
	case parquet.ByteArray, parquet.FixedLenByteArray:
		c.kind = blobs
	default:
		return c, 0, false
	}
	return c, 0, true
}

func (p *parquetFile) header() []column { return p.columns }

func (p *parquetFile) look([]guess) error { return nil }

func (p *parquetFile) next() ([]any, error) {
	for p.at == p.n {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	for i := range p.row {
		p.row[i] = nil
	}
	for _, v := range p.batch[p.at] {
		if i := v.Column(); i >= 0 && i < len(p.row) && !v.IsNull() {
			p.row[i] = p.value(i, v)
		}
	}
	p.at++
	return p.row, nil
}

// fill reads the next rows; io.EOF after the last. A row group is let go of when
// its last rows are not needed any more.
func (p *parquetFile) fill() error {
	p.at, p.n = 0, 0
	err := p.guard(func() error {
		for p.n == 0 {
			if p.over && p.rows != nil {
				_ = p.rows.Close()
				p.rows = nil
			}
			if p.rows == nil {
				groups := p.file.RowGroups()
				if p.group == len(groups) {
					return io.EOF
				}
				p.rows, p.over = groups[p.group].Rows(), false
				p.group++
			}
			n, err := p.rows.ReadRows(p.batch)
			if p.n = n; err != nil {
				if !errors.Is(err, io.EOF) {
					return err
				}
				p.over = true
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return wrong("", "%s cannot be read as Parquet: %v", p.name, err)
	}
	return err
}

// value is a value of a column, as [column.value] has it, or near to it.
func (p *parquetFile) value(i int, v parquet.Value) any {
	switch c := p.columns[i]; c.kind {
	case integers:
		switch {
		case v.Kind() == parquet.Int64:
			return v.Int64()
		case c.bits == 64: // 32 bits without a sign
			return int64(v.Uint32())
		}
		return int64(v.Int32())
	case floats:
		if v.Kind() == parquet.Float {
			return float64(v.Float())
		}
		return v.Double()
	case booleans:
		return v.Boolean()
	case texts:
		return string(v.ByteArray())
	case blobs:
		return append([]byte{}, v.ByteArray()...)
	case instants, moments:
		return timeFrom(v.Int64(), p.units[i])
	case dates:
		return time.Unix(int64(v.Int32())*86400, 0).UTC()
	case decimals:
		return decimalText(digits(v), c.scale)
	}
	return nil
}

func timeFrom(n int64, unit time.Duration) time.Time {
	switch unit {
	case time.Millisecond:
		return time.UnixMilli(n).UTC()
	case time.Microsecond:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC()
}

// digits are those of a decimal, as a whole number.
func digits(v parquet.Value) *big.Int {
	switch v.Kind() {
	case parquet.Int32:
		return big.NewInt(int64(v.Int32()))
	case parquet.Int64:
		return big.NewInt(v.Int64())
	}
	return fromTwosComplement(v.ByteArray())
}

func (p *parquetFile) close() {
	if p.rows != nil {
		_ = p.rows.Close()
	}
	_ = p.handle.Close()
}
