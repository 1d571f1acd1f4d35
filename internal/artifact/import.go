package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/pipeline"
)

// Transfer says what becomes of the files that are imported.
type Transfer int

const (
	// Copy leaves the files alone. Links at the given path are followed.
	Copy Transfer = iota
	// Move takes the files over where that saves a copy. What is left behind is
	// the caller's to delete, also after an error. Nobody may still have them
	// open for writing.
	Move
)

// Put stores one file from a stream. The artifact has no name.
func (s *Store) Put(ctx context.Context, r io.Reader) (pipeline.Artifact, error) {
	// What fits into a buffer is hashed first and perhaps never written.
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	head, ended, err := readHead(r, *buffer)
	if err != nil {
		return pipeline.Artifact{}, fmt.Errorf("store a stream: %w", err)
	}
	if ended {
		return s.PutBytes(ctx, head)
	}
	c, err := s.backend.stream(ctx, io.MultiReader(bytes.NewReader(head), r))
	if err != nil {
		return pipeline.Artifact{}, fmt.Errorf("store a stream: %w", err)
	}
	return pipeline.Artifact{Digest: c.digest, Size: c.size, Files: 1}, nil
}

// readHead fills a buffer, or reads to the end. (io.ReadFull will not do: it
// reports the end as io.ErrUnexpectedEOF, which is also what a broken download
// reports.)
func readHead(r io.Reader, buffer []byte) (head []byte, ended bool, err error) {
	n := 0
	for n < len(buffer) {
		var more int
		more, err = r.Read(buffer[n:])
		n += more
		if errors.Is(err, io.EOF) {
			return buffer[:n], true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return buffer[:n], false, nil
}

// PutBytes stores one small file. The artifact has no name.
func (s *Store) PutBytes(ctx context.Context, b []byte) (pipeline.Artifact, error) {
	d := hashBytes(b)
	if err := s.backend.put(ctx, d, b); err != nil {
		return pipeline.Artifact{}, fmt.Errorf("store %d bytes: %w", len(b), err)
	}
	return pipeline.Artifact{Digest: d, Size: int64(len(b)), Files: 1}, nil
}

// PutTree stores the manifest of a tree whose files are in the store already.
// It sorts the entries.
func (s *Store) PutTree(ctx context.Context, t Tree) (pipeline.Artifact, error) {
	t.sort()
	if err := t.check(); err != nil {
		return pipeline.Artifact{}, err
	}
	a, err := s.PutBytes(ctx, t.encode())
	if err != nil {
		return pipeline.Artifact{}, err
	}
	return pipeline.Artifact{Digest: a.Digest, Tree: true, Size: t.Size(), Files: t.Files()}, nil
}

// ImportFile stores a file under its base name. With [Move] a symbolic link is
// refused: a program that was to write a file has linked to another one.
func (s *Store) ImportFile(ctx context.Context, path string, how Transfer) (pipeline.Artifact, error) {
	look := os.Stat
	if how == Move {
		look = os.Lstat
	}
	info, err := look(path)
	if err != nil {
		return pipeline.Artifact{}, unreadable(path, err)
	}
	switch {
	case info.IsDir():
		return pipeline.Artifact{}, userMistake("", "%s is a folder; a file is wanted", path)
	case info.Mode()&os.ModeSymlink != 0:
		return pipeline.Artifact{}, userMistake("copy the file instead of linking to it", "%s is a symbolic link", path)
	case !info.Mode().IsRegular():
		return pipeline.Artifact{}, userMistake("", "%s is a %s; a file is wanted", path, kindName(info.Mode()))
	}
	c, err := s.backend.take(ctx, path, how)
	if err != nil {
		return pipeline.Artifact{}, fmt.Errorf("store %s: %w", path, err)
	}
	return pipeline.Artifact{Digest: c.digest, Name: filepath.Base(path), Size: c.size, Files: 1}, nil
}

// ImportTree stores a folder. Symbolic links that lead to a file or folder
// inside it are followed; any other is an error, and so are sockets and the
// like.
func (s *Store) ImportTree(ctx context.Context, dir string, how Transfer) (pipeline.Artifact, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return pipeline.Artifact{}, unreadable(dir, err)
	}
	if !info.IsDir() {
		return pipeline.Artifact{}, userMistake("", "%s is a file; a folder is wanted", dir)
	}
	all, err := walk(dir)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	return s.importAll(ctx, all, how)
}

// ImportFiles stores a snapshot: a tree made of files from anywhere. No files
// give the empty tree.
func (s *Store) ImportFiles(ctx context.Context, files []pipeline.LocalFile) (pipeline.Artifact, error) {
	all := make([]found, len(files))
	for i, f := range files {
		info, err := os.Stat(f.Source)
		if err != nil {
			return pipeline.Artifact{}, unreadable(f.Source, err)
		}
		if !info.Mode().IsRegular() {
			return pipeline.Artifact{}, userMistake("", "%s is not a file", f.Source)
		}
		all[i] = found{path: f.Path, real: f.Source}
	}
	a, err := s.importAll(ctx, all, Copy)
	if err != nil {
		return pipeline.Artifact{}, fmt.Errorf("store a snapshot: %w", err)
	}
	return a, nil
}

// importAll stores every file once, however many names it has: after a move it
// would not be there a second time.
func (s *Store) importAll(ctx context.Context, all []found, how Transfer) (pipeline.Artifact, error) {
	reals := make([]string, 0, len(all))
	for _, f := range all {
		if f.real != "" {
			reals = append(reals, f.real)
		}
	}
	slices.Sort(reals)
	reals = slices.Compact(reals)
	taken, err := s.takeAll(ctx, reals, how)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	t := Tree{Entries: make([]Entry, len(all))}
	for i, f := range all {
		e := Entry{Path: f.path, Mode: EmptyFolder}
		if f.real != "" {
			at, _ := slices.BinarySearch(reals, f.real)
			c := taken[at]
			e.Mode, e.Size, e.Digest = Plain, c.size, c.digest
			if c.executable {
				e.Mode = Executable
			}
		}
		t.Entries[i] = e
	}
	return s.PutTree(ctx, t)
}

func (s *Store) takeAll(ctx context.Context, paths []string, how Transfer) ([]content, error) {
	taken := make([]content, len(paths))
	err := s.each(ctx, len(paths), func(ctx context.Context, i int) error {
		c, err := s.backend.take(ctx, paths[i], how)
		if err != nil {
			return fmt.Errorf("store %s: %w", paths[i], err)
		}
		taken[i] = c
		return nil
	})
	return taken, err
}

// each calls work for 0 to n-1, as many at a time as serve the store best, and
// returns the first error.
func (s *Store) each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	if n == 1 {
		return work(ctx, 0)
	}
	g, inside := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel)
	for i := range n {
		if inside.Err() != nil {
			break
		}
		g.Go(func() error { return work(inside, i) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
