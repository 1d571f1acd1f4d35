package artifact

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// recordMode lets every user of a shared folder read records.
const recordMode fs.FileMode = 0o644

func (f *files) record(key string) string { return filepath.Join(f.dir, filepath.FromSlash(key)) }

func (f *files) write(_ context.Context, key string, b []byte) error {
	return f.writeTemp(recordMode, func(temp *os.File) (string, error) {
		_, err := temp.Write(b)
		return f.record(key), err
	})
}

// create writes a temporary file and links it to its name, which exactly one
// of many processes can do. (The file driver's own "if not exist" looks first
// and writes then; two can pass.)
func (f *files) create(_ context.Context, key string, b []byte) (bool, error) {
	created := false
	err := f.writeTemp(recordMode, func(temp *os.File) (string, error) {
		if _, err := temp.Write(b); err != nil {
			return "", err
		}
		path := f.record(key)
		err := inFolder(path, func() error { return os.Link(temp.Name(), path) })
		created = err == nil
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
		return "", err // the temporary name has served
	})
	return created, err
}

// list reads names only. (The file driver also looks at every file, and fails
// if one has been deleted since.)
func (f *files) list(_ context.Context, prefix string) ([]string, error) {
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	var keys []string
	err := filepath.WalkDir(f.record(folder), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		if key := filepath.ToSlash(relative); !d.IsDir() && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// remove also removes the folder when it was the last record in it.
func (f *files) remove(_ context.Context, key string) error {
	path := f.record(key)
	if err := removeIfThere(path); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(path)) // fails, rightly, while others are there
	return nil
}
