//go:build cluster && linux

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
)

// programs is the folder of the programs that fleets run.
var programs string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run compiles the programs first, unless a folder with them is named.
func run(m *testing.M) int {
	programs = os.Getenv("MILLRACE_TEST_PROGRAMS")
	if programs != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "millrace-cluster-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	for name, source := range map[string]string{
		"millrace": "cmd/millrace", "temporal-postgres": "internal/devserver/postgres", "s3": "e2e/cluster/s3",
	} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "github.com/millrace-ml/millrace/"+source)
		// The same settings as make build, so that its compiled packages serve.
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
			return 1
		}
	}
	return m.Run()
}

// patience is how long a test waits for what has to happen. Nothing is measured
// by it: it only ends a test that hangs.
const patience = 3 * time.Minute

// newFleet starts the servers of a fleet, and ends the fleet with the test. The
// folder of one that failed is kept.
func newFleet(t *testing.T, workers ...Worker) *Fleet {
	t.Helper()
	dir, err := os.MkdirTemp("", "millrace-fleet-") //nolint:usetesting // it outlives a test that failed
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range s3test.Environment() {
		t.Setenv(name, value)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL is somebody else
		t.Fatal(err)
	}
	dynamic, err := filepath.Abs(filepath.Join("..", "..", "deploy", "temporal", "dynamicconfig.yml"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Options{Dir: dir, Programs: programs, Dynamic: dynamic, Namespaces: os.Geteuid() == 0, Workers: workers})
	t.Cleanup(func() {
		f.Close()
		if t.Failed() {
			sayLogs(t, dir)
			t.Logf("what the fleet wrote is kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return f
}

// sayLogs shows the ends of what the parts have said.
func sayLogs(t *testing.T, dir string) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range logs {
		text, _ := os.ReadFile(path)
		t.Logf("%s ends with\n%s", filepath.Base(path), text[max(0, len(text)-1000):])
	}
}

// start starts parts, all at once.
func start(t *testing.T, parts ...*Part) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	outcomes := make(chan error)
	for _, p := range parts {
		go func() { outcomes <- p.Start(ctx) }()
	}
	var all error
	for range parts {
		all = errors.Join(all, <-outcomes)
	}
	if all != nil {
		t.Fatal(all)
	}
}

// millrace runs a command line as somebody who is no part of the fleet, and
// returns what it printed.
func millrace(t *testing.T, f *Fleet, words ...string) string {
	t.Helper()
	out, err := try(t, f, words...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func try(t *testing.T, f *Fleet, words ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := f.Command(ctx, words...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("millrace %s: %w\n%s", strings.Join(words, " "), err, said.String())
	}
	return string(out), err
}

// job is what is asked of `millrace job show`.
type job struct {
	Status string
	Steps  []struct {
		Name     string
		Status   string
		Queue    string
		Worker   string
		Attempts int
		Outputs  map[string]struct{ Digest string }
	}
}

func show(t *testing.T, f *Fleet, name string) job {
	t.Helper()
	var j job
	if err := json.Unmarshal([]byte(millrace(t, f, "job", "show", "-n", name, "-o", "json")), &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// awaitEnd waits for the end of a job.
func awaitEnd(t *testing.T, f *Fleet, name string) job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.Client.GetWorkflow(ctx, name, "").Get(ctx, nil); err != nil && ctx.Err() != nil {
		t.Fatalf("job %s has not ended after %s", name, patience)
	}
	return show(t, f, name)
}

// write writes a file into the folder of the fleet.
func write(t *testing.T, f *Fleet, name, text string) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
