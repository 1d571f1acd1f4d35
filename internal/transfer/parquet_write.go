package transfer

import (
	"io"
	"math/big"
	"time"

	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows a row group has.
const rowGroup = 100_000

// rowWriter writes rows to one file.
type rowWriter interface {
	// write takes values as [column.value] makes them.
	write(row []any) error
	Close() error
}

// parquetWriter writes a Parquet file.
type parquetWriter struct {
	columns []column
	out     *parquet.GenericWriter[any]
	batch   []parquet.Row
}

func newParquetWriter(w io.Writer, columns []column) *parquetWriter {
	return &parquetWriter{columns: columns, out: parquet.NewGenericWriter[any](w, schemaOf(columns),
		parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowGroup), parquet.CreatedBy("millrace", "", ""))}
}

// ordered is a group whose fields stand in the order of the table.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

func (o ordered) Fields() []parquet.Field { return o.fields }

func schemaOf(columns []column) *parquet.Schema {
	group := make(parquet.Group, len(columns))
	for _, c := range columns {
		group[c.name] = parquet.Optional(nodeOf(c))
	}
	byName := make(map[string]parquet.Field, len(columns))
	for _, f := range group.Fields() {
		byName[f.Name()] = f
	}
	o := ordered{Group: group}
	for _, c := range columns {
		o.fields = append(o.fields, byName[c.name])
	}
	return parquet.NewSchema("rows", o)
}

func nodeOf(c column) parquet.Node {
	switch c.kind {
	case integers:
		if c.bits == 32 {
			return parquet.Int(32)
		}
		return parquet.Int(64)
	case floats:
		if c.bits == 32 {
			return parquet.Leaf(parquet.FloatType)
		}
		return parquet.Leaf(parquet.DoubleType)
	case booleans:
		return parquet.Leaf(parquet.BooleanType)
	case blobs:
		return parquet.Leaf(parquet.ByteArrayType)
	case instants:
		return parquet.TimestampAdjusted(parquet.Microsecond, true)
	case moments:
		return parquet.TimestampAdjusted(parquet.Microsecond, false)
	case dates:
		return parquet.Date()
	case decimals:
		if c.precision <= shortDecimal {
			return parquet.Decimal(c.scale, c.precision, parquet.Int64Type)
		}
		return parquet.Decimal(c.scale, c.precision, parquet.FixedLenByteArrayType(decimalBytes))
	}
	return parquet.String()
}

const (
	// shortDecimal is the longest decimal that fits into an int64.
	shortDecimal = 18
	// decimalBytes is the length of all longer ones.
	decimalBytes = 16
)

func (p *parquetWriter) write(row []any) error {
	values := make(parquet.Row, len(row))
	for i, v := range row {
		if v == nil {
			values[i] = parquet.NullValue().Level(0, 0, i)
			continue
		}
		values[i] = p.columns[i].parquet(v).Level(0, 1, i)
	}
	if p.batch = append(p.batch, values); len(p.batch) < 1000 {
		return nil
	}
	return p.flush()
}

func (p *parquetWriter) flush() error {
	_, err := p.out.WriteRows(p.batch)
	p.batch = p.batch[:0]
	return err
}

func (p *parquetWriter) Close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.out.Close()
}

// parquet is a value as Parquet has it.
func (c column) parquet(v any) parquet.Value {
	switch x := v.(type) {
	case int64:
		if c.bits == 32 {
			return parquet.Int32Value(int32(x))
		}
		return parquet.Int64Value(x)
	case float64:
		if c.bits == 32 {
			return parquet.FloatValue(float32(x))
		}
		return parquet.DoubleValue(x)
	case bool:
		return parquet.BooleanValue(x)
	case []byte:
		return parquet.ByteArrayValue(x)
	case string:
		return parquet.ByteArrayValue([]byte(x))
	case time.Time:
		if c.kind == dates {
			return parquet.Int32Value(int32(daysOf(x)))
		}
		return parquet.Int64Value(x.UnixMicro())
	case *big.Int:
		if c.precision <= shortDecimal {
			return parquet.Int64Value(x.Int64())
		}
		return parquet.FixedLenByteArrayValue(twosComplement(x))
	}
	return parquet.NullValue()
}

func daysOf(t time.Time) int64 {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return day.Unix() / 86400
}

// twosComplement is a number in decimalBytes bytes, the highest first.
func twosComplement(n *big.Int) []byte {
	b := make([]byte, decimalBytes)
	if n.Sign() >= 0 {
		return n.FillBytes(b)
	}
	return new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes)).FillBytes(b)
}

// fromTwosComplement is the number again.
func fromTwosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}
