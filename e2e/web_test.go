package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// An input with an address of the web is fetched when its step starts, in
// every job anew: its content decides whether the step is reused.
func TestWebInputsAreFetched(t *testing.T) {
	t.Parallel()
	var content atomic.Value
	content.Store("1,2\n")
	mux := http.NewServeMux()
	mux.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/data/table.csv", http.StatusFound)
	})
	mux.HandleFunc("/data/table.csv", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, content.Load())
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	h := newHome(t)
	file := h.write("pipeline.yml", `
type: pipeline
inputs:
  table: {type: uri_file, path: "`+web.URL+`/moved/table.csv?version=2"}
jobs:
  read:
    command: cat ${{inputs.table}} > ${{outputs.o}}/$(basename ${{inputs.table}})
    environment: {image: x}
    inputs: {table: "${{parent.inputs.table}}"}
    outputs: {o: {type: uri_folder}}
  list:
    command: ls ${{inputs.o}}
    environment: {image: x}
    inputs: {o: "${{parent.jobs.read.outputs.o}}"}
`)
	for _, test := range []struct {
		name, content string
		want          string
	}{
		{"first", "1,2\n", "read=ran list=ran"},
		{"same", "1,2\n", "read=reused list=reused"},
		{"changed", "3,4\n", "read=ran list=ran"},
		{"back", "1,2\n", "read=reused list=reused"},
	} {
		content.Store(test.content)
		if code, out := h.run("run", file, "--name", test.name); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", test.name, code, out)
		}
		if got := h.outcome(test.name); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	_, out := h.run("job", "stream", "-n", "first")
	if !strings.Contains(out, "list | table.csv\n") {
		t.Errorf("the file is not called table.csv:\n%s", out)
	}
}

// What the web does not give fails the step that needs it, and no other, and
// the message says what was asked for and what came back.
func TestWebInputsThatCannotBeHadFailTheirStep(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	h := newHome(t)
	file := h.write("pipeline.yml", `
type: pipeline
jobs:
  missing:
    command: cat ${{inputs.i}}
    environment: {image: x}
    inputs: {i: {type: uri_file, path: "`+web.URL+`/table.csv"}}
  unreachable:
    command: cat ${{inputs.i}}
    environment: {image: x}
    inputs: {i: {type: uri_file, path: "`+gone.URL+`/table.csv"}}
  nowhere:
    command: cat ${{inputs.i}}
    environment: {image: x}
    inputs: {i: {type: uri_file, path: "https://nowhere.invalid/table.csv"}}
  fine:
    command: echo fine
    environment: {image: x}
`)
	code, out := h.run("run", file, "--name", "web")
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if got, want := h.outcome("web"), "missing=failed unreachable=failed nowhere=failed fine=ran"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, want := range []string{web.URL + "/table.csv", "404", gone.URL + "/table.csv", "refused", "https://nowhere.invalid/table.csv"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %s:\n%s", want, out)
		}
	}
}
