package main

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
)

func TestClusterVerbsReadTheirFlags(t *testing.T) {
	wants(t, newClusterInitCmd, "", clusterOptions{mend: true})
	wants(t, newClusterInitCmd, "--retention 90d", clusterOptions{mend: true, retention: 90})
	wants(t, newClusterInitCmd, "--retention 7", clusterOptions{mend: true, retention: 7})
	wants(t, newClusterCheckCmd, "", clusterOptions{})
	wants(t, newClusterCheckCmd, "--wait 2m", clusterOptions{wait: 2 * time.Minute})
	for _, wrong := range []string{"0d", "-1", "3h", "d", "1000000d"} {
		refuses(t, newClusterInitCmd, "--retention="+wrong, "want a number of days")
	}
}

func TestAClusterNeedsATemporalServerElsewhere(t *testing.T) {
	c := newConsole(t)
	if code := c.run("cluster", "init"); code != exitUsage || !strings.Contains(c.err.String(), "TEMPORAL_ADDRESS") {
		t.Errorf("code %d: %s", code, c.err.String())
	}
	c.untouched(t)
}

// A server that does not answer is one finding among others: the store is
// checked too.
func TestWhatIsMissingIsSaidAllAtOnce(t *testing.T) {
	c := newConsole(t)
	c.env.(variables)["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
	if code := c.run("cluster", "check", "-o", "tsv", "--query", "checks[?status!='ready'].[name, status]"); code != exitUnreachable {
		t.Errorf("exit code %d", code)
	}
	if want := "server\tfailed\nstore\tmissing\n"; c.out.String() != want {
		t.Errorf("got %q, want %q", c.out.String(), want)
	}
}

// What is being started has a moment to get ready.
func TestAClusterIsWaitedFor(t *testing.T) {
	c := newConsole(t)
	c.env.(variables)["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
	var opened atomic.Int32
	late := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if opened.Load() == 0 {
				opened.Add(1)
				w.WriteHeader(http.StatusNotFound) // there is no such bucket yet
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	c.env.(variables)["MILLRACE_STORE"] = s3test.Start(t, late)
	code := c.run("cluster", "check", "--wait", "2s", "-o", "tsv", "--query", "checks[?name!='server'].status")
	if want := "ready\nready\nready\nready\nready\n"; code != exitUnreachable || c.out.String() != want {
		t.Errorf("code %d, got %q, want %q", code, c.out.String(), want)
	}
}

func TestTheStoreIsTried(t *testing.T) {
	// forgetful answers every write as if nobody had asked "if none match".
	forgetful := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-None-Match")
			next.ServeHTTP(w, r)
		})
	}
	frozen := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	for _, test := range []struct {
		name  string
		store string
		want  string // the last finding
	}{
		{"a good one", s3test.Start(t), "store: delete ready"},
		{"one that overwrites", s3test.Start(t, forgetful), "store: create once failed"},
		{"one that keeps everything", s3test.Start(t, frozen), "store: delete failed"},
		{"a folder", "file://" + t.TempDir(), "store: delete ready"},
		{"a bucket that is not there", strings.Replace(s3test.Start(t), "millrace", "other", 1), "store failed"},
		{"no URL", "", "store missing"},
		{"the memory of one process", "mem://", "store failed"},
		{"nonsense", "nonsense://x", "store failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConsole(t)
			c.env.(variables)["MILLRACE_STORE"] = test.store
			found := c.inspectStore(t.Context(), test.store)
			last := found[len(found)-1]
			if got := last.Name + " " + string(last.Status); got != test.want {
				t.Errorf("got %s (%s), want %s", got, last.Detail, test.want)
			}
			if !last.good() && last.Advice == "" {
				t.Error("nothing is said about what to do")
			}
		})
	}
}
