package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/pipeline"
)

func loadFile(t *testing.T, text string) (Config, error) {
	t.Helper()
	return Load(Flags{}, variables{"MILLRACE_HOME": written(t, text)})
}

func TestNotificationsAreReadFromTheFile(t *testing.T) {
	c, err := loadFile(t, `
notifications:
  - kind: webhook
    url: env:HOOK
    secret: file:/run/secrets/hook
    events: [job_failed, Approval_Waiting]
    experiment: fraud-*
  - {kind: Email, name: on-call, to: [a@example.org, b@example.org], from: m@example.org, server: "smtp.example.org:465", tls: tls, username: m, password: env:P}
  - kind: command
    command: notify-send "$MILLRACE_TEXT"
    events: job_completed
  - kind: command
    command: [cp, /dev/stdin, /tmp/last.json]
    experiment: [a, b]
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []notify.Channel{
		{Name: "webhook", Kind: notify.Webhook, URL: "env:HOOK", Secret: "file:/run/secrets/hook", Events: []pipeline.Event{pipeline.JobFailed, pipeline.ApprovalWaiting}, Experiments: []string{"fraud-*"}},
		{Name: "on-call", Kind: notify.Email, To: []string{"a@example.org", "b@example.org"}, From: "m@example.org", Server: "smtp.example.org:465", TLS: notify.DirectTLS, Username: "m", Password: "env:P"},
		{Name: "command", Kind: notify.Command, Command: []string{`notify-send "$MILLRACE_TEXT"`}, Shell: true, Events: []pipeline.Event{pipeline.JobCompleted}},
		{Name: "command-2", Kind: notify.Command, Command: []string{"cp", "/dev/stdin", "/tmp/last.json"}, Experiments: []string{"a", "b"}},
	}
	if diff := cmp.Diff(want, c.Notifications, cmpopts.IgnoreUnexported(notify.Channel{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestANotificationThatIsWrongIsRefusedWhereItStands(t *testing.T) {
	for _, c := range []struct{ text, where, want string }{
		{"notifications: team\n", ":1:16", "expected a list"},
		{"notifications:\n  - team\n", ":2:5", "expected `kind: webhook`"},
		{"notifications:\n  - kind: webhook\n    uri: https://h\n", ":3:5", `unknown key "uri"; the keys are name, kind,`},
		{"notifications:\n  - kind: webhook\n    url: [https://h]\n", ":3:10", "url: expected one value"},
		{"notifications:\n  - kind: webhook\n    kind: email\n", ":3", ""},
		{"notifications:\n  - kind: pigeon\n", ":2", `"pigeon" is not a kind of notification`},
		{"notifications:\n  - {kind: webhook, url: 'https://h', secret: hunter2}\n", ":2", "secrets are given by reference"},
		{"notifications:\n  - {kind: command, command: a, name: x}\n  - {kind: command, command: b, name: x}\n", ":3", `two with the name "x"`},
		{"notifications:\n  - {kind: command, command: a, events: [failed]}\n", ":2", `"failed" is not an event`},
	} {
		_, err := loadFile(t, c.text)
		if err == nil || !strings.Contains(err.Error(), "config.yaml"+c.where) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\ngives the error %v, want one at %s with %q", c.text, err, c.where, c.want)
		}
	}
}
