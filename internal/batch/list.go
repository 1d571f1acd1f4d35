package batch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// List is all mini-batches of a step, in order.
type List struct {
	// Tree is what the mini-batches are made of: the input itself or, of a
	// table, the pieces that it was cut into.
	Tree    pipeline.Digest `json:"tree"`
	Batches []Batch         `json:"batches"`
	// Segments are what is remembered of earlier jobs.
	Segments []pipeline.Digest `json:"segments,omitempty"`
}

// Batch is one mini-batch.
type Batch struct {
	// Number is what the script may call it. It stays the same in later jobs.
	Number int `json:"n"`
	// ID is a hash of what is in it.
	ID string `json:"id"`
	// Items is how many files or rows it has.
	Items int `json:"items"`
	// Files are the positions of its files in the tree.
	Files []int `json:"files,omitempty"`
	// Pack, At and Length say where in the tree a piece of a table stands.
	Pack   string `json:"pack,omitempty"`
	At     int64  `json:"at,omitempty"`
	Length int64  `json:"length,omitempty"`
	// Keys are the names and values of the partition keys, in their order.
	Keys [][2]any `json:"keys,omitempty"`
	// Known says where its result is remembered; nil where it is not.
	Known *Place `json:"known,omitempty"`
}

// Place is a line of a segment.
type Place struct {
	Segment int `json:"segment"`
	Line    int `json:"line"`
}

// Unknown are the positions of the mini-batches whose results are not known.
func (l *List) Unknown() []int {
	var todo []int
	for i := range l.Batches {
		if l.Batches[i].Known == nil {
			todo = append(todo, i)
		}
	}
	return todo
}

// Source is an input that is to be cut.
type Source struct {
	Digest pipeline.Digest
	Tree   artifact.Tree
	// Table is set where the input has an MLTable file.
	Table *Table
	// files are the positions of what belongs to it.
	files []int
}

// Open looks at an input. A mistake in it is a [*pipeline.Failure].
func Open(ctx context.Context, store *artifact.Store, in pipeline.Artifact, kind pipeline.PortType) (*Source, error) {
	s := &Source{Digest: in.Digest}
	if !in.Tree {
		name := cmp.Or(in.Name, "data")
		tree := artifact.Tree{Entries: []artifact.Entry{{Path: name, Mode: artifact.Plain, Size: in.Size, Digest: in.Digest}}}
		folder, err := store.PutTree(ctx, tree)
		if err != nil {
			return nil, err
		}
		s.Digest, s.Tree, s.files = folder.Digest, tree, []int{0}
		return s, nil
	}
	var err error
	if s.Tree, err = store.Manifest(ctx, in.Digest); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.Tree.Entries, func(e artifact.Entry) bool { return e.Path == TableFile })
	if at < 0 {
		if kind == pipeline.MLTable {
			return nil, invalid("give it with `type: uri_folder`, or put a file called MLTable into the folder", "the input is a table, and its folder has no file called MLTable")
		}
		for i, e := range s.Tree.Entries {
			if !e.IsFolder() {
				s.files = append(s.files, i)
			}
		}
		return s, nil
	}
	const most = 1 << 20
	text, err := store.ReadAll(ctx, s.Tree.Entries[at].Digest, most)
	if err != nil {
		return nil, fmt.Errorf("read the MLTable of the input: %w", err)
	}
	if s.Table, err = ParseTable(text); err != nil {
		return nil, err
	}
	s.files, err = s.Table.files(s.Tree)
	return s, err
}

// Tabular reports whether the input is rows, which only the runner can cut.
func (s *Source) Tabular() bool { return s.Table != nil && s.Table.Tabular() }

// identity is the hash of the files of a mini-batch: their content, and the names
// that the script sees.
func (s *Source) identity(files []int) string {
	h := sha256.New()
	for _, f := range files {
		e := s.Tree.Entries[f]
		_, _ = fmt.Fprintf(h, "%q %s\n", e.Path, e.Digest) // never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Split cuts a list of files. Those that formed a mini-batch in an earlier job
// and are unchanged form it again; the rest is cut anew.
func (s *Source) Split(p *pipeline.Parallel, known *Memory) (*List, error) {
	l := &List{Tree: s.Digest, Segments: known.digests}
	groups, err := s.groups(p)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int, len(s.files))
	for _, f := range s.files {
		at[s.Tree.Entries[f].Path] = f
	}
	taken := make(map[int]bool)
	number := 0
	for n, segment := range known.segments {
		for line := range segment.Batches {
			r := &segment.Batches[line]
			files, ok := unchanged(r.Paths, at, taken)
			if !ok || s.identity(files) != r.ID {
				continue
			}
			for _, f := range files {
				taken[f] = true
			}
			number = max(number, r.Number+1)
			l.Batches = append(l.Batches, Batch{Number: r.Number, ID: r.ID, Items: len(files), Files: files, Keys: r.Keys, Known: known.place(Place{n, line})})
		}
	}
	seen := make(map[int]bool, len(l.Batches))
	for i := range l.Batches { // of two segments: numbers are told apart
		for b := &l.Batches[i]; seen[b.Number]; number++ {
			b.Number = number
		}
		seen[l.Batches[i].Number] = true
	}
	for _, g := range groups {
		for _, files := range g.cut(s.Tree, p, taken) {
			l.Batches = append(l.Batches, Batch{Number: number, ID: s.identity(files), Items: len(files), Files: files, Keys: g.keys})
			number++
		}
	}
	slices.SortStableFunc(l.Batches, func(a, b Batch) int { return cmp.Compare(a.Files[0], b.Files[0]) })
	return l, nil
}

// unchanged finds the files of a mini-batch of an earlier job, if all are there
// and none has been taken.
func unchanged(paths []string, at map[string]int, taken map[int]bool) ([]int, bool) {
	files := make([]int, len(paths))
	for i, p := range paths {
		f, ok := at[p]
		if !ok || taken[f] {
			return nil, false
		}
		files[i] = f
	}
	return files, len(files) > 0
}

// group is files that may stand in one mini-batch.
type group struct {
	files []int
	keys  [][2]any
}

// groups are the files by their partition keys, or all.
func (s *Source) groups(p *pipeline.Parallel) ([]group, error) {
	if len(p.PartitionKeys) == 0 {
		return []group{{files: s.files}}, nil
	}
	hint := "give the input an MLTable file, with extract_columns_from_partition_format or with the format of its rows"
	if s.Table == nil {
		return nil, invalid(hint, "partition_keys need a table, and the input is files")
	}
	pattern, err := s.Table.partition()
	if err != nil {
		return nil, err
	}
	if pattern == nil {
		return nil, invalid(hint, "the MLTable does not say where the partition keys %s of a file are", strings.Join(p.PartitionKeys, ", "))
	}
	found := map[string]*group{}
	for _, f := range s.files {
		m := pattern.FindStringSubmatch(s.Tree.Entries[f].Path)
		if m == nil {
			return nil, invalid("", "the path %s is not of the form that the MLTable's partition_format names", s.Tree.Entries[f].Path)
		}
		var keys [][2]any
		for _, k := range p.PartitionKeys {
			i := pattern.SubexpIndex(k)
			if i < 0 {
				return nil, invalid("", "the MLTable's partition_format has no column %s, which partition_keys names", k)
			}
			keys = append(keys, [2]any{k, m[i]})
		}
		name := fmt.Sprintf("%q", keys)
		if found[name] == nil {
			found[name] = &group{keys: keys}
		}
		found[name].files = append(found[name].files, f)
	}
	var all []group
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, *found[name])
	}
	return all, nil
}

