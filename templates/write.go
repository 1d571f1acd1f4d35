package templates

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// InTheWay is the error for a folder that has files where the template's would
// go. Nothing was written.
type InTheWay struct {
	Dir   string
	Files []string // relative to Dir
}

func (e *InTheWay) Error() string {
	return fmt.Sprintf("there is something already in %s: %s", e.Dir, strings.Join(e.Files, ", "))
}

// Write writes the project into a folder, which is made if need be, and returns
// its files. It writes all of them or none, and replaces nothing: what is in
// the way is an [InTheWay].
func (t Template) Write(dir string) ([]string, error) {
	files, err := t.Files()
	if err != nil {
		return nil, err
	}
	if err := free(dir, files); err != nil {
		return nil, err
	}
	w := &writing{}
	if err := w.write(t, dir); err != nil {
		w.undo()
		return nil, err
	}
	return files, nil
}

// free checks that no file of the project would meet one that is there.
func free(dir string, files []string) error {
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	var taken []string
	for _, file := range files {
		found, err := obstacle(dir, file)
		if err != nil {
			return err
		}
		if found != "" && !slices.Contains(taken, found) {
			taken = append(taken, found)
		}
	}
	if len(taken) > 0 {
		return &InTheWay{Dir: dir, Files: taken}
	}
	return nil
}

// obstacle is the part of the path that is there already and is not a folder to
// write into, or "". A link is an obstacle wherever it leads: what is behind it
// belongs to somebody else.
func obstacle(dir, file string) (string, error) {
	parts := strings.Split(file, "/")
	for i := range parts {
		path := filepath.Join(parts[:i+1]...)
		info, err := os.Lstat(filepath.Join(dir, path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case err != nil:
			return "", err
		case i == len(parts)-1 || !info.IsDir():
			return path, nil
		}
	}
	return "", nil
}

// writing is a project on its way: written whole beside its place, then moved
// there.
type writing struct {
	staging string
	made    []string // what to take back, in the order in which it was made
}

func (w *writing) write(t Template, dir string) error {
	if err := w.makeFolder(filepath.Clean(dir)); err != nil {
		return err
	}
	var err error
	if w.staging, err = os.MkdirTemp(dir, ".millrace-init-*"); err != nil {
		return err
	}
	project, err := fs.Sub(projects, t.Name)
	if err != nil {
		return err
	}
	if err := os.CopyFS(w.staging, project); err != nil {
		return err
	}
	if err := w.move(w.staging, dir); err != nil {
		return err
	}
	return os.RemoveAll(w.staging)
}

// makeFolder makes a folder and those above it.
func (w *writing) makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o777)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
		if err := w.makeFolder(filepath.Dir(dir)); err != nil {
			return err
		}
		return w.makeFolder(dir)
	case err != nil:
		return err
	}
	w.made = append(w.made, dir)
	return nil
}

// move puts what is in one folder into another. The pipeline comes last: a
// project without it does not look like one.
func (w *writing) move(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		return strings.Compare(order(a), order(b))
	})
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			if err := w.moveFolder(source, target); err != nil {
				return err
			}
			continue
		}
		if err := place(source, target); err != nil {
			return err
		}
		w.made = append(w.made, target)
	}
	return nil
}

// place gives a file its place. A link, unlike a move, never replaces what came
// there meanwhile; where the file system has none, a copy does as well.
func place(source, target string) error {
	err := os.Link(source, target)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(target)
	}
	return err
}

func order(e fs.DirEntry) string {
	if e.Name() == "pipeline.yml" {
		return "2"
	}
	return "1"
}

func (w *writing) moveFolder(source, target string) error {
	switch err := os.Mkdir(target, 0o777); {
	case err == nil:
		w.made = append(w.made, target)
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	return w.move(source, target)
}

// undo takes back what was made; folders only where nothing else is in them.
func (w *writing) undo() {
	if w.staging != "" {
		_ = os.RemoveAll(w.staging)
	}
	for _, path := range slices.Backward(w.made) {
		_ = os.Remove(path)
	}
}
