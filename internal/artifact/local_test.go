package artifact

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}

func TestMoveAndLinkCopyNothing(t *testing.T) {
	s := localStore(t)
	path := filepath.Join(t.TempDir(), "big")
	must(t, os.WriteFile(path, make([]byte, 1<<20), 0o666))
	before := inode(t, path)
	a, err := s.ImportFile(t.Context(), path, Move)
	must(t, err)
	again, err := s.ImportFile(t.Context(), path, Move)
	if err != nil || again != a {
		t.Errorf("after an interruption, imported as %v, %v, want %v", again, err, a)
	}
	dst := filepath.Join(t.TempDir(), "staged")
	must(t, s.Stage(t.Context(), a, dst, Link))
	if after := inode(t, dst); after != before {
		t.Error("the bytes were copied")
	}
	info, err := os.Stat(dst)
	must(t, err)
	if info.Mode().Perm() != 0o444 {
		t.Errorf("mode %v, want read-only", info.Mode())
	}
}

func TestExecutablesAreLinkedTooAndDoNotTouchPlainOnes(t *testing.T) {
	s := localStore(t)
	dir := folder(t, map[string]string{"plain": "same", "runs*": "same"})
	a, err := s.ImportTree(t.Context(), dir, Move)
	must(t, err)
	if again, err := s.ImportTree(t.Context(), dir, Move); err != nil || again != a {
		t.Errorf("after an interruption, imported as %v, %v, want %v", again, err, a)
	}
	var inodes []uint64
	for range 2 {
		dst := filepath.Join(t.TempDir(), "out")
		must(t, s.Stage(t.Context(), a, dst, Link))
		for name, want := range map[string]os.FileMode{"plain": 0o444, "runs": 0o555} {
			info, err := os.Stat(filepath.Join(dst, name))
			must(t, err)
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
			}
		}
		inodes = append(inodes, inode(t, filepath.Join(dst, "runs")))
	}
	if inodes[0] != inodes[1] {
		t.Error("the executable was copied twice")
	}
}

// A second name somewhere else would let its owner write into the store.
func TestMoveDoesNotTakeOverAFileWithAnotherName(t *testing.T) {
	s := localStore(t)
	dir := folder(t, map[string]string{"mine": "precious"})
	path := filepath.Join(t.TempDir(), "output")
	must(t, os.Link(filepath.Join(dir, "mine"), path))
	a, err := s.ImportFile(t.Context(), path, Move)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "mine"), []byte("PRECIOUS"), 0o644))
	must(t, s.Verify(t.Context(), a))
}

func TestTamperingIsNoticedAndRepaired(t *testing.T) {
	for _, victim := range []string{"data", "tool"} {
		t.Run(victim, func(t *testing.T) {
			s := localStore(t)
			files := map[string]string{"data": "12345", "tool*": "#!/bin/sh"}
			a, err := s.ImportTree(t.Context(), folder(t, files), Move)
			must(t, err)
			dst := filepath.Join(t.TempDir(), "in")
			must(t, s.Stage(t.Context(), a, dst, Link))
			before, err := s.Fingerprint(t.Context(), a)
			must(t, err)
			// Staging for others, meanwhile, changes nothing.
			must(t, s.Stage(t.Context(), a, filepath.Join(t.TempDir(), "in"), Link))
			same, err := s.Fingerprint(t.Context(), a)
			must(t, err)
			if same != before {
				t.Error("the fingerprint changed though nobody wrote")
			}

			path := filepath.Join(dst, victim)
			must(t, os.Chmod(path, 0o644))
			must(t, os.WriteFile(path, []byte("evil!"), 0))
			// As a later write would have, whatever the clock's grain.
			must(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)))
			after, err := s.Fingerprint(t.Context(), a)
			must(t, err)
			if after == before {
				t.Fatal("the write went unnoticed")
			}
			if err := s.Verify(t.Context(), a); !errors.Is(err, ErrDamaged) {
				t.Fatalf("Verify = %v", err)
			}
			if ok, err := s.Has(t.Context(), a); ok || err != nil {
				t.Errorf("Has = %v, %v", ok, err)
			}
			again, err := s.ImportTree(t.Context(), folder(t, files), Move)
			must(t, err)
			out := filepath.Join(t.TempDir(), "out")
			must(t, s.Stage(t.Context(), again, out, Link))
			if diff := cmp.Diff(files, contents(t, out)); diff != "" {
				t.Errorf("after repair:\n%s", diff)
			}
		})
	}
}

