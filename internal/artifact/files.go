package artifact

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// files keeps blobs as plain read-only files in a folder, under the same names
// that the fileblob driver gives them.
type files struct {
	dir string
}

const (
	// readOnly is the mode of blobs: a link shares it with the blob.
	readOnly fs.FileMode = 0o444
	// runnable is the mode of the second copy that executable entries are
	// linked to. One file cannot be both, since links share their mode.
	runnable fs.FileMode = 0o555
	// runnableSuffix ends the name of that copy.
	runnableSuffix = ".x"
	// staleAfter is the age at which an unfinished write is a dead one's.
	staleAfter = 24 * time.Hour
)

func openFiles(dir string) (*files, error) {
	f := &files{dir: dir}
	for _, d := range []string{filepath.Join(dir, "blobs"), f.tmp()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	return f, f.sweep(time.Now().Add(-staleAfter))
}

func (f *files) tmp() string { return filepath.Join(f.dir, "tmp") }

// sweep deletes unfinished writes that nobody has touched since.
func (f *files) sweep(since time.Time) error {
	entries, err := os.ReadDir(f.tmp())
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(since) {
			continue // swept by another process, or in use
		}
		if err := os.RemoveAll(filepath.Join(f.tmp(), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) path(d pipeline.Digest) string {
	return filepath.Join(f.dir, filepath.FromSlash(blobKey(d)))
}

func (f *files) size(_ context.Context, d pipeline.Digest) (int64, error) {
	info, err := os.Stat(f.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, gone(d)
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *files) open(_ context.Context, d pipeline.Digest) (io.ReadCloser, error) {
	file, err := os.Open(f.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, gone(d)
	}
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *files) put(_ context.Context, d pipeline.Digest, b []byte) error {
	path := f.path(d)
	if whole(path, int64(len(b))) {
		return nil
	}
	return f.writeWhole(path, b)
}

// whole reports whether a file exists and is as long as it should be.
func whole(path string, size int64) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// writeWhole writes a small file so that it appears complete or not at all.
func (f *files) writeWhole(path string, b []byte) error {
	return f.writeTemp(readOnly, func(temp *os.File) (string, error) {
		_, err := temp.Write(b)
		return path, err
	})
}

// writeTemp lets fill write a new file and say what it shall be called. It is
// renamed there when fill has succeeded; an empty name drops it.
func (f *files) writeTemp(mode fs.FileMode, fill func(*os.File) (path string, err error)) error {
	temp, err := os.OpenFile(filepath.Join(f.tmp(), rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	path, err := fill(temp)
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil && path != "" {
		if err = renameInto(temp.Name(), path); err == nil {
			return nil
		}
	}
	return errors.Join(err, os.Remove(temp.Name()))
}

// renameInto renames a file, making the folder it goes to if need be.
func renameInto(from, to string) error {
	return inFolder(to, func() error { return os.Rename(from, to) })
}

// inFolder does what makes path, and makes the folder it is in when that is
// what was missing. It tries again when somebody removes the folder in between.
func inFolder(path string, do func() error) error {
	const tries = 100
	for try := 1; ; try++ {
		err := do()
		if !errors.Is(err, fs.ErrNotExist) || try == tries {
			return err
		}
		err = os.MkdirAll(filepath.Dir(path), 0o755)
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return err // neither there a moment ago nor gone since
		}
	}
}

func (f *files) stream(ctx context.Context, r io.Reader) (content, error) {
	var c content
	err := f.writeTemp(readOnly, func(temp *os.File) (string, error) {
		var err error
		if c.digest, c.size, err = hashReader(ctx, r, temp); err != nil {
			return "", err
		}
		return f.unlessWhole(c), nil
	})
	return c, err
}

// unlessWhole is the path of a blob, or "" if the store has it already.
func (f *files) unlessWhole(c content) string {
	path := f.path(c.digest)
	if whole(path, c.size) {
		return ""
	}
	return path
}

func (f *files) take(ctx context.Context, path string, how Transfer) (content, error) {
	source, err := os.Open(path)
	if err != nil {
		return content{}, unreadable(path, err)
	}
	defer func() { _ = source.Close() }()
	c, err := hashFile(ctx, source)
	if err != nil {
		return content{}, err
	}
	blob := f.unlessWhole(c)
	if blob == "" {
		return c, nil
	}
	if how == Move && !c.executable && f.move(source, blob) {
		return c, nil
	}
	return f.copyIn(ctx, source, c.executable)
}

// move makes a file the store's own, and reports whether it could. It cannot
// across devices, for a file of another owner (who could go on writing), and
// for one with a second name somewhere (through which anybody could).
//
// The file keeps the name that it had, for as long as the caller does not
// delete it: whoever is interrupted can import all of it again. Only a mode
// that says more than that it can be read would be lost.
func (f *files) move(source *os.File, blob string) bool {
	if !soleOwner(source) || source.Chmod(readOnly) != nil {
		return false
	}
	if inFolder(blob, func() error { return os.Link(source.Name(), blob) }) == nil {
		return true
	}
	// What is there is not whole, or there are no links here.
	return renameInto(source.Name(), blob) == nil
}

// copyIn copies a file and hashes the copy: the original may have changed since
// it was hashed. The kernel shares the blocks where the file system can.
func (f *files) copyIn(ctx context.Context, source *os.File, executable bool) (content, error) {
	c := content{executable: executable}
	err := f.writeTemp(readOnly, func(temp *os.File) (string, error) {
		if _, err := source.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		if err := copyFile(ctx, temp, source); err != nil {
			return "", err
		}
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		var err error
		if c.digest, c.size, err = hashReader(ctx, temp, nil); err != nil {
			return "", err
		}
		return f.unlessWhole(c), nil
	})
	return c, err
}

// copyFile copies to the end in pieces, so that it can be cancelled between.
func copyFile(ctx context.Context, to, from *os.File) error {
	const piece = 64 << 20
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.CopyN(to, from, piece)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// unreadable tells a file that the user has to look after from a disk that
// fails.
func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return userMistake("", "%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return userMistake("make it readable for the user that runs Millrace", "%s may not be read", path)
	}
	return fmt.Errorf("read %s: %w", path, err)
}
