package artifact

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// Borrow copies an artifact from another store, but for what is here already.
func (s *Store) Borrow(ctx context.Context, from *Store, a pipeline.Artifact) error {
	if s == from {
		return nil
	}
	if have, err := s.Has(ctx, a); err != nil || have {
		return err
	}
	refs, err := from.files(ctx, a)
	if err == nil {
		err = s.each(ctx, len(refs), func(ctx context.Context, i int) error { return s.borrow(ctx, from, refs[i]) })
	}
	if err == nil && a.Tree {
		// The manifest comes last: a tree that is there is whole.
		var tree Tree
		if tree, err = from.Manifest(ctx, a.Digest); err == nil {
			_, err = s.PutTree(ctx, tree)
		}
	}
	if err != nil {
		return fmt.Errorf("copy %s from another store: %w", a.Digest, err)
	}
	return nil
}

func (s *Store) borrow(ctx context.Context, from *Store, ref blobRef) error {
	if size, err := s.backend.size(ctx, ref.digest); err == nil && size == ref.size {
		return nil
	}
	r, err := from.Open(ctx, ref.digest)
	if err != nil {
		return err
	}
	defer r.Close()
	made, err := s.Put(ctx, r)
	if err == nil && made.Digest != ref.digest {
		err = fmt.Errorf("%w: %s has other content in the store it comes from", ErrDamaged, ref.digest)
	}
	return err
}

// Select is the file or folder at a path below a tree; "" is the tree itself.
// It copies nothing: of a folder only a new manifest is written. Where there is
// nothing at the path, the error is [ErrGone].
func (s *Store) Select(ctx context.Context, a pipeline.Artifact, below string) (pipeline.Artifact, error) {
	below = strings.Trim(path.Clean("/"+below), "/")
	if below == "" {
		return a, nil
	}
	if !a.Tree {
		if below == a.Name {
			return a, nil
		}
		return pipeline.Artifact{}, fmt.Errorf("%s below the file %s: %w", below, a.Name, ErrGone)
	}
	tree, err := s.Manifest(ctx, a.Digest)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	var part Tree
	found := false
	for _, e := range tree.Entries {
		switch rest, inside := strings.CutPrefix(e.Path, below+"/"); {
		case e.Path == below && !e.IsFolder():
			return pipeline.Artifact{Digest: e.Digest, Size: e.Size, Files: 1, Name: path.Base(below)}, nil
		case e.Path == below:
			found = true
		case inside:
			found = true
			e.Path = rest
			part.Entries = append(part.Entries, e)
		}
	}
	if !found {
		return pipeline.Artifact{}, fmt.Errorf("%s in %s: %w", below, a.Digest.Short(), ErrGone)
	}
	return s.PutTree(ctx, part)
}
