package artifact

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// everyStore runs a test against each kind of store that needs no network.
func everyStore(t *testing.T, test func(t *testing.T, s *Store)) {
	everyBareStore(t, test)
	t.Run("cached", func(t *testing.T) { test(t, withCache(t, open(t, "mem://"), t.TempDir(), 1<<30)) })
	t.Run("small cache", func(t *testing.T) { test(t, withCache(t, open(t, s3test.Start(t)), t.TempDir(), 2*bufferSize)) })
}

// everyBareStore leaves out those with a cache, from which what a bucket has
// lost can still be read.
func everyBareStore(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("file", func(t *testing.T) { test(t, open(t, "file://"+t.TempDir()+"/store")) })
	t.Run("mem", func(t *testing.T) { test(t, open(t, "mem://")) })
	t.Run("prefix", func(t *testing.T) { test(t, open(t, "mem://bucket/some/prefix")) })
	t.Run("s3", func(t *testing.T) { test(t, open(t, s3test.Start(t))) })
}

func open(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func withCache(t testing.TB, s *Store, dir string, bound int64) *Store {
	t.Helper()
	with, err := s.WithCache(filepath.Join(dir, "cache"), bound)
	if err != nil {
		t.Fatal(err)
	}
	return with
}

func localStore(t testing.TB) *Store { return open(t, "file://"+t.TempDir()+"/store") }

// folder makes a folder from a listing: a name ending in "/" is an empty
// folder, one ending in "*" is executable, "name -> target" is a link.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o755))
	for name, text := range files {
		link, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(dir, filepath.FromSlash(strings.TrimSuffix(link, "*")))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, path))
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(path, 0o755))
		case strings.HasSuffix(name, "*"):
			must(t, os.WriteFile(path, []byte(text), 0o755))
		default:
			must(t, os.WriteFile(path, []byte(text), 0o644))
		}
	}
	return dir
}

// contents reads a folder back in the notation of [folder], links resolved.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.IsDir() {
			if inside, err := os.ReadDir(path); err != nil || len(inside) > 0 {
				return err
			}
			found[name+"/"] = ""
			return nil
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			t.Errorf("%s is not a regular file", path)
		}
		if info.Mode()&0o100 != 0 {
			name += "*"
		}
		b, err := os.ReadFile(path)
		found[name] = string(b)
		return err
	}))
	return found
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var sample = map[string]string{
	"a.txt":            "alpha",
	"a-b.txt":          "beta",
	"a/deep/er/x.bin":  strings.Repeat("x", 3*bufferSize+17),
	"a/empty.txt":      "",
	"run.sh*":          "#!/bin/sh\n",
	"empty/":           "",
	"odd\nna\\me.txt":  "odd",
	"b\xffytes":        "not UTF-8",
	"same/as/a.txt":    "alpha",
	"same/but-runs.x*": "alpha",
}

func TestTreeComesOutAsItWentIn(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		for _, how := range []Transfer{Copy, Move} {
			for _, present := range []Present{Link, Writable} {
				a, err := s.ImportTree(t.Context(), folder(t, sample), how)
				must(t, err)
				if a.Files != 9 || !a.Tree || a.Name != "" {
					t.Errorf("artifact = %+v, want a tree of 9 files", a)
				}
				dst := filepath.Join(t.TempDir(), "made", "on the way", "out")
				must(t, s.Stage(t.Context(), a, dst, present))
				if diff := cmp.Diff(sample, contents(t, dst)); diff != "" {
					t.Errorf("transfer %v, present %v (-in +out):\n%s", how, present, diff)
				}
				if ok, err := s.Has(t.Context(), a); err != nil || !ok {
					t.Errorf("Has = %v, %v", ok, err)
				}
				must(t, s.Verify(t.Context(), a))
			}
		}
	})
}

func TestFileComesOutAsItWentIn(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		dir := folder(t, map[string]string{"model.pkl": "weights"})
		for _, how := range []Transfer{Copy, Move} {
			a, err := s.ImportFile(t.Context(), filepath.Join(dir, "model.pkl"), how)
			must(t, err)
			want := pipeline.Artifact{Digest: hashBytes([]byte("weights")), Name: "model.pkl", Size: 7, Files: 1}
			if a != want {
				t.Errorf("artifact = %+v, want %+v", a, want)
			}
			dst := filepath.Join(t.TempDir(), "other.pkl")
			must(t, s.Stage(t.Context(), a, dst, Writable))
			if b, err := os.ReadFile(dst); err != nil || string(b) != "weights" {
				t.Errorf("staged %q, %v", b, err)
			}
			f, err := os.OpenFile(dst, os.O_WRONLY|os.O_APPEND, 0)
			must(t, err)
			_, err = f.WriteString("!")
			must(t, errors.Join(err, f.Close()))
			must(t, s.Verify(t.Context(), a)) // a writable copy shares nothing
		}
	})
}

