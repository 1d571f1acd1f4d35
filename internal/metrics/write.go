package metrics

import (
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
)

// File is where a step's artifacts hold its metrics.
const File = "tracking/metrics.parquet"

// Point is one value that a program has reported.
type Point struct {
	// Run is the run that it belongs to: a program may have several.
	Run   string
	Key   string
	Step  int64
	Time  time.Time
	Value float64
}

// row is a [Point] in the file.
type row struct {
	Run       string  `parquet:"run,dict"`
	Key       string  `parquet:"key,dict"`
	Step      int64   `parquet:"step,delta"`
	Timestamp int64   `parquet:"timestamp,delta,timestamp(millisecond)"`
	Value     float64 `parquet:"value"`
}

// rowGroup is how many points are held in memory before they are written.
const rowGroup = 64 << 10

// Writer writes points as they come, in bounded memory.
type Writer struct {
	out  *parquet.GenericWriter[row]
	rows []row
}

// NewWriter writes a file to w, which is complete once Close has been called.
func NewWriter(w io.Writer) *Writer {
	return &Writer{
		out:  parquet.NewGenericWriter[row](w, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowGroup)),
		rows: make([]row, 0, batch),
	}
}

// batch is how many rows change hands at once.
const batch = 1 << 10

// Write adds points; those of one series stand in the order in which they were
// reported.
func (w *Writer) Write(points ...Point) error {
	for _, p := range points {
		w.rows = append(w.rows, row{p.Run, p.Key, p.Step, p.Time.UnixMilli(), p.Value})
		if len(w.rows) == batch {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) flush() error {
	if _, err := w.out.Write(w.rows); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	w.rows = w.rows[:0]
	return nil
}

// Close writes what is left, and the end of the file. It does not close what the
// file was written to.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.out.Close(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// Write writes a whole file.
func Write(w io.Writer, points []Point) error {
	out := NewWriter(w)
	if err := out.Write(points...); err != nil {
		return err
	}
	return out.Close()
}
