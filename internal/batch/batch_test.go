package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

func newStore(t *testing.T) *artifact.Store {
	t.Helper()
	store, err := artifact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// folder puts files into the store: "path" or "path=content".
func folder(t *testing.T, store *artifact.Store, files ...string) pipeline.Artifact {
	t.Helper()
	var tree artifact.Tree
	for _, f := range files {
		path, content, _ := strings.Cut(f, "=")
		a, err := store.PutBytes(t.Context(), []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		tree.Entries = append(tree.Entries, artifact.Entry{Path: path, Mode: artifact.Plain, Size: a.Size, Digest: a.Digest})
	}
	a, err := store.PutTree(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// split cuts a folder, and returns the names of the files of each mini-batch;
// those that are remembered have a star.
func split(t *testing.T, store *artifact.Store, in pipeline.Artifact, p pipeline.Parallel, known *Memory) (*List, []string) {
	t.Helper()
	s, err := Open(t.Context(), store, in, pipeline.URIFolder)
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Split(&p, known)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, b := range l.Batches {
		var names []string
		for _, f := range b.Files {
			names = append(names, s.Tree.Entries[f].Path)
		}
		text := fmt.Sprintf("%d: %s", b.Number, strings.Join(names, " "))
		if b.Known != nil {
			text += "*"
		}
		shown = append(shown, text)
	}
	return l, shown
}

// remembering is what is known when the mini-batches of a list have been run.
func remembering(t *testing.T, store *artifact.Store, l *List) *Memory {
	t.Helper()
	tree, err := store.Manifest(t.Context(), l.Tree)
	if err != nil {
		t.Fatal(err)
	}
	s := &Segment{}
	for _, b := range l.Batches {
		r := Remembered{ID: b.ID, Number: b.Number, Keys: b.Keys}
		for _, f := range b.Files {
			r.Paths = append(r.Paths, tree.Entries[f].Path)
		}
		s.Batches = append(s.Batches, r)
	}
	const key = "0123456789"
	if err := Remember(t.Context(), store, key, s, nil); err != nil {
		t.Fatal(err)
	}
	m, err := Recall(t.Context(), store, key)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFilesAreCutInTheirOrder(t *testing.T) {
	store := newStore(t)
	in := folder(t, store, "a=1", "b=22", "c/d=333", "c/e=4444", "f=5")
	for _, c := range []struct {
		name string
		p    pipeline.Parallel
		want []string
	}{
		{"one by one where the file does not say", pipeline.Parallel{}, []string{"0: a", "1: b", "2: c/d", "3: c/e", "4: f"}},
		{"by number", pipeline.Parallel{Files: 2}, []string{"0: a b", "1: c/d c/e", "2: f"}},
		{"by size", pipeline.Parallel{Bytes: 3}, []string{"0: a b", "1: c/d", "2: c/e", "3: f"}},
		{"all", pipeline.Parallel{Files: 100}, []string{"0: a b c/d c/e f"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := split(t, store, in, c.p, &Memory{})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is unchanged forms the mini-batches that it formed before; the rest is
// cut anew, with numbers of its own.
func TestUnchangedFilesFormTheSameMiniBatches(t *testing.T) {
	store := newStore(t)
	p := pipeline.Parallel{Files: 2}
	l, _ := split(t, store, folder(t, store, "a=1", "b=2", "c=3", "d=4", "e=5"), p, &Memory{})
	known := remembering(t, store, l)
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"nothing has changed", []string{"a=1", "b=2", "c=3", "d=4", "e=5"}, []string{"0: a b*", "1: c d*", "2: e*"}},
		{"files were added", []string{"a=1", "aa=6", "b=2", "c=3", "d=4", "e=5", "f=7", "g=8"}, []string{"0: a b*", "3: aa f", "1: c d*", "2: e*", "4: g"}},
		{"one is another", []string{"a=1", "b=2", "c=changed", "d=4", "e=5"}, []string{"0: a b*", "3: c d", "2: e*"}},
		{"some are gone", []string{"b=2", "c=3", "e=5"}, []string{"3: b c", "2: e*"}},
		{"one has another name", []string{"a=1", "b=2", "c=3", "d=4", "x=5"}, []string{"0: a b*", "1: c d*", "2: x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := split(t, store, folder(t, store, c.files...), p, known)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSeveralJobsAreRemembered(t *testing.T) {
	store, p := newStore(t), pipeline.Parallel{Files: 1}
	first, _ := split(t, store, folder(t, store, "a=1", "b=2"), p, &Memory{})
	remembering(t, store, first)
	second, _ := split(t, store, folder(t, store, "c=3", "d=4"), p, &Memory{})
	known := remembering(t, store, second)
	l, got := split(t, store, folder(t, store, "a=1", "c=3", "e=5"), p, known)
	want := []string{"1: a*", "0: c*", "2: e"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if todo := l.Unknown(); !slices.Equal(todo, []int{2}) {
		t.Errorf("to do are %v", todo)
	}
}

// What a mini-batch made may be gone from the store: it then runs again, and the
// others do not.
func TestMiniBatchesWhoseResultsAreGoneAreForgotten(t *testing.T) {
	const key = "0123456789"
	files := func(digest pipeline.Digest, size int64) []Made {
		return []Made{{Path: "out/x", Size: size, Digest: digest}}
	}
	for _, c := range []struct {
		name string
		// gone is what the segment loses: its rows, or the file of the second.
		rows, file bool
		want       []string
	}{
		{"nothing is", false, false, []string{"0: a*", "1: b*", "2: c*"}},
		{"a file", false, true, []string{"0: a*", "1: b", "2: c*"}},
		{"the rows, which the last has none of", true, false, []string{"0: a", "1: b", "2: c*"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newStore(t)
			in, p := folder(t, store, "a=1", "b=2", "c=3"), pipeline.Parallel{Files: 1}
			l, _ := split(t, store, in, p, &Memory{})
			rows, file := pipeline.NewDigest(make([]byte, 32)), pipeline.NewDigest(make([]byte, 32))
			for _, kept := range []struct {
				gone bool
				text string
				at   *pipeline.Digest
			}{{c.rows, "one\ntwo\n", &rows}, {c.file, "made", &file}} {
				if kept.gone {
					continue
				}
				a, err := store.PutBytes(t.Context(), []byte(kept.text))
				if err != nil {
					t.Fatal(err)
				}
				*kept.at = a.Digest
			}
			s := &Segment{Rows: rows, Batches: []Remembered{
				{ID: l.Batches[0].ID, Number: 0, Paths: []string{"a"}, Length: 4},
				{ID: l.Batches[1].ID, Number: 1, Paths: []string{"b"}, At: 4, Length: 4, Files: files(file, 4)},
				{ID: l.Batches[2].ID, Number: 2, Paths: []string{"c"}, At: 8},
			}}
			if err := Remember(t.Context(), store, key, s, nil); err != nil {
				t.Fatal(err)
			}
			known, err := Recall(t.Context(), store, key)
			if err != nil {
				t.Fatal(err)
			}
			_, got := split(t, store, in, p, known)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTablesNameTheirFiles(t *testing.T) {
	store := newStore(t)
	in := func(table string) pipeline.Artifact {
		return folder(t, store, "MLTable="+table, "x/1.csv=a", "x/2.csv=b", "y/1.csv=c", "y/z/1.txt=d", "top.csv=e")
	}
	for _, c := range []struct {
		name, table string
		want        []string
	}{
		{"a folder", "paths: [{folder: ./x}]", []string{"0: x/1.csv", "1: x/2.csv"}},
		{"a file that is a folder", "paths: [{file: x}, {file: top.csv}]", []string{"0: top.csv", "1: x/1.csv", "2: x/2.csv"}},
		{"a pattern in one folder", "paths: [{pattern: ./*.csv}]", []string{"0: top.csv"}},
		{"a pattern in all", "paths: [{pattern: './**/*.csv'}]", []string{"0: top.csv", "1: x/1.csv", "2: x/2.csv", "3: y/1.csv"}},
		{"some twice", "paths: [{folder: ./x}, {pattern: 'x/?.csv'}]", []string{"0: x/1.csv", "1: x/2.csv"}},
		{"all", "paths: [{folder: ./}]", []string{"0: top.csv", "1: x/1.csv", "2: x/2.csv", "3: y/1.csv", "4: y/z/1.txt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := split(t, store, in(c.table), pipeline.Parallel{}, &Memory{})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilesArePartitionedByTheirPaths(t *testing.T) {
	store := newStore(t)
	table := "paths: [{pattern: '**/*.csv'}]\ntransformations: [extract_columns_from_partition_format: {partition_format: '/{shop}/{brand}/{name}.csv'}]"
	in := folder(t, store, "MLTable="+table, "s1/b1/1.csv=a", "s1/b1/2.csv=b", "s1/b2/1.csv=c", "s2/b1/1.csv=d")
	l, got := split(t, store, in, pipeline.Parallel{PartitionKeys: []string{"brand"}}, &Memory{})
	want := []string{"0: s1/b1/1.csv s1/b1/2.csv s2/b1/1.csv", "1: s1/b2/1.csv"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][2]any{{"brand", "b2"}}, l.Batches[1].Keys); diff != "" {
		t.Error(diff)
	}
}

// Mistakes in a table are the user's, and say what is wrong.
func TestMistakesInTables(t *testing.T) {
	store := newStore(t)
	for _, c := range []struct{ name, table, want string }{
		{"not YAML", "paths: [", "cannot be read"},
		{"an unknown transformation", "paths: [{folder: ./}]\ntransformations: [melt]", "melt"},
		{"data elsewhere", "paths: [{file: 'https://host/x.csv'}]", "not in its own folder"},
		{"above", "paths: [{folder: ../x}]", "not in its own folder"},
		{"no such file", "paths: [{file: y.csv}]", "there is none"},
		{"a path of two kinds", "paths: [{file: a, folder: b}]", "one of file, folder or pattern"},
		{"an unknown kind", "paths: [{glob: a}]", "glob"},
		{"a delta table", "paths: [{folder: ./}]\ntransformations: [read_delta_lake: {version_as_of: 1}]", "read_delta_lake"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), store, folder(t, store, "MLTable="+c.table, "a.csv=1"), pipeline.MLTable)
			failure, ok := errors.AsType[*pipeline.Failure](err)
			if !ok || failure.Kind != pipeline.Invalid || !strings.Contains(failure.Message, c.want) {
				t.Errorf("got %v, want a failure that says %q", err, c.want)
			}
		})
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add([]byte("paths: [{file: ./a.csv}]\ntransformations: [{read_delimited: {delimiter: ','}}, {take: 3}]"))
	f.Add([]byte("paths: [{pattern: '**/[*.csv'}]\ntransformations: [extract_columns_from_partition_format: {partition_format: '{a}/{a}'}]"))
	tree := artifact.Tree{Entries: []artifact.Entry{{Path: "a.csv"}, {Path: "b/c.csv"}}}
	f.Fuzz(func(_ *testing.T, text []byte) {
		table, err := ParseTable(text)
		if err != nil {
			return
		}
		_, _ = table.files(tree)
		_, _ = table.partition()
	})
}

// A list comes back as it was kept.
func TestListsAreKept(t *testing.T) {
	store := newStore(t)
	l, _ := split(t, store, folder(t, store, "a=1", "b=2"), pipeline.Parallel{}, &Memory{})
	d, err := l.Put(context.Background(), store)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Get(t.Context(), store, d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, got); diff != "" {
		t.Error(diff)
	}
}
