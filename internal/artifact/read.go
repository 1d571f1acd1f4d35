package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace-ml/millrace/pipeline"
)

// Open returns the bytes of a file. Reading ends in [ErrDamaged] instead of
// io.EOF when they are not what the digest says; whoever stops before the end
// has nothing verified.
func (s *Store) Open(ctx context.Context, d pipeline.Digest) (io.ReadCloser, error) {
	if _, err := pipeline.ParseDigest(string(d)); err != nil {
		return nil, err
	}
	r, err := s.backend.open(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return newVerifier(r, d), nil
}

// ReadAll returns the bytes of a file, verified, or an error if there are more
// than limit.
func (s *Store) ReadAll(ctx context.Context, d pipeline.Digest, limit int64) ([]byte, error) {
	r, err := s.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read: blob %s is larger than %d bytes", d, limit)
	}
	return b, nil
}

// Manifest returns the tree of that digest.
func (s *Store) Manifest(ctx context.Context, d pipeline.Digest) (Tree, error) {
	b, err := s.ReadAll(ctx, d, maxManifest)
	if err != nil {
		return Tree{}, err
	}
	t, err := parseManifest(b)
	if err != nil {
		return Tree{}, fmt.Errorf("blob %s: %w", d, err)
	}
	return t, nil
}
