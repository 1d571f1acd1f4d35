package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// Recall returns the artifact of a digest of which nothing else is known: a
// tree where the blob is the manifest of one, else a file without a name. Where
// there is no such blob the error is [ErrGone].
func (s *Store) Recall(ctx context.Context, d pipeline.Digest) (pipeline.Artifact, error) {
	if _, err := pipeline.ParseDigest(string(d)); err != nil {
		return pipeline.Artifact{}, err
	}
	size, err := s.backend.size(ctx, d)
	if err != nil {
		return pipeline.Artifact{}, fmt.Errorf("recall: %w", err)
	}
	file := pipeline.Artifact{Digest: d, Size: size, Files: 1}
	if looks, err := s.looksLikeTree(ctx, d); err != nil || !looks || size > maxManifest {
		return file, err
	}
	t, err := s.Manifest(ctx, d)
	if err != nil {
		if errors.Is(err, ErrGone) || errors.Is(err, ErrDamaged) || ctx.Err() != nil {
			return pipeline.Artifact{}, err
		}
		return file, nil // it only begins like one
	}
	return pipeline.Artifact{Digest: d, Tree: true, Size: t.Size(), Files: t.Files()}, nil
}

// looksLikeTree reads as much of a blob as tells whether it may be a manifest.
func (s *Store) looksLikeTree(ctx context.Context, d pipeline.Digest) (bool, error) {
	r, err := s.backend.open(ctx, d)
	if err != nil {
		return false, fmt.Errorf("recall: %w", err)
	}
	head, err := io.ReadAll(io.LimitReader(r, int64(len(manifestHeading))))
	if err = errors.Join(err, r.Close()); err != nil {
		return false, fmt.Errorf("recall: %w", err)
	}
	return strings.HasPrefix(string(head), manifestHeading), nil
}
