package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// home is a MILLRACE_HOME and the folder of the files of one test.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T) *home {
	t.Helper()
	return &home{t: t, dir: t.TempDir()}
}

func (h *home) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, "millrace"), args...)
	cmd.Env = append(os.Environ(), "MILLRACE_HOME="+filepath.Join(h.dir, "home"))
	cmd.Dir = h.dir
	return cmd
}

func (h *home) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// job is what the tests read of "job show -o json".
type job struct {
	Name, Status string
	Steps        []struct {
		Name, Status string
		Reused       bool
		Skipped      string
		Attempts     int
		ReusedFrom   *struct{ Job, Step string } `json:"reused_from"`
		Outputs      map[string]struct{ Digest string }
	}
}

func (h *home) show(name string) (job, error) {
	var j job
	out, err := h.command("job", "show", "-n", name, "-o", "json").Output()
	if err != nil {
		return j, fmt.Errorf("job show: %w", err)
	}
	return j, json.Unmarshal(out, &j)
}

// outcomes are the steps of the job with a word for what became of each.
func (j job) outcomes() []string {
	words := map[string]string{"Completed": "ran", "Failed": "failed", "Canceled": "canceled", "NotStarted": "not-run"}
	list := make([]string, len(j.Steps))
	for i, s := range j.Steps {
		word, ok := words[s.Status]
		switch {
		case !ok:
			word = s.Status
		case s.Reused:
			word = "reused"
		case s.Skipped != "":
			word = "skipped"
		}
		list[i] = s.Name + "=" + word
	}
	return list
}

// outcome says what became of each step of a job.
func (h *home) outcome(name string) string {
	h.t.Helper()
	j, err := h.show(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(j.outcomes(), " ")
}

// run runs millrace to its end and returns its exit code and all it said.
func (h *home) run(args ...string) (code int, said string) {
	h.t.Helper()
	out, err := h.command(args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return 0, string(out)
}
