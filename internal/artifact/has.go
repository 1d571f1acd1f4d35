package artifact

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/millrace-ml/millrace/pipeline"
)

// blobRef is a blob and the size it should have.
type blobRef struct {
	digest pipeline.Digest
	size   int64
}

// Has reports whether the store holds the whole of an artifact: for a tree its
// manifest and the blob of every entry, each of the right size. It does not
// read the content of files; [Store.Verify] does.
func (s *Store) Has(ctx context.Context, a pipeline.Artifact) (bool, error) {
	refs, err := s.files(ctx, a)
	if errors.Is(err, ErrGone) || errors.Is(err, ErrDamaged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if a.Tree && s.cache != nil {
		// The manifest may have been read from the cache.
		size, err := s.cache.manifestSize(ctx, a.Digest)
		if err != nil {
			return false, fmt.Errorf("look for %s: %w", a.Digest, err)
		}
		refs = append(refs, blobRef{a.Digest, size})
	}
	err = s.each(ctx, len(refs), func(ctx context.Context, i int) error {
		size, err := s.backend.size(ctx, refs[i].digest)
		if err == nil && size != refs[i].size {
			err = gone(refs[i].digest)
		}
		return err
	})
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", a.Digest, err)
	}
	return true, nil
}

// Missing tells which of many files the store does not hold, or not with their
// sizes. Like [Store.Has] it reads none of them.
func (s *Store) Missing(ctx context.Context, files map[pipeline.Digest]int64) (map[pipeline.Digest]bool, error) {
	refs := make([]blobRef, 0, len(files))
	for d, size := range files {
		refs = append(refs, blobRef{d, size})
	}
	var mu sync.Mutex
	missing := make(map[pipeline.Digest]bool)
	err := s.each(ctx, len(refs), func(ctx context.Context, i int) error {
		size, err := s.backend.size(ctx, refs[i].digest)
		if err != nil && !errors.Is(err, ErrGone) {
			return fmt.Errorf("look for %s: %w", refs[i].digest, err)
		}
		if err != nil || size != refs[i].size {
			mu.Lock()
			missing[refs[i].digest] = true
			mu.Unlock()
		}
		return nil
	})
	return missing, err
}

// files lists the blobs with an artifact's file contents, each once.
func (s *Store) files(ctx context.Context, a pipeline.Artifact) ([]blobRef, error) {
	if !a.Tree {
		if _, err := pipeline.ParseDigest(string(a.Digest)); err != nil {
			return nil, err
		}
		return []blobRef{{a.Digest, a.Size}}, nil
	}
	t, err := s.Manifest(ctx, a.Digest)
	if err != nil {
		return nil, err
	}
	refs := make([]blobRef, 0, len(t.Entries))
	seen := make(map[pipeline.Digest]bool, len(t.Entries))
	for _, e := range t.Entries {
		if !e.IsFolder() && !seen[e.Digest] {
			seen[e.Digest] = true
			refs = append(refs, blobRef{e.Digest, e.Size})
		}
	}
	return refs, nil
}

// Verify reads every blob of an artifact and drops those whose content is not
// what their digest says, so that they count as gone. It returns [ErrDamaged],
// naming them, if there were any, and [ErrGone] for a blob that is missing.
func (s *Store) Verify(ctx context.Context, a pipeline.Artifact) error {
	if a.Tree {
		// The manifest first: a damaged one does not say which blobs to read.
		if err := s.verify(ctx, a.Digest); err != nil {
			return err
		}
	}
	refs, err := s.files(ctx, a)
	if err != nil {
		return err
	}
	problems := make([]error, len(refs)+1)
	problems[len(refs)] = s.each(ctx, len(refs), func(ctx context.Context, i int) error {
		err := s.verify(ctx, refs[i].digest)
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrGone) {
			problems[i], err = err, nil // look at the others too
		}
		return err
	})
	return errors.Join(problems...)
}

func (s *Store) verify(ctx context.Context, d pipeline.Digest) error {
	if err := s.backend.check(ctx, d); err != nil {
		return fmt.Errorf("verify %s: %w", d, err)
	}
	return nil
}

// Fingerprint is the outward state of an artifact's blobs. Two that are equal
// mean that nobody wrote to them in between.
type Fingerprint string

// Fingerprint looks at the blobs that [Store.Stage] links to, without reading
// them: taken before and after a program ran, it tells whether the program has
// written through a link. [Store.Verify] then finds out where. A store that is
// neither local nor has a cache gives no links; its fingerprints are all equal.
func (s *Store) Fingerprint(ctx context.Context, a pipeline.Artifact) (Fingerprint, error) {
	if s.dir == "" && s.cache == nil {
		return "", nil
	}
	refs, err := s.files(ctx, a)
	if err != nil {
		return "", err
	}
	slices.SortFunc(refs, func(a, b blobRef) int {
		if a.digest < b.digest {
			return -1
		}
		return 1
	})
	h := blake3.New()
	for _, ref := range refs {
		state, err := s.backend.state(ref.digest)
		if err != nil {
			return "", fmt.Errorf("look at %s: %w", ref.digest, err)
		}
		_, _ = io.WriteString(h, string(ref.digest)+state+"\n") // never fails
	}
	return Fingerprint(hex.EncodeToString(h.Sum(nil))), nil
}
