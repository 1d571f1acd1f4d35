package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

// failed is the end of a job that failed.
func failed() Message {
	began := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return Message{
		ID: "job/notice/run/job_failed/team", Event: pipeline.JobFailed, Time: began.Add(3 * time.Minute), Job: "calm_river",
		DisplayName: "nightly\nrun", Experiment: "fraud", CreatedBy: "alice", Status: pipeline.Failed, Started: began, Ended: began.Add(3 * time.Minute),
		Step: "train", Page: "http://ui/namespaces/default/workflows/calm_river",
		Failure: &pipeline.Failure{Kind: pipeline.UserFailure, Message: "the program ended with exit code 3", Hint: "look at it", LogTail: []string{"epoch 1", "no such \x1b[31mcolumn"}},
	}
}

// asks is an approval that waits.
func asks() Message {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return Message{
		ID: "job/notice/run/approval_waiting/check/team", Event: pipeline.ApprovalWaiting, Time: at, Job: "calm_river", Step: "check", Schedule: "nightly",
		Question: &pipeline.Question{Message: "Release it?", Hash: "blake3:0123456789abcdef", Approvers: []string{"alice", "bob"}, Asked: at, Until: at.Add(time.Hour)},
	}
}

func TestAMessageSaysWhatAPersonNeeds(t *testing.T) {
	want := `job calm_river failed after 3m0s: step train
nightly run, experiment fraud, submitted by alice

the program ended with exit code 3
it last printed:
  | epoch 1
  | no such  [31mcolumn
hint: look at it

http://ui/namespaces/default/workflows/calm_river
`
	m := failed()
	if diff := cmp.Diff(want, m.Text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = `job calm_river waits for approval of step check
made by schedule nightly

Release it?

approve: millrace job approve calm_river check --hash 0123456789ab
reject:  millrace job reject calm_river check --comment WHY
approvers: alice, bob
it counts as rejected at 2026-03-04T06:06:07Z
`
	m = asks()
	if diff := cmp.Diff(want, m.Text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Event = pipeline.ApprovalAnswered
	m.Question.Answer = &pipeline.Answer{Approved: true, By: "bob", Comment: "fine\nby me"}
	if got, want := m.Subject(), "step check of job calm_river was approved by bob: fine by me"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAChannelGetsWhatItAsksFor(t *testing.T) {
	n := New([]Channel{
		{Name: "all", Kind: Command},
		{Name: "failures", Kind: Command, Events: []pipeline.Event{pipeline.JobFailed}},
		{Name: "fraud", Kind: Command, Experiments: []string{"fraud-*", "audit"}},
	})
	for _, c := range []struct {
		event      pipeline.Event
		experiment string
		want       string
	}{
		{pipeline.JobFailed, "audit", "all failures fraud"},
		{pipeline.JobCompleted, "fraud-2", "all fraud"},
		{pipeline.JobCompleted, "fraud", "all"},
		{pipeline.JobFailed, "", "all failures fraud"}, // not known
	} {
		if got := strings.Join(n.Names(c.event, c.experiment), " "); got != c.want {
			t.Errorf("%s of %q is for %q, want %q", c.event, c.experiment, got, c.want)
		}
	}
	var none *Notifier
	if none.Any(pipeline.JobFailed) || none.Send(t.Context(), "x", failed()) == nil {
		t.Error("no notifier tells nobody")
	}
}

func TestAWebhookIsSigned(t *testing.T) {
	t.Setenv("HOOK_KEY", "the key")
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	t.Setenv("HOOK", server.URL+"/secret/path")
	c := Channel{Name: "team", Kind: Webhook, URL: "env:HOOK", Secret: "env:HOOK_KEY"}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if err := New([]Channel{c}).Send(t.Context(), "team", failed()); err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(body, &said); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"event": "job_failed", "job": "calm_river", "status": "Failed", "step": "train", "experiment_name": "fraud"} {
		if said[key] != want {
			t.Errorf("%s is %v, want %v", key, said[key], want)
		}
	}
	if text, _ := said["text"].(string); !strings.Contains(text, "exit code 3") {
		t.Errorf("the text is %q", text)
	}
	if got.URL.Path != "/secret/path" || got.Header.Get(headerDelivery) != failed().ID || got.Header.Get(headerEvent) != "job_failed" {
		t.Errorf("the request was %s %v", got.URL, got.Header)
	}
	stamp, _, _ := strings.Cut(strings.TrimPrefix(got.Header.Get(headerSignature), "t="), ",")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Hour {
		t.Errorf("the signature is of %q", stamp)
	}
	if want := sign("the key", time.Unix(seconds, 0), body); got.Header.Get(headerSignature) != want {
		t.Errorf("the signature is %q, want %q", got.Header.Get(headerSignature), want)
	}
}

func TestWhatAReceiverAnswersDecidesWhetherToTryAgain(t *testing.T) {
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
	}))
	defer server.Close()
	n := New([]Channel{{Name: "team", Kind: Webhook, URL: server.URL}})
	for code, final := range map[int]bool{503: false, 429: false, 408: false, 404: true, 401: true, 302: true, 410: true} {
		status = code
		if err := n.Send(t.Context(), "team", failed()); err == nil || Final(err) != final {
			t.Errorf("%d: %v, final %t", code, err, Final(err))
		}
	}
}

