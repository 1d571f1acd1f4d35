package batch

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// spools give pieces of blobs, which the store gives from their beginning only.
// The blobs that were asked for last are kept as files.
type spools struct {
	store *artifact.Store
	dir   string
	open  []spool // the last one used stands last
}

type spool struct {
	digest pipeline.Digest
	file   *os.File
}

// mostSpools is more than are in use at a time: the rows of one chunk, and those
// of some earlier jobs.
const mostSpools = maxSegments + 4

func newSpools(store *artifact.Store) *spools { return &spools{store: store} }

// copy copies a piece of a blob.
func (s *spools) copy(ctx context.Context, to io.Writer, d pipeline.Digest, at, length int64) error {
	if length == 0 {
		return nil
	}
	file, err := s.get(ctx, d)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, io.NewSectionReader(file, at, length))
	if err == nil && n < length {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (s *spools) get(ctx context.Context, d pipeline.Digest) (*os.File, error) {
	for i, o := range s.open {
		if o.digest == d {
			s.open = append(append(s.open[:i:i], s.open[i+1:]...), o)
			return o.file, nil
		}
	}
	if s.dir == "" {
		dir, err := s.store.MkdirTemp()
		if err != nil {
			return nil, err
		}
		s.dir = dir
	}
	r, err := s.store.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	file, err := os.Create(filepath.Join(s.dir, "rows"))
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // it goes when it is closed
	if _, err := io.Copy(file, r); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if len(s.open) == mostSpools {
		s.open[0].file.Close()
		s.open = s.open[1:]
	}
	s.open = append(s.open, spool{d, file})
	return file, nil
}

func (s *spools) close() {
	for _, o := range s.open {
		o.file.Close()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}
