package datastore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

const blobstore = "azureml://datastores/workspaceblobstore/paths/"

func everyStore(t *testing.T, test func(t *testing.T, store *artifact.Store)) {
	t.Run("file", func(t *testing.T) { test(t, openStore(t, "file://"+t.TempDir()+"/store")) })
	t.Run("mem", func(t *testing.T) { test(t, openStore(t, "mem://")) })
	t.Run("s3", func(t *testing.T) { test(t, openStore(t, s3test.Start(t))) })
}

func openStore(t testing.TB, url string) *artifact.Store {
	t.Helper()
	s, err := artifact.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func localStore(t testing.TB) *artifact.Store { return openStore(t, "file://"+t.TempDir()+"/store") }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o755))
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// staged is what an artifact holds; a single file stands under its name.
func staged(t *testing.T, s *artifact.Store, a pipeline.Artifact) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "staged")
	dst := dir
	if !a.Tree {
		dst = filepath.Join(dir, a.Name)
	}
	must(t, s.Stage(t.Context(), a, dst, artifact.Writable))
	return contents(t, dir)
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = string(b)
		return err
	}))
	return found
}

func wantFailure(t *testing.T, err error, kind pipeline.FailureKind, parts ...string) {
	t.Helper()
	var f *pipeline.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error = %v, want a failure", err)
	}
	if f.Kind != kind {
		t.Errorf("%v is of kind %s, want %s", err, f.Kind, kind)
	}
	for _, part := range parts {
		if !strings.Contains(f.Message+"\n"+f.Hint, part) {
			t.Errorf("failure %q, hint %q lacks %q", f.Message, f.Hint, part)
		}
	}
}

func TestWhatIsPublishedCanBeFetched(t *testing.T) {
	everyStore(t, func(t *testing.T, s *artifact.Store) {
		r, ctx := New(s), t.Context()
		files := map[string]string{"a.txt": "alpha", "sub/b.txt": "beta", "a-b.txt": ""}
		tree, err := s.ImportTree(ctx, folder(t, files), artifact.Copy)
		must(t, err)
		file, err := s.ImportFile(ctx, filepath.Join(folder(t, map[string]string{"m.pkl": "model"}), "m.pkl"), artifact.Copy)
		must(t, err)

		for _, uri := range []string{"out/tree", "out/tree/", "tree2/"} {
			must(t, r.Publish(ctx, tree, blobstore+uri))
			for _, slash := range []string{"", "/"} {
				got, err := r.Fetch(ctx, blobstore+strings.TrimSuffix(uri, "/")+slash, pipeline.URIFolder, nil)
				must(t, err)
				if got != tree {
					t.Errorf("%s: fetched %+v, published %+v", uri, got, tree)
				}
			}
		}
		must(t, r.Publish(ctx, file, blobstore+"models/v1.pkl"))
		must(t, r.Publish(ctx, file, blobstore+"models/"))
		must(t, r.Publish(ctx, file, blobstore))
		for _, uri := range []string{"models/v1.pkl", "models/m.pkl", "m.pkl"} {
			got, err := r.Fetch(ctx, blobstore+uri, pipeline.URIFile, nil)
			must(t, err)
			if got.Digest != file.Digest || got.Tree || got.Name != filepath.Base(uri) {
				t.Errorf("%s: fetched %+v", uri, got)
			}
		}
		all, err := r.Fetch(ctx, "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/models", pipeline.URIFolder, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"v1.pkl": "model", "m.pkl": "model"}, staged(t, s, all)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPublishingAgainReplacesFilesAndKeepsOthers(t *testing.T) {
	everyStore(t, func(t *testing.T, s *artifact.Store) {
		r, ctx := New(s), t.Context()
		for _, files := range []map[string]string{{"a": "1", "b": "1"}, {"a": "2", "c/d": "2"}} {
			tree, err := s.ImportTree(ctx, folder(t, files), artifact.Move)
			must(t, err)
			must(t, r.Publish(ctx, tree, blobstore+"out"))
		}
		got, err := r.Fetch(ctx, blobstore+"out", pipeline.URIFolder, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"a": "2", "b": "1", "c/d": "2"}, staged(t, s, got)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPublishedFilesShareNothingWithTheStore(t *testing.T) {
	s := localStore(t)
	r, ctx := New(s), t.Context()
	tree, err := s.ImportTree(ctx, folder(t, map[string]string{"a": "mine"}), artifact.Move)
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
	tree, err := s.ImportTree(ctx, folder(t, map[string]string{"a": "x"}), artifact.Move)
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
	elsewhere := folder(t, map[string]string{"in/x.csv": "1,2"})
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
	dir := folder(t, map[string]string{"from": "new", "to/f": "old"})
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

func TestUnknownDatastoreNamesThoseThatExist(t *testing.T) {
	r := New(localStore(t))
	_, err := r.Fetch(t.Context(), "azureml://datastores/mylake/paths/x", pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.Invalid, `"mylake"`, "workspaceblobstore", "workspacefilestore", "workspaceworkingdirectory", "workspaceartifactstore")
	err = r.Publish(t.Context(), pipeline.Artifact{}, "azureml://datastores/../paths/x")
	wantFailure(t, err, pipeline.Invalid, "workspaceblobstore")
	err = r.Publish(t.Context(), pipeline.Artifact{}, "https://host/x")
	wantFailure(t, err, pipeline.Invalid, "only to datastores")
}

func TestFileWithoutANameNeedsOne(t *testing.T) {
	s := localStore(t)
	a, err := s.PutBytes(t.Context(), []byte("x"))
	must(t, err)
	for _, name := range []string{"", "..", "a/b", "../../x"} {
		a.Name = name
		wantFailure(t, New(s).Publish(t.Context(), a, blobstore+"out/"), pipeline.Invalid, "without a name")
	}
}

func TestLinksOutOfADatastoreAreNotFollowed(t *testing.T) {
	s := localStore(t)
	outside := folder(t, map[string]string{"secret": "x"})
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
	dir := folder(t, files)
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
