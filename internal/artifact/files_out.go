package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

func (f *files) link(d pipeline.Digest, size int64, executable bool, path string) (bool, error) {
	blob := f.path(d)
	if !whole(blob, size) {
		return false, gone(d)
	}
	if executable {
		var err error
		if blob, err = f.makeRunnable(blob, size); err != nil {
			return false, err
		}
	}
	err := os.Link(blob, path)
	if errors.Is(err, fs.ErrExist) {
		return false, err
	}
	// Another device, no links on this file system, or too many to one file.
	return err == nil, nil
}

// makeRunnable returns the executable copy of a blob, which is made when it is
// first asked for.
func (f *files) makeRunnable(blob string, size int64) (string, error) {
	path := blob + runnableSuffix
	if whole(path, size) {
		return path, nil
	}
	source, err := os.Open(blob)
	if err != nil {
		return "", err
	}
	defer func() { _ = source.Close() }()
	return path, f.writeTemp(runnable, func(temp *os.File) (string, error) {
		return path, copyFile(context.Background(), temp, source)
	})
}

func (f *files) copyTo(ctx context.Context, d pipeline.Digest, size int64, to *os.File) error {
	blob, err := os.Open(f.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return gone(d)
	}
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	info, err := blob.Stat()
	if err != nil {
		return err
	}
	if info.Size() != size {
		return gone(d)
	}
	return copyFile(ctx, to, blob)
}

func (f *files) state(d pipeline.Digest) (string, error) {
	var text strings.Builder
	for _, suffix := range []string{"", runnableSuffix} {
		info, err := os.Lstat(f.path(d) + suffix)
		switch {
		case err == nil:
			fmt.Fprintf(&text, " %d %d", info.Size(), info.ModTime().UnixNano())
		case suffix == "" && errors.Is(err, fs.ErrNotExist):
			text.WriteString(" gone")
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	return text.String(), nil
}

func (f *files) check(ctx context.Context, d pipeline.Digest) error {
	ok, err := f.intact(ctx, d)
	if err != nil || ok {
		return err
	}
	return errors.Join(damaged(d), removeIfThere(f.path(d)+runnableSuffix), removeIfThere(f.path(d)))
}

func (f *files) intact(ctx context.Context, d pipeline.Digest) (bool, error) {
	for _, path := range []string{f.path(d), f.path(d) + runnableSuffix} {
		ok, err := hasContent(ctx, path, d)
		if errors.Is(err, fs.ErrNotExist) {
			if path == f.path(d) {
				return false, gone(d)
			}
			continue
		}
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func hasContent(ctx context.Context, path string, d pipeline.Digest) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	found, _, err := hashReader(ctx, file, nil)
	return found == d, err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
