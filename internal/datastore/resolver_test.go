package datastore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestPublishedFilesShareNothingWithTheStore(t *testing.T) {
	s := localStore(t)
	r, ctx := New(s), t.Context()
	tree, err := s.ImportTree(ctx, made(t, map[string]string{"a": "mine"}), artifact.Move)
	must(t, err)
	must(t, r.Publish(ctx, tree, blobstore+"out"))
	path := filepath.Join(s.Dir(), "datastores", "workspaceblobstore", "out", "a")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // writable, as a file of one's own is
	must(t, err)
	_, err = f.WriteString("yours")
	must(t, errors.Join(err, f.Close()))
	must(t, s.Verify(ctx, tree))
	left, err := os.ReadDir(filepath.Join(s.Dir(), "tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPublishWritesThroughNoLinkAndOverNoFolder(t *testing.T) {
	s := localStore(t)
	r, ctx := New(s), t.Context()
	outside := t.TempDir()
	root := filepath.Join(s.Dir(), "datastores", "workspaceblobstore")
	must(t, os.MkdirAll(filepath.Join(root, "full", "a"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	must(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o644))
	tree, err := s.ImportTree(ctx, made(t, map[string]string{"a": "x"}), artifact.Move)
	must(t, err)
	for at, want := range map[string]string{
		"link": "symbolic link", "link/sub": "symbolic link", "file": "is a file", "file/sub": "is a file", "full": "is a folder",
	} {
		wantFailure(t, r.Publish(ctx, tree, blobstore+at), pipeline.UserFailure, want, filepath.Join(root, strings.TrimSuffix(at, "/sub")))
	}
	if left := contents(t, outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
}

func TestDatastoreMayBeALinkToAnotherPlace(t *testing.T) {
	s := localStore(t)
	r, ctx := New(s), t.Context()
	elsewhere := made(t, map[string]string{"in/x.csv": "1,2"})
	must(t, os.MkdirAll(filepath.Join(s.Dir(), "datastores"), 0o755))
	must(t, os.Symlink(elsewhere, filepath.Join(s.Dir(), "datastores", "workspaceblobstore")))
	a, err := r.Fetch(ctx, blobstore+"in/x.csv", pipeline.URIFile, nil)
	must(t, err)
	must(t, r.Publish(ctx, a, blobstore+"out/y.csv"))
	if diff := cmp.Diff(map[string]string{"in/x.csv": "1,2", "out/y.csv": "1,2"}, contents(t, elsewhere)); diff != "" {
		t.Error(diff)
	}
}

// What rename cannot do, to another disk, is done in two steps.
func TestCopyOver(t *testing.T) {
	dir := made(t, map[string]string{"from": "new", "to/f": "old"})
	must(t, os.Chmod(filepath.Join(dir, "from"), 0o755))
	must(t, copyOver(filepath.Join(dir, "from"), filepath.Join(dir, "to", "f")))
	if diff := cmp.Diff(map[string]string{"f": "new"}, contents(t, filepath.Join(dir, "to"))); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(dir, "to", "f"))
	must(t, err)
	if info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestFetchOfNothing(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		s := localStore(t)
		r := New(s)
		looked := filepath.Join(s.Dir(), "datastores", "workspaceblobstore", "example-data", "x.csv")
		for range 2 { // without and with the datastore's folder
			_, err := r.Fetch(t.Context(), blobstore+"example-data/x.csv", pipeline.URIFile, nil)
			wantFailure(t, err, pipeline.UserFailure, blobstore+"example-data/x.csv", looked, "put the file or folder there")
			must(t, os.MkdirAll(filepath.Dir(filepath.Dir(looked)), 0o755))
		}
		must(t, os.WriteFile(filepath.Dir(looked), nil, 0o644))
		_, err := r.Fetch(t.Context(), blobstore+"example-data/x.csv", pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.UserFailure, looked)
	})
	t.Run("mem", func(t *testing.T) {
		_, err := New(openStore(t, "mem://")).Fetch(t.Context(), blobstore+"x", pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.UserFailure, "datastores/workspaceblobstore/x")
	})
	t.Run("local path", func(t *testing.T) {
		_, err := New(localStore(t)).Fetch(t.Context(), "file:///no/such/file", pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.UserFailure, "file:///no/such/file")
	})
}

func TestLinksOutOfADatastoreAreNotFollowed(t *testing.T) {
	s := localStore(t)
	outside := made(t, map[string]string{"secret": "x"})
	root := filepath.Join(s.Dir(), "datastores", "workspaceblobstore")
	must(t, os.MkdirAll(filepath.Join(root, "dir"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(root, "out")))
	must(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "dir", "f")))
	must(t, os.Symlink("dir", filepath.Join(root, "inside")))
	for _, at := range []string{"out", "out/secret", "dir/f", "dir", "inside", ""} {
		_, err := New(s).Fetch(t.Context(), blobstore+at, pipeline.URIFolder, nil)
		wantFailure(t, err, pipeline.UserFailure, "symbolic link")
	}
}

func TestFetchOfLocalPaths(t *testing.T) {
	s := localStore(t)
	files := map[string]string{"a b.csv": "1", "sub/c": "2"}
	dir := made(t, files)
	tree, err := New(s).Fetch(t.Context(), "file://"+dir, pipeline.URIFolder, nil)
	must(t, err)
	if diff := cmp.Diff(files, staged(t, s, tree)); diff != "" {
		t.Error(diff)
	}
	file, err := New(s).Fetch(t.Context(), "file://"+dir+"/a%20b.csv", pipeline.URIFile, nil)
	must(t, err)
	if diff := cmp.Diff(map[string]string{"a b.csv": "1"}, staged(t, s, file)); diff != "" {
		t.Error(diff)
	}
}