func TestCopyLeavesTheFilesAlone(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		dir := folder(t, sample)
		_, err := s.ImportTree(t.Context(), dir, Copy)
		must(t, err)
		if diff := cmp.Diff(sample, contents(t, dir)); diff != "" {
			t.Errorf("the folder changed:\n%s", diff)
		}
		f, err := os.OpenFile(filepath.Join(dir, "a.txt"), os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString("ALPHA")
		must(t, errors.Join(err, f.Close()))
		r, err := s.ReadAll(t.Context(), hashBytes([]byte("alpha")), 100)
		if err != nil || string(r) != "alpha" {
			t.Errorf("the store has %q, %v", r, err)
		}
	})
}

func TestEqualFoldersHaveEqualDigests(t *testing.T) {
	local, mem := localStore(t), open(t, "mem://")
	one, err := local.ImportTree(t.Context(), folder(t, sample), Move)
	must(t, err)
	two, err := mem.ImportTree(t.Context(), folder(t, sample), Copy)
	must(t, err)
	if one != two {
		t.Errorf("%+v and %+v differ", one, two)
	}
	// A tree that went through a step unchanged is the same tree.
	for _, how := range []Present{Link, Writable} {
		dst := filepath.Join(t.TempDir(), "out")
		must(t, local.Stage(t.Context(), one, dst, how))
		again, err := local.ImportTree(t.Context(), dst, Move)
		must(t, err)
		if again != one {
			t.Errorf("staged as %v and imported again: %+v, was %+v", how, again, one)
		}
	}
}

func TestSnapshotOfFilesFromAnywhere(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		dir := folder(t, map[string]string{"train.py": "print()", "lib/x.py": "x = 1"})
		a, err := s.ImportFiles(t.Context(), []pipeline.LocalFile{
			{Path: "src/x.py", Source: filepath.Join(dir, "lib/x.py")},
			{Path: "again.py", Source: filepath.Join(dir, "lib/x.py")},
			{Path: "main.py", Source: filepath.Join(dir, "train.py")},
		})
		must(t, err)
		dst := filepath.Join(t.TempDir(), "code")
		must(t, os.Mkdir(dst, 0o755)) // an empty folder will do
		must(t, s.Stage(t.Context(), a, dst, Writable))
		want := map[string]string{"src/x.py": "x = 1", "again.py": "x = 1", "main.py": "print()"}
		if diff := cmp.Diff(want, contents(t, dst)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEmptyTree(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		a, err := s.ImportFiles(t.Context(), nil)
		must(t, err)
		b, err := s.ImportTree(t.Context(), t.TempDir(), Move)
		must(t, err)
		if a != b || a.Files != 0 || a.Size != 0 || !a.Tree {
			t.Errorf("empty trees: %+v, %+v", a, b)
		}
		dst := filepath.Join(t.TempDir(), "out")
		must(t, s.Stage(t.Context(), a, dst, Link))
		if got := contents(t, dst); len(got) != 0 {
			t.Errorf("staged %v", got)
		}
	})
}

