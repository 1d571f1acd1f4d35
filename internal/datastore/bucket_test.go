package datastore

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob/memblob"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestBucketsByTheirOwnAddresses(t *testing.T) {
	url := s3test.Start(t)
	root, query, _ := strings.Cut(url, "?")
	s := localStore(t)
	w := withDatastore(t, s, Definition{Type: S3Type, URL: url})
	files := map[string]string{"a.csv": "a", "sub/b.csv": "b"}
	must(t, w.Publish(t.Context(), tree(t, s, files), mine+"in"))
	for uri, want := range map[string]map[string]string{
		"/in/a.csv": {"a.csv": "a"}, "/in": files, "/in/": files, "/in/sub/": {"b.csv": "b"},
		"/": {"in/a.csv": "a", "in/sub/b.csv": "b"}, "": {"in/a.csv": "a", "in/sub/b.csv": "b"},
	} {
		a, err := w.Fetch(t.Context(), root+uri+"?"+query, pipeline.URIFolder, nil)
		must(t, err)
		if diff := cmp.Diff(want, staged(t, s, a)); diff != "" {
			t.Errorf("%s:\n%s", uri, diff)
		}
	}
	_, err := w.Fetch(t.Context(), root+"/none?"+query, pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.UserFailure, "there is nothing at \"none\" in the bucket s3://millrace")
	_, err = w.Fetch(t.Context(), strings.Replace(url, "millrace", "another", 1), pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.UserFailure, "there is no the bucket", "check its name")
}

// Google's storage as a stranger sees it: a list and a file.
func TestPublicBucketsOfGoogle(t *testing.T) {
	s := localStore(t)
	r := New(s)
	r.Client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
		if q.Header.Get("Authorization") != "" {
			t.Errorf("%s was asked with credentials", q.URL)
		}
		answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: q}
		text := "1,2"
		switch path := q.URL.Path; {
		case strings.HasSuffix(path, "/b/public/o"):
			b, _ := json.Marshal(map[string]any{"items": []any{map[string]any{"name": q.URL.Query().Get("prefix") + "x.csv", "size": "3", "updated": "2026-11-02T09:00:00Z"}}})
			text = string(b)
		case !strings.HasSuffix(path, "/x.csv"):
			answer.StatusCode, text = http.StatusNotFound, ""
		}
		answer.Body, answer.ContentLength = http.NoBody, int64(len(text))
		answer.Body = body(text)
		return answer, nil
	})}
	for _, uri := range []string{"gs://public/in?anonymous=true", "gs://public/in/x.csv?anonymous=true"} {
		a, err := r.Fetch(t.Context(), uri, pipeline.URIFile, nil)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"x.csv": "1,2"}, staged(t, s, a)); diff != "" {
			t.Errorf("%s:\n%s", uri, diff)
		}
	}
}

func TestKeysThatAreNoPathsAreRefused(t *testing.T) {
	s := localStore(t)
	for _, bad := range []string{
		"in//x", "in/../x", "in/../../etc/passwd", "in/./x", "in/a/..", "in/" + strings.Repeat("n", 256), "in/a\x00b", "in///",
	} {
		bucket := memblob.OpenBucket(nil)
		w := withDatastore(t, s, Definition{Type: GSType, URL: "gs://bucket"})
		w.opened.buckets = map[string]bucketOf{"gs://bucket/ defined": {bucket, secrets{}}}
		must(t, bucket.WriteAll(t.Context(), "in/good", []byte("x"), nil))
		must(t, bucket.WriteAll(t.Context(), bad, []byte("x"), nil))
		_, err := w.Fetch(t.Context(), mine+"in", pipeline.URIFolder, nil)
		wantFailure(t, err, pipeline.UserFailure, "cannot become a file")
		_, err = w.Fetch(t.Context(), mine+"in/good", pipeline.URIFile, nil)
		must(t, err)
	}
}

func TestAnObjectThatIsAlsoAFolderIsRefused(t *testing.T) {
	bucket := memblob.OpenBucket(nil)
	w := withDatastore(t, localStore(t), Definition{Type: GSType, URL: "gs://bucket"})
	w.opened.buckets = map[string]bucketOf{"gs://bucket/ defined": {bucket, secrets{}}}
	for key, text := range map[string]string{"in/a": "file", "in/a/b": "below", "ok/a": "", "ok/a/": "", "ok/a/b": "x", "ok/c/": "", "ok/c": ""} {
		must(t, bucket.WriteAll(t.Context(), key, []byte(text), nil))
	}
	_, err := w.Fetch(t.Context(), mine+"in", pipeline.URIFolder, nil)
	wantFailure(t, err, pipeline.UserFailure, "other keys have it for a folder")
	// Marks of folders are no files.
	a, err := w.Fetch(t.Context(), mine+"ok", pipeline.URIFolder, nil)
	must(t, err)
	if diff := cmp.Diff(map[string]string{"a/b": "x", "c": ""}, staged(t, w.store, a)); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresOfBucketsSayWhatToDo(t *testing.T) {
	for status, want := range map[int]struct {
		kind pipeline.FailureKind
		part string
	}{
		http.StatusForbidden:           {pipeline.UserFailure, "may not be used"},
		http.StatusUnauthorized:        {pipeline.UserFailure, "credentials"},
		http.StatusMovedPermanently:    {pipeline.UserFailure, "?region=REGION"},
		http.StatusBadRequest:          {pipeline.Infrastructure, "cannot be reached"},
		http.StatusServiceUnavailable:  {pipeline.Infrastructure, "cannot be reached"},
		http.StatusInternalServerError: {pipeline.Infrastructure, "cannot be reached"},
	} {
		url := s3test.Start(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, "<Error><Code>Code%d</Code><Message>told by the server</Message></Error>", status)
			})
		})
		w := withDatastore(t, localStore(t), Definition{Type: S3Type, URL: url})
		w.retries = 0
		for _, at := range []string{"x", "x/"} {
			_, err := w.Fetch(t.Context(), mine+at, pipeline.URIFile, nil)
			wantFailure(t, err, want.kind, want.part, "s3://millrace")
		}
		wantFailure(t, w.Publish(t.Context(), tree(t, w.store, map[string]string{"a": "x"}), mine+"x"), want.kind, want.part)
	}
}

func TestABucketWithoutItsRegionIsToldSo(t *testing.T) {
	for name, value := range s3test.Environment() {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	_, err := New(localStore(t)).Fetch(t.Context(), "s3://bucket/x", pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.UserFailure, "the region of the bucket s3://bucket is not known", "?region=REGION")
}

func TestWithoutNetworkTheHintIsToMapTheAddress(t *testing.T) {
	for name, value := range s3test.Environment() {
		t.Setenv(name, value)
	}
	for _, uri := range []string{"wasbs://c@acc.blob.core.windows.net/x.csv", "s3://bucket/x.csv?region=eu-west-1", "https://host.example/x.csv", "gs://bucket/x.csv?anonymous=true"} {
		r := New(localStore(t))
		asked := 0
		r.Client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
			asked++
			return nil, &net.DNSError{Err: "no such host", Name: q.URL.Hostname(), IsNotFound: true}
		})}
		_, err := r.Fetch(t.Context(), uri, pipeline.URIFile, nil)
		wantFailure(t, err, pipeline.UserFailure, "there is no ", "`millrace datastore map "+uri+" PATH`")
		if asked > 2 {
			t.Errorf("%s: asked %d times", uri, asked)
		}
	}
}
