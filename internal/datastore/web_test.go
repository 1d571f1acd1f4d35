package datastore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestDownload(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	url := serve(t, func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.URL.Query().Get("sig") != "s3cret":
			http.Error(w, "no", http.StatusForbidden)
		case q.URL.Path == "/old/data.csv":
			http.Redirect(w, q, "/new/other.csv?sig=s3cret", http.StatusFound)
		default:
			_, _ = w.Write(data)
		}
	})
	s := localStore(t)
	var last int64
	a, err := New(s).Fetch(t.Context(), url+"/old/data.csv?sig=s3cret", pipeline.URIFile, func(n int64) {
		if n <= last {
			t.Errorf("progress went from %d to %d", last, n)
		}
		last = n
	})
	must(t, err)
	if a.Name != "data.csv" || a.Size != int64(len(data)) || a.Tree || last != a.Size {
		t.Errorf("artifact %+v, progress %d", a, last)
	}
	b, err := s.ReadAll(t.Context(), a.Digest, 1<<30)
	if err != nil || !bytes.Equal(b, data) {
		t.Errorf("stored %d bytes, %v", len(b), err)
	}
}

func TestDownloadKeepsBytesAsPublished(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Accept-Encoding") != "" {
			w.Header().Set("Content-Encoding", "gzip")
		}
		_, _ = w.Write([]byte("\x1f\x8b zipped by its author"))
	})
	a, err := New(localStore(t)).Fetch(t.Context(), url+"/data.csv.gz", pipeline.URIFile, nil)
	must(t, err)
	if a.Size != 23 {
		t.Errorf("%d bytes", a.Size)
	}
}

func TestDownloadGetsAName(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	for path, want := range map[string]string{
		"": "download", "/": "download", "/a/b.csv?x=y/z": "b.csv", "/a%20b.csv": "a b.csv", "/a%2Fb.csv": "b.csv",
		"/..": "download", "/%2e%2e": "download", "/a%00b": "download", "/a%0Ab": "download",
		"/" + strings.Repeat("n", 256): "download", "/dir/": "dir",
	} {
		a, err := New(localStore(t)).Fetch(t.Context(), url+path, pipeline.URIFile, nil)
		must(t, err)
		if a.Name != want {
			t.Errorf("%q gives the name %q, want %q", path, a.Name, want)
		}
	}
}

func TestDownloadFailures(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/loop":
			http.Redirect(w, q, "/loop?sig=s3cret", http.StatusFound)
		case "/ftp":
			http.Redirect(w, q, "ftp://host/?sig=s3cret", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("only this"))
		case "/stalls":
			_, _ = w.Write([]byte("only this"))
			w.(http.Flusher).Flush()
			<-q.Context().Done()
		case "/large", "/large-and-says-so":
			if q.URL.Path == "/large" {
				w.(http.Flusher).Flush() // no length is given
			}
			_, _ = w.Write(make([]byte, 1001))
		default:
			var code int
			_, _ = fmt.Sscanf(q.URL.Path, "/%d", &code)
			w.WriteHeader(code)
		}
	})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())

	for address, want := range map[string]struct {
		kind pipeline.FailureKind
		part string
	}{
		url + "/404":               {pipeline.UserFailure, "404 Not Found"},
		url + "/410":               {pipeline.UserFailure, "410 Gone"},
		url + "/401":               {pipeline.UserFailure, "signature"},
		url + "/403":               {pipeline.UserFailure, "403 Forbidden"},
		url + "/204":               {pipeline.UserFailure, "204 No Content"},
		url + "/304":               {pipeline.UserFailure, "304 Not Modified"},
		url + "/429":               {pipeline.Infrastructure, "429 Too Many Requests"},
		url + "/500":               {pipeline.Infrastructure, "500 Internal Server Error"},
		url + "/503":               {pipeline.Infrastructure, "503 Service Unavailable"},
		url + "/loop":              {pipeline.UserFailure, "redirects more than 10 times"},
		url + "/ftp":               {pipeline.UserFailure, "redirects to ftp://"},
		url + "/short":             {pipeline.Infrastructure, "broke off after 9 bytes"},
		url + "/stalls":            {pipeline.Infrastructure, "no data arrived for 100ms, after 9 bytes"},
		url + "/large":             {pipeline.UserFailure, "1000 bytes that are allowed"},
		url + "/large-and-says-so": {pipeline.UserFailure, "1000 bytes that are allowed"},
		"http://" + closed.Addr().String() + "/x": {pipeline.Infrastructure, "connection refused"},
	} {
		r := New(localStore(t))
		r.MaxDownload, r.Stall = 1000, 100*time.Millisecond
		_, err := r.Fetch(t.Context(), address+"?sig=s3cret", pipeline.URIFile, nil)
		wantFailure(t, err, want.kind, want.part, address+"?...")
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v shows the secret", err)
		}
		left, err := os.ReadDir(filepath.Join(r.store.Dir(), "blobs"))
		if err != nil || len(left) > 0 {
			t.Errorf("%s left something behind: %v, %v", address, left, err)
		}
	}
}

func TestDownloadOfAFolderIsRefused(t *testing.T) {
	_, err := New(localStore(t)).Fetch(t.Context(), "https://host.invalid/data/", pipeline.URIFolder, nil)
	wantFailure(t, err, pipeline.Invalid, "uri_folder", "uri_file")
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	for _, where := range []string{"before the answer", "inside the answer"} {
		t.Run(where, func(t *testing.T) {
			arrived := make(chan struct{}, 1)
			url := serve(t, func(w http.ResponseWriter, q *http.Request) {
				if where == "inside the answer" {
					_, _ = w.Write([]byte("some"))
					w.(http.Flusher).Flush()
				}
				arrived <- struct{}{}
				<-q.Context().Done()
			})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-arrived; cancel() }()
			_, err := New(localStore(t)).Fetch(ctx, url+"/x", pipeline.URIFile, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestDownloadDoesNotLeaveEncryption(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("anybody's")) })
	secure := httptest.NewUnstartedServer(http.RedirectHandler(plain, http.StatusFound))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the client's refusal is what is wanted
	secure.StartTLS()
	t.Cleanup(secure.Close)
	r := New(localStore(t))
	_, err := r.Fetch(t.Context(), secure.URL, pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.UserFailure, "certificate")
	r.Client.Transport = secure.Client().Transport
	_, err = r.Fetch(t.Context(), secure.URL, pipeline.URIFile, nil)
	wantFailure(t, err, pipeline.UserFailure, "not safe")
}
