package environment_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAnEnvironmentIsMadeOnceForAllWhoAsk(t *testing.T) {
	m := newMachine(t)
	t.Setenv("STAND_IN_SLOW", "300ms")
	self, err := os.Executable()
	must(t, err)
	const processes = 20
	digests := make([]string, processes)
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = append(os.Environ(), "STAND_IN_MAKE="+m.home)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("process %d: %v\n%s", i, err, said.String())
			}
			digests[i] = strings.TrimSpace(string(out))
		})
	}
	group.Wait()
	for _, d := range digests {
		if d == "" || d != digests[0] {
			t.Fatalf("the processes have different environments: %q", digests)
		}
	}
	if n := m.asked("venv"); n != 1 {
		t.Errorf("the environment was made %d times", n)
	}
	built, err := m.Built()
	must(t, err)
	if len(built) != 1 || built[0].Digest != digests[0] || built[0].Python != "3.11.5" {
		t.Errorf("built: %+v", built)
	}
}

func TestWhoeverWaitsSaysSo(t *testing.T) {
	m := newMachine(t)
	m.Environ = append(m.Environ, "STAND_IN_SLOW=500ms")
	lock, err := m.Resolve(t.Context(), conda("six"), "cpu", false, m.watch())
	must(t, err)
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if err := m.Make(t.Context(), lock, m.watch()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	said := m.saidText()
	if strings.Count(said, "making environment test: Python 3.11.5, 3 packages") != 1 || strings.Count(said, "is ready, in") != 1 {
		t.Errorf("said:\n%s", said)
	}
	if n := strings.Count(said, "waiting for environment test, which is being made"); n < 1 {
		t.Errorf("nobody said that they wait:\n%s", said)
	}
}

func TestWhatAKilledProcessLeftHalfMadeIsMadeAnew(t *testing.T) {
	m := newMachine(t)
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "STAND_IN_MAKE="+m.home, "STAND_IN_SLOW=1s")
	must(t, cmd.Start())
	folder := ""
	for deadline := time.Now().Add(time.Minute); folder == ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is being made")
		}
		found, _ := filepath.Glob(filepath.Join(m.Folder, "*", "pyvenv.cfg"))
		for _, f := range found {
			folder = filepath.Dir(f)
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
	must(t, os.WriteFile(filepath.Join(folder, "half"), nil, 0o644))
	if built, err := m.Built(); err != nil || len(built) != 0 {
		t.Fatalf("half an environment is taken for whole: %+v, %v", built, err)
	}
	// uv goes on without the process that started it: whoever comes next waits
	// for its end, and then starts from nothing.
	lock := m.prepare("six=1.16")
	if filepath.Base(folder) != lock.Digest() {
		t.Fatalf("another environment was made: %s, %s", folder, lock.Digest())
	}
	if _, err := os.Stat(filepath.Join(folder, "half")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was half made is still there: %v", err)
	}
	if n := m.asked("venv"); n != 2 {
		t.Errorf("uv venv ran %d times", n)
	}
}

func TestTroubleOnTheWayIsNotTheUsersFault(t *testing.T) {
	m := newMachine(t)
	m.Environ = append(m.Environ, "STAND_IN_NETWORK=down")
	_, err := m.Prepare(t.Context(), conda("six"), "cpu", false, m.watch())
	if _, user := errors.AsType[*pipeline.Failure](err); err == nil || user || !strings.Contains(err.Error(), "error sending request") {
		t.Errorf("got %v", err)
	}
	if built, _ := m.Built(); len(built) != 0 {
		t.Errorf("a failed environment is there: %+v", built)
	}
}

func TestAPackageThatDoesNotExistIsTheUsersFault(t *testing.T) {
	m := newMachine(t)
	_, err := m.Prepare(t.Context(), conda("nosuch"), "cpu", false, m.watch())
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Kind != pipeline.UserFailure || !strings.Contains(failure.Message, "nosuch was not found in the package registry") {
		t.Errorf("got %v", err)
	}
}

func TestEnvironmentsInUseAreNotRemoved(t *testing.T) {
	m := newMachine(t)
	holder := filepath.Join(m.home, "attempt.json")
	must(t, os.WriteFile(holder, nil, 0o644))
	used := m.prepare("six=1.16")
	folder, done, err := m.Use(t.Context(), used, holder, m.watch())
	must(t, err)
	unused := m.prepare("six=1.17")
	removed, freed, err := m.Prune(t.Context(), environment.Pruning{All: true})
	must(t, err)
	if len(removed) != 1 || removed[0].Digest != unused.Digest() || freed <= 0 {
		t.Errorf("removed %+v, %d bytes", removed, freed)
	}
	if _, err := os.Stat(filepath.Join(folder, "pyvenv.cfg")); err != nil {
		t.Fatal(err)
	}
	if built, _ := m.Built(); len(built) != 1 || len(built[0].Users) != 1 || built[0].Users[0] != holder {
		t.Errorf("built: %+v", built)
	}
	// A holder that is gone holds nothing, whatever became of its process.
	must(t, os.Remove(holder))
	if removed, _, err = m.Prune(t.Context(), environment.Pruning{All: true}); err != nil || len(removed) != 1 {
		t.Errorf("removed %+v, %v", removed, err)
	}
	done()
}

func TestTheLeastRecentlyUsedGoFirst(t *testing.T) {
	m := newMachine(t)
	for i, dependency := range []string{"six=1.16", "six=1.17", "numpy=1.26"} {
		lock := m.prepare(dependency)
		old := time.Now().Add(time.Duration(i-10) * time.Hour)
		must(t, os.Chtimes(filepath.Join(m.Folder, lock.Digest(), "environment.json"), old, old))
		must(t, os.WriteFile(filepath.Join(m.Folder, lock.Digest(), "large"), make([]byte, 1<<20), 0o644))
	}
	removed, _, err := m.Prune(t.Context(), environment.Pruning{Unused: 9*time.Hour + time.Minute})
	must(t, err)
	if len(removed) != 1 || removed[0].Packages[len(removed[0].Packages)-1] != "six==1.16.0" {
		t.Errorf("removed %+v", removed)
	}
	// Making another one keeps within the limit.
	m.Max = 2<<20 + 1<<19
	m.prepare("pandas=1.5")
	built, err := m.Built()
	must(t, err)
	if len(built) != 3 {
		t.Errorf("%d are there, which fit", len(built))
	}
	m.Max = 1 << 20
	m.prepare("pandas=2.2")
	built, err = m.Built()
	must(t, err)
	if len(built) == 0 || built[0].Name != "test" || !strings.Contains(strings.Join(built[0].Packages, " "), "pandas==2.2.0") {
		t.Fatalf("the newest is gone: %+v", built)
	}
	for _, b := range built {
		if strings.Contains(strings.Join(b.Packages, " "), "six==1.17") {
			t.Errorf("the one used least lately is there still: %+v", b)
		}
	}
}