func TestLinksInsideATreeAreFollowed(t *testing.T) {
	everyStore(t, func(t *testing.T, s *Store) {
		for _, how := range []Transfer{Copy, Move} {
			dir := folder(t, map[string]string{
				"runs/1/m.bin":         "model",
				"runs/latest -> 1":     "",
				"best -> runs/1/m.bin": "",
				"z/up -> ../best":      "",
			})
			must(t, os.Symlink(filepath.Join(dir, "runs"), filepath.Join(dir, "absolute")))
			a, err := s.ImportTree(t.Context(), dir, how)
			must(t, err)
			dst := filepath.Join(t.TempDir(), "out")
			must(t, s.Stage(t.Context(), a, dst, Link))
			want := map[string]string{
				"runs/1/m.bin": "model", "runs/latest/m.bin": "model", "best": "model", "z/up": "model",
				"absolute/1/m.bin": "model", "absolute/latest/m.bin": "model",
			}
			if diff := cmp.Diff(want, contents(t, dst)); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestWhatCannotBeStoredIsNamed(t *testing.T) {
	outside := filepath.Join(folder(t, map[string]string{"secret": "x"}), "secret")
	tests := map[string]struct {
		files map[string]string
		names string
	}{
		"out of the tree":  {map[string]string{"l -> " + outside: ""}, "l"},
		"above the tree":   {map[string]string{"sub/l -> ../..": ""}, "sub/l"},
		"nowhere":          {map[string]string{"l -> missing": ""}, "l"},
		"itself":           {map[string]string{"l -> l": ""}, "l"},
		"its own folder":   {map[string]string{"sub/f": "", "sub/l -> .": ""}, "sub/l"},
		"round about":      {map[string]string{"a/l -> ../b": "", "b/l -> ../a": ""}, "b/l"},
		"via another link": {map[string]string{"a -> b": "", "b -> " + outside: ""}, "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, test.files)
			_, err := localStore(t).ImportTree(t.Context(), dir, Move)
			wantFailure(t, err, filepath.Join(dir, test.names))
		})
	}
	t.Run("named pipe", func(t *testing.T) {
		dir := folder(t, nil)
		must(t, syscall.Mkfifo(filepath.Join(dir, "p"), 0o600))
		_, err := localStore(t).ImportTree(t.Context(), dir, Copy)
		wantFailure(t, err, filepath.Join(dir, "p"))
		_, err = localStore(t).ImportFile(t.Context(), filepath.Join(dir, "p"), Copy)
		wantFailure(t, err, filepath.Join(dir, "p"))
	})
	t.Run("an output that is a link", func(t *testing.T) {
		dir := folder(t, map[string]string{"out -> " + outside: ""})
		_, err := localStore(t).ImportFile(t.Context(), filepath.Join(dir, "out"), Move)
		wantFailure(t, err, filepath.Join(dir, "out"))
	})
	t.Run("missing", func(t *testing.T) {
		_, err := localStore(t).ImportFile(t.Context(), "/no/such/file", Copy)
		wantFailure(t, err, "/no/such/file")
		_, err = localStore(t).ImportTree(t.Context(), "/no/such/folder", Copy)
		wantFailure(t, err, "/no/such/folder")
	})
}

func wantFailure(t *testing.T, err error, path string) {
	t.Helper()
	var failure *pipeline.Failure
	if !errors.As(err, &failure) || failure.Kind != pipeline.UserFailure {
		t.Fatalf("error = %v, want a user failure", err)
	}
	if want := path + " "; len(failure.Message) < len(want) || failure.Message[:len(want)] != want {
		t.Errorf("message %q does not begin with %q", failure.Message, path)
	}
}

func TestUnfinishedWritesAreSwept(t *testing.T) {
	s := localStore(t)
	old, fresh := filepath.Join(s.Dir(), "tmp", "old"), filepath.Join(s.Dir(), "tmp", "fresh")
	must(t, os.MkdirAll(filepath.Join(old, "sub"), 0o755))
	must(t, os.WriteFile(fresh, nil, 0o600))
	dayBefore := time.Now().Add(-2 * staleAfter)
	must(t, os.Chtimes(old, dayBefore, dayBefore))
	open(t, "file://"+s.Dir())
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old one is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("the fresh one is gone: %v", err)
	}
}

func TestTheBucketSeesTheSameFiles(t *testing.T) {
	s := localStore(t)
	a, err := s.PutBytes(t.Context(), []byte("seen"))
	must(t, err)
	b, err := s.Bucket().ReadAll(t.Context(), blobKey(a.Digest))
	if err != nil || string(b) != "seen" {
		t.Errorf("the bucket has %q, %v", b, err)
	}
	must(t, s.Bucket().WriteAll(t.Context(), "jobs/j/state.json", []byte("{}"), nil))
	b, err = os.ReadFile(filepath.Join(s.Dir(), "jobs/j/state.json"))
	if err != nil || string(b) != "{}" {
		t.Errorf("the folder has %q, %v", b, err)
	}
}