func TestSnapshotRefusesPathsThatClash(t *testing.T) {
	source := filepath.Join(folder(t, map[string]string{"f": "x"}), "f")
	for name, paths := range map[string][]string{
		"twice":         {"a", "a"},
		"file as dir":   {"a", "a-b", "a/b"},
		"parent":        {"../a"},
		"absolute":      {"/a"},
		"dot":           {"a/./b"},
		"empty element": {"a//b"},
		"nul":           {"a\x00b"},
	} {
		t.Run(name, func(t *testing.T) {
			var files []pipeline.LocalFile
			for _, p := range paths {
				files = append(files, pipeline.LocalFile{Path: p, Source: source})
			}
			if _, err := localStore(t).ImportFiles(t.Context(), files); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestPutStream(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		for _, size := range []int{0, 1, bufferSize - 1, bufferSize, bufferSize + 1, 5*bufferSize + 3} {
			text := bytes.Repeat([]byte("z"), size)
			for range 2 {
				a, err := s.Put(t.Context(), bytes.NewReader(text))
				must(t, err)
				if want := (pipeline.Artifact{Digest: hashBytes(text), Size: int64(size), Files: 1}); a != want {
					t.Errorf("size %d: artifact = %+v, want %+v", size, a, want)
				}
				b, err := s.ReadAll(t.Context(), a.Digest, int64(size))
				if err != nil || !bytes.Equal(b, text) {
					t.Errorf("size %d: read %d bytes, %v", size, len(b), err)
				}
				if _, err := s.ReadAll(t.Context(), a.Digest, int64(size)-1); err == nil {
					t.Errorf("size %d: read past the limit", size)
				}
			}
		}
	})
}

type brokenReader struct {
	left int
	err  error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, r.err
	}
	n := min(r.left, len(p))
	r.left -= n
	return n, nil
}

func TestBrokenStreamLeavesNothing(t *testing.T) {
	s := localStore(t)
	for _, broken := range []error{errors.New("line cut"), io.ErrUnexpectedEOF} {
		for _, left := range []int{0, 10, bufferSize, 10 * bufferSize} {
			if _, err := s.Put(t.Context(), &brokenReader{left, broken}); !errors.Is(err, broken) {
				t.Errorf("%v after %d bytes: error = %v", broken, left, err)
			}
		}
	}
	if left := contents(t, s.Dir()); len(left) != 2 { // blobs/ and tmp/, both empty
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenVerifies(t *testing.T) {
	everyBareStore(t, func(t *testing.T, s *Store) {
		a, err := s.PutBytes(t.Context(), []byte("true"))
		must(t, err)
		must(t, s.Bucket().Delete(t.Context(), blobKey(a.Digest)))
		must(t, s.Bucket().WriteAll(t.Context(), blobKey(a.Digest), []byte("fake"), nil))
		r, err := s.Open(t.Context(), a.Digest)
		must(t, err)
		_, err = io.ReadAll(r)
		must(t, r.Close())
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), string(a.Digest)) {
			t.Errorf("error = %v, want one that names the blob", err)
		}
		if err := s.Verify(t.Context(), a); !errors.Is(err, ErrDamaged) {
			t.Errorf("Verify = %v", err)
		}
		if ok, err := s.Has(t.Context(), a); ok || err != nil {
			t.Errorf("Has = %v, %v after Verify found damage", ok, err)
		}
	})
}

func TestMissingAndTruncatedBlobsCountAsGone(t *testing.T) {
	everyBareStore(t, func(t *testing.T, s *Store) {
		a, err := s.ImportTree(t.Context(), folder(t, sample), Copy)
		must(t, err)
		tree, err := s.Manifest(t.Context(), a.Digest)
		must(t, err)
		victims := []pipeline.Digest{a.Digest, tree.Entries[0].Digest, hashBytes([]byte(sample["a/deep/er/x.bin"]))}
		for _, d := range victims {
			whole, err := s.ReadAll(t.Context(), d, 1<<30)
			must(t, err)
			for _, left := range [][]byte{nil, whole[:len(whole)-1]} {
				must(t, s.Bucket().Delete(t.Context(), blobKey(d)))
				if left != nil {
					must(t, s.Bucket().WriteAll(t.Context(), blobKey(d), left, nil))
				}
				if ok, err := s.Has(t.Context(), a); ok || err != nil {
					t.Errorf("Has = %v, %v with %d of %d bytes of %s", ok, err, len(left), len(whole), d)
				}
				if err := s.Stage(t.Context(), a, filepath.Join(t.TempDir(), "out"), Link); !errors.Is(err, ErrGone) && !errors.Is(err, ErrDamaged) {
					t.Errorf("Stage = %v", err)
				}
				// Importing the same again makes good what was lost.
				again, err := s.ImportTree(t.Context(), folder(t, sample), Copy)
				must(t, err)
				if ok, err := s.Has(t.Context(), again); !ok || err != nil {
					t.Errorf("Has = %v, %v after a second import", ok, err)
				}
			}
		}
	})
}

func TestStageNeverReplaces(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		file, err := s.PutBytes(t.Context(), []byte("new"))
		must(t, err)
		tree, err := s.PutTree(t.Context(), Tree{Entries: []Entry{{Path: "f", Mode: Plain, Size: 3, Digest: file.Digest}}})
		must(t, err)
		dir := folder(t, map[string]string{"f": "old"})
		for _, how := range []Present{Link, Writable} {
			if err := s.Stage(t.Context(), file, filepath.Join(dir, "f"), how); !errors.Is(err, fs.ErrExist) {
				t.Errorf("file: %v", err)
			}
			if err := s.Stage(t.Context(), tree, dir, how); !errors.Is(err, fs.ErrExist) {
				t.Errorf("tree: %v", err)
			}
		}
		if got := contents(t, dir); got["f"] != "old" {
			t.Errorf("the file now says %q", got["f"])
		}
	})
}

func TestOpenRefusesOtherURLs(t *testing.T) {
	for _, url := range []string{"", "store", "ftp://x/y", "file://host/x", "file://./x", "file:///x?metadata=skip", "file:x", "://"} {
		if _, err := Open(t.Context(), url); err == nil {
			t.Errorf("%q was opened", url)
		}
	}
}
