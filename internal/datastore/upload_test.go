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

func TestUploadedDataIsFoundInTheStore(t *testing.T) {
	everyStore(t, func(t *testing.T, s *artifact.Store) {
		r, ctx := New(s), t.Context()
		file, err := s.PutBytes(ctx, []byte("1,2"))
		must(t, err)
		file.Name = "iris.csv"
		dir := tree(t, s, map[string]string{"a.csv": "a", "sub/b.csv": "b", "sub/deep/c.csv": "c"})
		empty := tree(t, s, nil)

		fileURI, dirURI := UploadURI(file, "iris.csv"), UploadURI(dir, "data")
		if want := blobstore + "LocalUpload/" + file.Digest.Hex() + "/iris.csv"; fileURI != want {
			t.Errorf("the file is at %s, want %s", fileURI, want)
		}
		if want := blobstore + "LocalUpload/" + dir.Digest.Hex() + "/data/"; dirURI != want {
			t.Errorf("the folder is at %s, want %s", dirURI, want)
		}
		for uri, want := range map[string]pipeline.Artifact{
			fileURI: file, dirURI: dir, strings.TrimSuffix(dirURI, "/"): dir, UploadURI(empty, "none"): empty, UploadURI(dir, "../x"): dir,
		} {
			got, err := r.Fetch(ctx, uri, pipeline.URIFile, nil)
			must(t, err)
			if got != want {
				t.Errorf("%s: got %+v, want %+v", uri, got, want)
			}
			if whole, err := s.Has(ctx, got); err != nil || !whole {
				t.Errorf("%s: the store has it not: %v", uri, err)
			}
		}
		sub, err := r.Fetch(ctx, dirURI+"sub/", pipeline.URIFolder, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"b.csv": "b", "deep/c.csv": "c"}, staged(t, s, sub)); diff != "" {
			t.Error(diff)
		}
		one, err := r.Fetch(ctx, dirURI+"sub/b.csv", pipeline.URIFile, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"b.csv": "b"}, staged(t, s, one)); diff != "" {
			t.Error(diff)
		}

		nowhere := blobstore + "LocalUpload/" + strings.Repeat("0", 64) + "/x"
		for uri, part := range map[string]string{
			nowhere: "nothing of that digest", nowhere + "/": "nothing of that digest",
			dirURI + "none": "\"none\"", fileURI + "/": "it is a file", fileURI + "/x": "it is a file",
			blobstore + "LocalUpload/abc/x": "LocalUpload/abc/x", blobstore + "LocalUpload/" + strings.Repeat("z", 64) + "/x": "LocalUpload/z",
			strings.Replace(fileURI, "workspaceblobstore", "workspacefilestore", 1): "no",
		} {
			_, err := r.Fetch(ctx, uri, pipeline.URIFile, nil)
			wantFailure(t, err, pipeline.UserFailure, part)
		}
	})
}

func TestWhatLiesThereComesBeforeWhatWasUploaded(t *testing.T) {
	s := localStore(t)
	file, err := s.PutBytes(t.Context(), []byte("uploaded"))
	must(t, err)
	uri := UploadURI(file, "x")
	at := filepath.Join(s.Dir(), "datastores", DefaultDatastore, "LocalUpload", file.Digest.Hex(), "x")
	must(t, os.MkdirAll(filepath.Dir(at), 0o755))
	must(t, os.WriteFile(at, []byte("lies there"), 0o644))
	a, err := New(s).Fetch(t.Context(), uri, pipeline.URIFile, nil)
	must(t, err)
	if diff := cmp.Diff(map[string]string{"x": "lies there"}, staged(t, s, a)); diff != "" {
		t.Error(diff)
	}
	wantFailure(t, New(s).Publish(t.Context(), file, uri), pipeline.Invalid, "was uploaded")
}