// cut makes mini-batches of what is left of a group. A partition that has changed
// is one whole.
func (g group) cut(tree artifact.Tree, p *pipeline.Parallel, taken map[int]bool) (cut [][]int) {
	var left []int
	for _, f := range g.files {
		if !taken[f] {
			left = append(left, f)
		}
	}
	switch {
	case len(left) == 0:
		return nil
	case len(p.PartitionKeys) > 0:
		return [][]int{left}
	case p.Bytes == 0:
		return slices.Collect(slices.Chunk(left, max(1, p.Files)))
	}
	var size int64
	from := 0
	for i, f := range left {
		size += tree.Entries[f].Size
		if size >= p.Bytes {
			cut = append(cut, left[from:i+1])
			from, size = i+1, 0
		}
	}
	if from < len(left) {
		cut = append(cut, left[from:])
	}
	return cut
}

// SplitTable makes the list of the pieces that the runner has cut a table into.
func SplitTable(ctx context.Context, store *artifact.Store, pieces pipeline.Artifact, known *Memory) (*List, error) {
	tree, err := store.Manifest(ctx, pieces.Digest)
	if err != nil {
		return nil, err
	}
	text, err := readEntry(ctx, store, tree, "index.jsonl")
	if err != nil {
		return nil, err
	}
	l := &List{Tree: pieces.Digest, Segments: known.digests}
	at := known.byID()
	used := map[int]bool{}
	number := 0
	var anew []int
	for line := range bytes.Lines(text) {
		var b Batch
		if err := json.Unmarshal(line, &b); err != nil {
			return nil, fmt.Errorf("read the pieces of a table: %w", err)
		}
		numbered := false
		if place, ok := at[b.ID]; ok {
			// The same rows again are a mini-batch of its own.
			if n := known.segments[place.Segment].Batches[place.Line].Number; !used[n] {
				b.Known, b.Number, used[n], numbered = known.place(place), n, true, true
				number = max(number, n+1)
			}
		}
		if !numbered {
			anew = append(anew, len(l.Batches))
		}
		l.Batches = append(l.Batches, b)
	}
	for _, i := range anew {
		l.Batches[i].Number = number
		number++
	}
	return l, nil
}

// maxList bounds what is read of a list, in bytes.
const maxList = 1 << 30

// Put keeps a list.
func (l *List) Put(ctx context.Context, store *artifact.Store) (pipeline.Digest, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("keep the list of mini-batches: %w", err)
	}
	a, err := store.PutBytes(ctx, text)
	return a.Digest, err
}

// Get returns a list that was kept.
func Get(ctx context.Context, store *artifact.Store, d pipeline.Digest) (*List, error) {
	text, err := store.ReadAll(ctx, d, maxList)
	if err != nil {
		return nil, fmt.Errorf("read the list of mini-batches: %w", err)
	}
	l := new(List)
	if err := json.Unmarshal(text, l); err != nil {
		return nil, fmt.Errorf("read the list of mini-batches: %w", err)
	}
	return l, nil
}

var errMissing = errors.New("the runner has not left it")

// readEntry reads a file of a tree.
func readEntry(ctx context.Context, store *artifact.Store, tree artifact.Tree, name string) ([]byte, error) {
	i, ok := slices.BinarySearchFunc(tree.Entries, name, func(e artifact.Entry, name string) int { return cmp.Compare(e.Path, name) })
	if !ok {
		if i = slices.IndexFunc(tree.Entries, func(e artifact.Entry) bool { return e.Path == name }); i < 0 {
			return nil, fmt.Errorf("read %s: %w", name, errMissing)
		}
	}
	return store.ReadAll(ctx, tree.Entries[i].Digest, maxList)
}
