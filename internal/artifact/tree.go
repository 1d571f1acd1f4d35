package artifact

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// The modes that a tree tells apart. Whatever else a file system knows (owner,
// group, time) does not enter, so that equal work gives equal trees.
const (
	Plain      fs.FileMode = 0o644
	Executable fs.FileMode = 0o755
	// EmptyFolder is the mode of an entry that is a folder with nothing in it.
	// Other folders have no entry: the paths of their files imply them.
	EmptyFolder fs.FileMode = fs.ModeDir | 0o755
)

// Limits on the names in a tree: those of the file systems it will be put on.
const (
	maxPath = 4096
	maxName = 255
)

// Tree is the content of a folder: its files and empty folders, sorted as a
// walk meets them, each path once.
type Tree struct {
	Entries []Entry
}

// Entry is a file or an empty folder of a [Tree].
type Entry struct {
	// Path is relative to the folder, with slashes. It is clean: no empty, "."
	// or ".." element. Bytes need not be UTF-8.
	Path string
	// Mode is [Plain], [Executable] or [EmptyFolder].
	Mode fs.FileMode
	// Size is in bytes. Size and Digest are zero for a folder.
	Size   int64
	Digest pipeline.Digest
}

// IsFolder reports whether the entry is an empty folder.
func (e Entry) IsFolder() bool { return e.Mode == EmptyFolder }

// Size is the sum of the sizes of all files, in bytes.
func (t Tree) Size() int64 {
	var n int64
	for _, e := range t.Entries {
		n += e.Size
	}
	return n
}

// Files is the number of files.
func (t Tree) Files() int {
	n := 0
	for _, e := range t.Entries {
		if !e.IsFolder() {
			n++
		}
	}
	return n
}

// sort puts the entries into the order that check asks for.
func (t Tree) sort() {
	slices.SortFunc(t.Entries, func(a, b Entry) int { return comparePaths(a.Path, b.Path) })
}

// comparePaths orders paths as a walk meets them, names by their bytes: what
// is in a folder follows it at once. ("a", "a/b", "a-b": a plain comparison of
// strings would put "a-b" between the first two.)
func comparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

// check makes sure that the tree can be put on disk without leaving its
// folder or writing one path twice.
func (t Tree) check() error {
	var total int64
	for i, e := range t.Entries {
		if err := e.check(); err != nil {
			return err
		}
		if e.Size > math.MaxInt64-total {
			return fmt.Errorf("tree: the sizes of its files add up to too much")
		}
		total += e.Size
		if i == 0 {
			continue
		}
		// Sorted, whatever clashes stands side by side.
		before := t.Entries[i-1].Path
		switch order := comparePaths(before, e.Path); {
		case order == 0:
			return fmt.Errorf("tree: path %q appears twice", e.Path)
		case order > 0:
			return fmt.Errorf("tree: path %q is out of order", e.Path)
		case strings.HasPrefix(e.Path, before) && e.Path[len(before)] == '/':
			return fmt.Errorf("tree: path %q is below %q, which has an entry of its own", e.Path, before)
		}
	}
	return nil
}

func (e Entry) check() error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	switch e.Mode {
	case EmptyFolder:
		if e.Size != 0 || e.Digest != "" {
			return fmt.Errorf("tree: folder %q has content", e.Path)
		}
	case Plain, Executable:
		if e.Size < 0 {
			return fmt.Errorf("tree: file %q has size %d", e.Path, e.Size)
		}
		if _, err := pipeline.ParseDigest(string(e.Digest)); err != nil {
			return fmt.Errorf("tree: file %q: %w", e.Path, err)
		}
	default:
		return fmt.Errorf("tree: %q has mode %v", e.Path, e.Mode)
	}
	return nil
}

// checkPath refuses paths that would lead out of a folder or name it. It is
// stricter than [fs.ValidPath] about NUL and lengths, and takes bytes that are
// not UTF-8, which Linux allows in names.
func checkPath(path string) error {
	if path == "" || len(path) > maxPath {
		return fmt.Errorf("tree: a path of %d bytes", len(path))
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." || len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
			return fmt.Errorf("tree: path %q is not a clean path inside a folder", path)
		}
	}
	return nil
}