func TestASecretStandsInNoError(t *testing.T) {
	t.Setenv("HOOK", "http://127.0.0.1:1/s3cret?token=s3cret")
	t.Setenv("BAD_HOOK", "s3cret://what")
	for _, c := range []Channel{
		{Name: "x", Kind: Webhook, URL: "env:HOOK"},
		{Name: "x", Kind: Webhook, URL: "env:BAD_HOOK"},
		{Name: "x", Kind: Webhook, URL: "env:NO_HOOK"},
		{Name: "x", Kind: Command, Command: []string{"echo s3cret >&2; exit 3"}, Shell: true},
	} {
		err := New([]Channel{c}).Send(t.Context(), "x", failed())
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestACommandIsGivenTheMessage(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	line := Channel{Name: "line", Kind: Command, Shell: true, Command: []string{`cat > "` + out + `"; echo "$MILLRACE_EVENT $MILLRACE_JOB $MILLRACE_STATUS $MILLRACE_STEP" >> "` + out + `"`}}
	list := Channel{Name: "list", Kind: Command, Command: []string{"cp", "/dev/stdin", out}}
	deaf := Channel{Name: "deaf", Kind: Command, Command: []string{"true"}}
	gone := Channel{Name: "gone", Kind: Command, Command: []string{"/no/such/program"}}
	n := New([]Channel{line, list, deaf, gone})
	if err := n.Send(t.Context(), "line", failed()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(text), `{"id":"job/notice`) || !strings.HasSuffix(string(text), "\njob_failed calm_river Failed train\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, name := range []string{"list", "deaf"} {
		if err := n.Send(t.Context(), name, failed()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := n.Send(t.Context(), "gone", failed()); !Final(err) {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestACommandThatHangsIsEndedWithAllItStarted(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "began")
	c := Channel{Name: "x", Kind: Command, Shell: true, Command: []string{fmt.Sprintf("touch %s; sleep 1000 & wait", mark)}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(mark); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if err := New([]Channel{c}).Send(ctx, "x", failed()); err == nil {
		t.Error("it counts as told")
	}
}

func TestAChannelThatCannotWorkIsRefused(t *testing.T) {
	email := Channel{Name: "x", Kind: Email, To: []string{"a@example.org"}, From: "m@example.org", Server: "smtp.example.org"}
	with := func(f func(*Channel)) Channel { c := email; f(&c); return c }
	for _, c := range []struct {
		channel Channel
		want    string
	}{
		{Channel{Name: "a b", Kind: Command, Command: []string{"x"}}, "cannot name a notification"},
		{Channel{Name: "x"}, "kind is missing"},
		{Channel{Name: "x", Kind: "pigeon"}, "is not a kind of notification"},
		{Channel{Name: "x", Kind: Command}, "needs command"},
		{Channel{Name: "x", Kind: Command, Command: []string{"x"}, Events: []pipeline.Event{"job_done"}}, "is not an event; the events are approval_waiting"},
		{Channel{Name: "x", Kind: Command, Command: []string{"x"}, Experiments: []string{"[a"}}, "is not a pattern"},
		{Channel{Name: "x", Kind: Webhook}, "needs url"},
		{Channel{Name: "x", Kind: Webhook, URL: "ftp://s3cret"}, "begins with https://"},
		{Channel{Name: "x", Kind: Webhook, URL: "https://h", Secret: "s3cret"}, "by reference"},
		{with(func(c *Channel) { c.To = nil }), "needs to"},
		{with(func(c *Channel) { c.From = "" }), "needs from"},
		{with(func(c *Channel) { c.Server = "" }), "needs server"},
		{with(func(c *Channel) { c.To = []string{"nobody"} }), "is not an address"},
		{with(func(c *Channel) { c.Server = "smtp://h" }), "is not a port"},
		{with(func(c *Channel) { c.TLS = "ssl" }), "it is one of starttls, tls, none"},
		{with(func(c *Channel) { c.Username = "u" }), "belong together"},
		{with(func(c *Channel) { c.Username, c.Password = "u", "s3cret" }), "by reference"},
		{with(func(c *Channel) { c.Username, c.Password, c.TLS = "u", "env:P", WithoutTLS }), "not sent without encryption"},
		{email, ""},
	} {
		err := c.channel.Check()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%+v: the error is %v, want one with %q", c.channel, err, c.want)
		}
	}
}
