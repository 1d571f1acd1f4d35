package datastore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// These promises hold for every kind of datastore, on every kind of store.

func TestWhatIsPublishedCanBeFetched(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		ctx := t.Context()
		files := tree(t, w.store, map[string]string{"a.txt": "alpha", "sub/b.txt": "beta", "a-b.txt": "", "sub deep/ü/ .c": "gamma", "big": strings.Repeat("0123456789", 100_000)})
		file, err := w.store.ImportFile(ctx, filepath.Join(made(t, map[string]string{"m.pkl": "model"}), "m.pkl"), artifact.Copy)
		must(t, err)

		for _, uri := range []string{"out/tree", "out/tree/", "tree2/"} {
			must(t, w.Publish(ctx, files, w.root+uri))
			for _, slash := range []string{"", "/"} {
				got, err := w.Fetch(ctx, w.root+strings.TrimSuffix(uri, "/")+slash, pipeline.URIFolder, nil)
				must(t, err)
				if got != files {
					t.Errorf("%s: fetched %+v, published %+v", uri, got, files)
				}
			}
		}
		must(t, w.Publish(ctx, file, w.root+"models/v1.pkl"))
		must(t, w.Publish(ctx, file, w.root+"models/"))
		must(t, w.Publish(ctx, file, w.root))
		for _, uri := range []string{"models/v1.pkl", "models/m.pkl", "m.pkl", "models//./m.pkl"} {
			var last int64
			got, err := w.Fetch(ctx, w.root+uri, pipeline.URIFile, func(n int64) { last = n })
			must(t, err)
			if got.Digest != file.Digest || got.Tree || got.Size != 5 || got.Files != 1 || got.Name != filepath.Base(uri) || last != 0 && last != 5 {
				t.Errorf("%s: fetched %+v, progress %d", uri, got, last)
			}
		}
		models, err := w.Fetch(ctx, strings.Replace(w.root, "azureml://", "azureml://subscriptions/s/resourcegroups/g/workspaces/w/", 1)+"models", pipeline.URIFolder, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"v1.pkl": "model", "m.pkl": "model"}, staged(t, w.store, models)); diff != "" {
			t.Error(diff)
		}
		all, err := w.Fetch(ctx, w.root, pipeline.URIFolder, nil)
		must(t, err)
		if all.Files != 2*files.Files+3 {
			t.Errorf("in all %+v", all)
		}
	})
}

func TestEmptyFoldersAreKept(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		dir := made(t, map[string]string{"full/f": "x"})
		must(t, os.MkdirAll(filepath.Join(dir, "none", "below"), 0o755))
		some, err := w.store.ImportTree(t.Context(), dir, artifact.Copy)
		must(t, err)
		none := tree(t, w.store, nil)
		for at, want := range map[string]pipeline.Artifact{"some": some, "empty": none} {
			must(t, w.Publish(t.Context(), want, w.root+at))
			for _, slash := range []string{"", "/"} {
				got, err := w.Fetch(t.Context(), w.root+at+slash, pipeline.URIFolder, nil)
				must(t, err)
				if got != want {
					t.Errorf("%s%s: fetched %+v, published %+v", at, slash, got, want)
				}
			}
		}
	})
}

func TestPublishingAgainReplacesFilesAndKeepsOthers(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		ctx := t.Context()
		for _, files := range []map[string]string{{"a": "1", "b": "1"}, {"a": "2", "c/d": "2"}} {
			must(t, w.Publish(ctx, tree(t, w.store, files), w.root+"out"))
		}
		got, err := w.Fetch(ctx, w.root+"out", pipeline.URIFolder, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"a": "2", "b": "1", "c/d": "2"}, staged(t, w.store, got)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsNotThereIsTheUsersToMend(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		for range 2 { // without and with anything in the datastore
			for _, at := range []string{"none", "none/", "a/none.csv", "a/b/c/", "f/below"} {
				_, err := w.Fetch(t.Context(), w.root+at, pipeline.URIFile, nil)
				wantFailure(t, err, pipeline.UserFailure, w.root+at+": there is no", "put the file or folder there")
			}
			must(t, w.Publish(t.Context(), tree(t, w.store, map[string]string{"f": "x", "a/f": "x"}), w.root))
		}
	})
}

func TestHostileAddressesReachNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		file, err := w.store.PutBytes(t.Context(), []byte("x"))
		must(t, err)
		for _, at := range []string{
			"..", "../x", "a/../../x", "a/../..", "/../../etc/passwd", "a\x00b", "a\nb", "\x1b[31m", "\x7f",
			strings.Repeat("n", 256), strings.Repeat("n/", 5000),
		} {
			_, err := w.Fetch(t.Context(), w.root+at, pipeline.URIFile, nil)
			wantFailure(t, err, pipeline.Invalid)
			wantFailure(t, w.Publish(t.Context(), file, w.root+at), pipeline.Invalid)
		}
		// An absolute path is one below the datastore.
		file.Name = "x"
		must(t, w.Publish(t.Context(), file, w.root+"/etc/shadow/"))
		got, err := w.Fetch(t.Context(), w.root+"etc/shadow/x", pipeline.URIFile, nil)
		must(t, err)
		if got.Digest != file.Digest {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFileWithoutANameNeedsOne(t *testing.T) {
	everywhere(t, func(t *testing.T, w world) {
		a, err := w.store.PutBytes(t.Context(), []byte("x"))
		must(t, err)
		for _, name := range []string{"", "..", "a/b", "../../x"} {
			a.Name = name
			wantFailure(t, w.Publish(t.Context(), a, w.root+"out/"), pipeline.Invalid, "without a name")
		}
	})
}
