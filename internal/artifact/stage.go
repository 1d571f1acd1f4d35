package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/pipeline"
)

// Present says how staged files may be used.
type Present int

const (
	// Link makes read-only files that share the bytes of the store or of its
	// cache where they can (the same device), and are copies elsewhere.
	Link Present = iota
	// Writable makes copies that may be changed.
	Writable
)

// Stage puts an artifact on this machine, as the file or the folder dst. The
// folders above dst are made; dst itself must not exist, or be an empty folder
// when a tree is staged. Entries are made in sorted order. After an error dst
// may be there in part.
func (s *Store) Stage(ctx context.Context, a pipeline.Artifact, dst string, how Present) error {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return fmt.Errorf("stage %s: %w", dst, err)
	}
	t := Tree{Entries: []Entry{{Mode: Plain, Size: a.Size, Digest: a.Digest}}}
	if a.Tree {
		var err error
		if t, err = s.Manifest(ctx, a.Digest); err != nil {
			return fmt.Errorf("stage %s: %w", dst, err)
		}
		if err := makeFolder(dst); err != nil {
			return fmt.Errorf("stage %s: %w", dst, err)
		}
	} else if _, err := pipeline.ParseDigest(string(a.Digest)); err != nil {
		return fmt.Errorf("stage %s: %w", dst, err)
	}
	if err := s.stageEntries(ctx, t, dst, how); err != nil {
		return fmt.Errorf("stage %s: %w", dst, err)
	}
	return nil
}

func makeFolder(path string) error {
	err := os.Mkdir(path, 0o755)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, listing := os.ReadDir(path)
	if listing != nil {
		return listing
	}
	if len(entries) > 0 {
		return fmt.Errorf("the folder is not empty: %w", fs.ErrExist)
	}
	return nil
}

// stageEntries makes every file in order, here, and leaves it to others to fill
// those that are copied.
func (s *Store) stageEntries(ctx context.Context, t Tree, dst string, how Present) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel)
	bring := func() error { return nil }
	if s.cache != nil && how == Link {
		next, stop := s.cache.ahead(ctx, t.Entries, s.parallel)
		defer stop()
		bring = next
	}
	folder := "" // the last one made
	var making error
	for _, e := range t.Entries {
		if making = ctx.Err(); making != nil {
			break
		}
		path := filepath.Join(dst, filepath.FromSlash(e.Path))
		if making = makeParents(dst, e, &folder); making != nil {
			break
		}
		if e.IsFolder() {
			continue
		}
		if making = bring(); making != nil {
			break
		}
		var file *os.File
		if file, making = s.stageFile(e, path, how); making != nil {
			break
		}
		if file != nil {
			g.Go(func() error {
				err := s.backend.copyTo(ctx, e.Digest, e.Size, file)
				return errors.Join(err, file.Close())
			})
		}
	}
	// What went wrong in a copy is the reason that making saw the end.
	if err := g.Wait(); err != nil {
		return err
	}
	return making
}

// makeParents makes the folders that an entry is in, or is. Sorted entries
// come folder by folder, so that it is enough to remember the last.
func makeParents(dst string, e Entry, last *string) error {
	folder := e.Path
	if !e.IsFolder() {
		folder = folder[:max(0, strings.LastIndexByte(folder, '/'))]
	}
	if folder == *last {
		return nil
	}
	*last = folder
	return os.MkdirAll(filepath.Join(dst, filepath.FromSlash(folder)), 0o755)
}

// stageFile links a file, or makes it and returns it open, to be filled.
func (s *Store) stageFile(e Entry, path string, how Present) (*os.File, error) {
	mode := e.Mode
	if how == Link {
		linked, err := s.backend.link(e.Digest, e.Size, e.Mode == Executable, path)
		if linked || err != nil {
			return nil, err
		}
		mode &^= 0o222
	}
	// Never through a link, or onto a file, that is there already.
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}
