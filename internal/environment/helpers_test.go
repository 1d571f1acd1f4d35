package environment_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// machine is a machine with a uv and some interpreters that stand in.
type machine struct {
	*environment.Manager
	t     *testing.T
	home  string
	notes string
	store *artifact.Store

	mu   sync.Mutex
	said []string
}

func newMachine(t *testing.T, pythons ...string) *machine {
	t.Helper()
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	must(t, os.MkdirAll(bin, 0o755))
	self, err := os.Executable()
	must(t, err)
	if len(pythons) == 0 {
		pythons = []string{"python3"}
	}
	for _, name := range append([]string{"uv"}, pythons...) {
		must(t, os.Link(self, filepath.Join(bin, name)))
	}
	store, err := artifact.Open(t.Context(), (&url.URL{Scheme: "file", Path: filepath.Join(home, "store")}).String())
	must(t, err)
	m := &machine{t: t, home: home, notes: filepath.Join(home, "notes"), store: store}
	m.Manager = managerAt(home, store)
	return m
}

func managerAt(home string, store *artifact.Store) *environment.Manager {
	folder, tools := environment.Places(home)
	environ := []string{"PATH=" + filepath.Join(home, "bin"), "HOME=" + home, "STAND_IN_NOTES=" + filepath.Join(home, "notes"), "PYTHONPATH=/nowhere"}
	for _, text := range os.Environ() {
		if strings.HasPrefix(text, "STAND_IN_SLOW=") || strings.HasPrefix(text, "STAND_IN_NETWORK=") {
			environ = append(environ, text)
		}
	}
	return &environment.Manager{Folder: folder, Tools: tools, Environ: environ, Locks: &environment.Locks{Store: store}}
}

func (m *machine) watch() environment.Watch {
	return environment.Watch{Say: func(line string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.said = append(m.said, line)
	}}
}

func (m *machine) saidText() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.said, "\n")
}

// asked counts what uv was asked for.
func (m *machine) asked(what string) int {
	text, err := os.ReadFile(m.notes)
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, what) {
			n++
		}
	}
	return n
}

// prepare makes the environment of a conda file with these dependencies.
func (m *machine) prepare(dependencies ...string) *environment.Lock {
	m.t.Helper()
	lock, err := m.Prepare(m.t.Context(), conda(dependencies...), "cpu", false, m.watch())
	must(m.t, err)
	return lock
}

func conda(dependencies ...string) pipeline.Environment {
	return pipeline.Environment{Conda: "name: test\ndependencies:\n  - " + strings.Join(dependencies, "\n  - ") + "\n"}
}

func has(lock *environment.Lock, packages ...string) bool {
	for _, p := range packages {
		if !slices.Contains(lock.Packages(), p) {
			return false
		}
	}
	return true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// makeInChild is what another process of the same machine does.
func makeInChild() int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	home := os.Getenv("STAND_IN_MAKE")
	store, err := artifact.Open(ctx, (&url.URL{Scheme: "file", Path: filepath.Join(home, "store")}).String())
	if err != nil {
		return fail(err)
	}
	lock, err := managerAt(home, store).Prepare(ctx, conda("six=1.16"), "cpu", false, environment.Watch{})
	if err != nil {
		return fail(err)
	}
	fmt.Println(lock.Digest())
	return 0
}
