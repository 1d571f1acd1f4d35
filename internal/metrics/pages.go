package metrics

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxPage bounds a page in memory, in bytes. Those that we write are smaller by
// far.
const maxPage = 64 << 20

// checkPages walks over the headers of all pages. They say how long the pages
// are, and whoever reads them makes room for that.
func checkPages(r io.ReaderAt, size int64, file *format.FileMetaData) error {
	for _, group := range file.RowGroups {
		for _, column := range group.Columns {
			m := column.MetaData
			from := m.DataPageOffset
			if m.DictionaryPageOffset > 0 {
				from = min(from, m.DictionaryPageOffset)
			}
			if from < 0 || m.TotalCompressedSize < 0 || from > size || m.TotalCompressedSize > size-from {
				return errNotOurs
			}
			if err := checkColumn(io.NewSectionReader(r, from, m.TotalCompressedSize)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkColumn(section *io.SectionReader) error {
	in := bufio.NewReader(section)
	var protocol thrift.CompactProtocol
	decoder := thrift.NewDecoder(protocol.NewReader(in))
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var header format.PageHeader
		if err := decoder.Decode(&header); err != nil {
			return fmt.Errorf("%w: %w", errNotOurs, err)
		}
		if header.CompressedPageSize < 0 || int64(header.CompressedPageSize) > section.Size() || header.UncompressedPageSize > maxPage ||
			max(header.DictionaryPageHeader.V.NumValues, header.DataPageHeader.V.NumValues, header.DataPageHeaderV2.V.NumValues) > maxPage/8 {
			return errNotOurs
		}
		if _, err := in.Discard(int(header.CompressedPageSize)); err != nil {
			return errNotOurs
		}
	}
}
