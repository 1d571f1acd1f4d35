package metrics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/parquet-go/parquet-go"
)

// errNotOurs says that a file is none that a [Writer] has written.
var errNotOurs = errors.New("it is damaged, or no file of metrics")

// Read yields the points of a file in the order in which they were written. An
// error is the last thing that it yields. The file may come from anywhere.
func Read(r io.ReaderAt, size int64) iter.Seq2[Point, error] {
	return func(yield func(Point, error) bool) {
		stopped := false
		err := read(r, size, func(p Point) bool {
			stopped = !yield(p, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(Point{}, fmt.Errorf("read metrics: %w", err))
		}
	}
}

func read(r io.ReaderAt, size int64, yield func(Point) bool) error {
	if err := check(r, size); err != nil {
		return err
	}
	file, err := guarded(func() (*parquet.File, error) { return open(r, size) })
	if err != nil {
		return err
	}
	words := map[string]string{}
	rows := make([]row, batch)
	for _, group := range file.RowGroups() {
		in, err := guarded(func() (*parquet.GenericReader[row], error) {
			return parquet.NewGenericRowGroupReader[row](group), nil
		})
		if err != nil {
			return err
		}
		for {
			n, err := guarded(func() (int, error) { return in.Read(rows) })
			for _, row := range rows[:n] {
				if !yield(Point{
					Run: once(words, row.Run), Key: once(words, row.Key), Step: row.Step,
					Time: time.UnixMilli(row.Timestamp).UTC(), Value: row.Value,
				}) {
					_, _ = guarded(func() (int, error) { return 0, in.Close() })
					return nil
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if n == 0 {
				return errNotOurs
			}
		}
		_, _ = guarded(func() (int, error) { return 0, in.Close() })
	}
	return nil
}

// open reads what the file says of itself.
func open(r io.ReaderAt, size int64) (*parquet.File, error) {
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if err := checkPages(r, size, file.Metadata()); err != nil {
		return nil, err
	}
	if !parquet.EqualNodes(file.Schema(), parquet.SchemaOf(row{})) {
		return nil, fmt.Errorf("%w: its columns are others", errNotOurs)
	}
	return file, nil
}

// once keeps one copy of a word that stands in many rows.
func once(words map[string]string, word string) string {
	if known, ok := words[word]; ok {
		return known
	}
	words[word] = word
	return word
}

// guarded calls what may panic where a file lies about itself.
func guarded[T any](f func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errNotOurs, p)
		}
	}()
	return f()
}

// check looks at both ends of a file, so that what it says of its length does
// not have anybody make room for more than there is.
func check(r io.ReaderAt, size int64) error {
	const magic, ends = "PAR1", 12
	if size < ends {
		return errNotOurs
	}
	var end [8]byte
	if _, err := r.ReadAt(end[:], size-int64(len(end))); err != nil {
		return err
	}
	if string(end[4:]) != magic || int64(binary.LittleEndian.Uint32(end[:])) > size-ends {
		return errNotOurs
	}
	return nil
}
