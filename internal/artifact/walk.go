package artifact

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxEntries bounds what links to folders can multiply a tree to.
const maxEntries = 4_000_000

// found is a file or an empty folder that a walk has met.
type found struct {
	// path is where it stands in the tree, with slashes.
	path string
	// real is the file with the content: that at path or, where a symbolic link
	// was followed, the one it led to. Empty for a folder.
	real string
}

// walker lists a folder. Symbolic links are followed if they stay inside: the
// tree then holds the content they lead to, under the names they lead from.
type walker struct {
	// root is the folder with no symbolic link left in it; it is worked out
	// when the first link is met.
	root  string
	dir   string
	found []found
}

// walk lists the files and empty folders in dir.
func walk(dir string) ([]found, error) {
	w := &walker{dir: dir}
	if err := w.folder(dir, "", nil); err != nil {
		return nil, err
	}
	return w.found, nil
}

// folder lists one folder. The folders that it is in, itself left out, are in
// above: the way they are reached through links, so that a link back to one of
// them is noticed.
func (w *walker) folder(dir, path string, above []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return unreadable(dir, err)
	}
	if len(entries) == 0 && path != "" {
		return w.add(found{path: path})
	}
	inside := append(slices.Clip(above), dir)
	for _, e := range entries {
		full, below := filepath.Join(dir, e.Name()), e.Name()
		if path != "" {
			below = path + "/" + below
		}
		if err := w.entry(e.Type(), full, below, inside); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) entry(kind fs.FileMode, full, path string, inside []string) error {
	switch {
	case kind.IsRegular():
		return w.add(found{path: path, real: full})
	case kind.IsDir():
		return w.folder(full, path, inside)
	case kind&fs.ModeSymlink != 0:
		return w.link(full, path, inside)
	}
	return userMistake("delete it before the program ends, or write it elsewhere",
		"%s is a %s; only files and folders can be stored", full, kindName(kind))
}

func (w *walker) add(f found) error {
	if err := checkPath(f.path); err != nil {
		return userMistake("", "%s: %v", w.dir, err)
	}
	if len(w.found) == maxEntries {
		return userMistake("pack the files into an archive", "%s holds more than %d files", w.dir, maxEntries)
	}
	w.found = append(w.found, f)
	return nil
}

func (w *walker) link(full, path string, inside []string) error {
	const hint = "copy the file instead of linking to it"
	text, _ := os.Readlink(full)
	target, err := filepath.EvalSymlinks(full)
	if err != nil {
		return userMistake(hint, "%s is a symbolic link to %q, which leads nowhere", full, text)
	}
	if w.root == "" {
		if w.root, err = filepath.EvalSymlinks(w.dir); err != nil {
			return unreadable(w.dir, err)
		}
	}
	relative, err := filepath.Rel(w.root, target)
	if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
		return userMistake(hint, "%s is a symbolic link to %q, outside the folder %s", full, text, w.dir)
	}
	// Spelled as the walk spells it, so that both names are seen to be one file.
	target = filepath.Join(w.dir, relative)
	info, err := os.Stat(target)
	if err != nil {
		return unreadable(target, err)
	}
	if info.IsDir() && slices.Contains(inside, target) {
		return userMistake(hint, "%s is a symbolic link to %q, a folder that it is in", full, text)
	}
	return w.entry(info.Mode().Type(), target, path, inside)
}

func kindName(kind fs.FileMode) string {
	switch {
	case kind&fs.ModeSocket != 0:
		return "socket"
	case kind&fs.ModeNamedPipe != 0:
		return "named pipe"
	case kind&fs.ModeDevice != 0:
		return "device"
	}
	return fmt.Sprintf("special file (%v)", kind)
}
