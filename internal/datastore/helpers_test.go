package datastore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

const blobstore = "azureml://datastores/workspaceblobstore/paths/"

// mine is a datastore that a test made.
const mine = "azureml://datastores/mine/paths/"

func everyStore(t *testing.T, test func(t *testing.T, store *artifact.Store)) {
	t.Run("file", func(t *testing.T) { test(t, localStore(t)) })
	t.Run("mem", func(t *testing.T) { test(t, openStore(t, "mem://")) })
	t.Run("s3", func(t *testing.T) { test(t, openStore(t, s3test.Start(t))) })
}

// world is a store, and a datastore whose addresses begin with root.
type world struct {
	*Resolver
	store *artifact.Store
	root  string
}

// everywhere runs a test for every kind of datastore on every kind of store.
func everywhere(t *testing.T, test func(t *testing.T, w world)) {
	everyStore(t, func(t *testing.T, s *artifact.Store) {
		t.Run("fixed", func(t *testing.T) { test(t, world{New(s), s, blobstore}) })
		t.Run("folder", func(t *testing.T) {
			test(t, withDatastore(t, s, Definition{Type: FileType, URL: urlOf(filepath.Join(t.TempDir(), "new"))}))
		})
		t.Run("s3", func(t *testing.T) {
			url := strings.Replace(s3test.Start(t), "?", "/some/prefix?", 1)
			test(t, withDatastore(t, s, Definition{Type: S3Type, URL: url}))
		})
		t.Run("gs", func(t *testing.T) {
			w := withDatastore(t, s, Definition{Type: GSType, URL: "gs://bucket/prefix"})
			w.opened.buckets = map[string]bucketOf{"gs://bucket/ defined": {memblob.OpenBucket(nil), secrets{}}}
			test(t, w)
		})
		t.Run("azure", func(t *testing.T) {
			w := withDatastore(t, s, Definition{
				Type: AzureGen2, AccountName: "acme", Filesystem: "lake", Credentials: map[string]Reference{"account_key": {Env: "LAKE_KEY"}},
			})
			azure(t, w.Resolver, map[string]string{"LAKE_KEY": "c2VjcmV0"})
			test(t, w)
		})
	})
}

// withDatastore makes the datastore "mine".
func withDatastore(t *testing.T, s *artifact.Store, d Definition) world {
	t.Helper()
	d.Name = "mine"
	_ = NewShelf(s).Drop(t.Context(), d.Name)
	must(t, NewShelf(s).Put(t.Context(), d))
	return world{New(s), s, mine}
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

// made is a new folder with files in it.
func made(t *testing.T, files map[string]string) string {
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

// tree puts files into a store.
func tree(t *testing.T, s *artifact.Store, files map[string]string) pipeline.Artifact {
	t.Helper()
	a, err := s.ImportTree(t.Context(), made(t, files), artifact.Copy)
	must(t, err)
	return a
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
