package artifact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// The driver sends what is large in parts.
func TestLargeObjects(t *testing.T) {
	s := open(t, s3test.Start(t))
	text := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	for range 2 {
		a, err := s.Put(t.Context(), bytes.NewReader(text))
		must(t, err)
		if want := (pipeline.Artifact{Digest: hashBytes(text), Size: 20 << 20, Files: 1}); a != want {
			t.Errorf("artifact = %+v, want %+v", a, want)
		}
		must(t, s.Verify(t.Context(), a))
	}
}

func TestStoreInAFolderOfABucket(t *testing.T) {
	url := s3test.Start(t)
	whole := open(t, url)
	part := open(t, strings.Replace(url, "?", "/some/team?", 1))
	must(t, part.WriteRecord(t.Context(), "jobs/a", []byte("x")))
	if b, err := whole.ReadRecord(t.Context(), "some/team/jobs/a"); err != nil || string(b) != "x" {
		t.Errorf("record = %q, %v", b, err)
	}
	if _, err := whole.ReadRecord(t.Context(), "jobs/a"); !errors.Is(err, ErrGone) {
		t.Errorf("outside the folder: %v", err)
	}
}

func TestBucketThatCannotBeReachedIsNotOpened(t *testing.T) {
	url := s3test.Start(t)
	forbidden := s3test.Start(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
		})
	})
	for _, bad := range []struct{ url, want string }{
		{strings.Replace(url, "s3://millrace?", "s3://somebodys?", 1), "no such bucket"},
		{strings.Replace(url, "s3://millrace?", "s3://somebodys/folder?", 1), "no such bucket"},
		{forbidden, "AccessDenied"},
		{url + "&colour=blue", "colour"},
	} {
		_, err := Open(t.Context(), bad.url)
		if err == nil || !strings.Contains(err.Error(), bad.want) || !strings.Contains(err.Error(), bad.url) {
			t.Errorf("%s: %v", bad.url, err)
		}
	}
}

func TestListsOfMoreThanOnePage(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		const many = 1234 // a page has a thousand
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				if err := s.WriteRecord(t.Context(), fmt.Sprintf("jobs/%04d/ended", i), nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		keys, err := s.ListRecords(t.Context(), "jobs/")
		if err != nil || len(keys) != many || keys[0] != "jobs/0000/ended" || keys[many-1] != "jobs/1233/ended" {
			t.Errorf("listed %d keys, %v", len(keys), err)
		}
	})
}

// once lets the first of some requests for each path be answered otherwise.
func once(which func(*http.Request) bool, instead func(http.ResponseWriter, *http.Request, http.Handler)) func(http.Handler) http.Handler {
	var seen sync.Map
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if which(r) {
				if _, again := seen.LoadOrStore(r.URL.Path, true); !again {
					instead(w, r, h)
					return
				}
			}
			h.ServeHTTP(w, r)
		})
	}
}

func isConditional(r *http.Request) bool { return r.Header.Get("If-None-Match") == "*" }

// loseAnswer does what is asked and hangs up.
func loseAnswer(w http.ResponseWriter, r *http.Request, h http.Handler) {
	h.ServeHTTP(httptest.NewRecorder(), r)
	if line, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = line.Close()
	}
}

// conflict is what S3 answers where two ask at the same moment.
func conflict(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusConflict)
	fmt.Fprint(w, `<Error><Code>ConditionalRequestConflict</Code><Message>try again</Message></Error>`)
}

func TestCreatorKnowsItsRecordWhenTheAnswerIsLost(t *testing.T) {
	s := open(t, s3test.Start(t, once(isConditional, loseAnswer)))
	for i, want := range []bool{true, false} {
		made, err := s.CreateRecord(t.Context(), "jobs/a/submitted.json", []byte("x"))
		if made != want || err != nil {
			t.Errorf("CreateRecord = %v, %v the %d. time", made, err, i+1)
		}
	}
}

func TestConflictOfWritersIsTriedAgain(t *testing.T) {
	s := open(t, s3test.Start(t, once(isConditional, conflict)))
	made, err := s.CreateRecord(t.Context(), "jobs/a/submitted.json", []byte("x"))
	if !made || err != nil {
		t.Errorf("CreateRecord = %v, %v", made, err)
	}
}

// Of two who store the same at the same moment one may be told of a conflict,
// or that it is too late. Both have stored it.
func TestConflictOverTheSameBlobIsNone(t *testing.T) {
	for name, code := range map[string]string{"conflict": "ConditionalRequestConflict", "late": "PreconditionFailed"} {
		t.Run(name, func(t *testing.T) {
			s := open(t, s3test.Start(t, once(isConditional, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
				h.ServeHTTP(httptest.NewRecorder(), r) // the other one's
				w.WriteHeader(http.StatusConflict)
				fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
			})))
			a, err := s.PutBytes(t.Context(), []byte("weights"))
			must(t, err)
			must(t, s.Verify(t.Context(), a))
		})
	}
}
