package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The folders beside the environments, and what says that one is whole.
const (
	locksFolder = ".locks"
	usesFolder  = ".uses"
	cacheFolder = ".cache"
	marker      = "environment.json"
)

// Made is an environment on this machine.
type Made struct {
	Digest string `json:"digest"`
	Name   string `json:"name"`
	Python string `json:"python"`
	// Interpreter is what it was made with.
	Interpreter string   `json:"interpreter"`
	Packages    []string `json:"packages"`
	Changed     []string `json:"changed,omitempty"`
	// Size is in bytes; some of them may be shared with other environments.
	Size    int64     `json:"size"`
	Created time.Time `json:"created"`
	// Seconds is how long it took to make.
	Seconds float64 `json:"seconds"`
	// Path is the folder, and Used when a step was given it last.
	Path string    `json:"path,omitempty"`
	Used time.Time `json:"used,omitzero"`
	// Users are what uses it now: paths of running attempts.
	Users []string `json:"users,omitempty"`
}

func (m *Manager) path(digest string) string { return filepath.Join(m.Folder, digest) }

// Make makes an environment, unless it is there. Of many who ask at once, in
// any process, one makes it; the others wait and say so.
func (m *Manager) Make(ctx context.Context, lock *Lock, w Watch) error {
	file, err := m.ready(ctx, lock, w)
	if err != nil {
		return err
	}
	return file.Close()
}

// ready returns with the environment made and its lock held, shared with
// others: nobody removes it meanwhile.
func (m *Manager) ready(ctx context.Context, lock *Lock, w Watch) (*os.File, error) {
	if err := m.allowed(lock, nil); err != nil {
		return nil, err
	}
	name := lock.Digest()
	if err := os.MkdirAll(filepath.Join(m.Folder, locksFolder), 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(m.Folder, locksFolder, name)
	waiting := func() { w.say("waiting for environment " + lock.Name + ", which is being made") }
	for {
		shared, err := lockFile(ctx, path, false, waiting)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(m.path(name), marker)); err == nil {
			return shared, nil
		}
		shared.Close()
		exclusive, err := lockFile(ctx, path, true, waiting)
		if err != nil {
			return nil, err
		}
		err = m.makeLocked(ctx, lock, exclusive, w)
		exclusive.Close()
		if err != nil {
			return nil, err
		}
		waiting = nil
	}
}

// makeLocked makes the environment while nobody else is at it.
func (m *Manager) makeLocked(ctx context.Context, lock *Lock, hold *os.File, w Watch) error {
	name := lock.Digest()
	folder := m.path(name)
	if _, err := os.Stat(filepath.Join(folder, marker)); err == nil {
		return nil // by who was quicker
	}
	w.hold = hold
	// What was left half made.
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	python, err := m.pythonOf(ctx, lock, w)
	if err != nil {
		return err
	}
	packages := lock.Packages()
	w.say(fmt.Sprintf("making environment %s: Python %s, %s", lock.Name, python, count(len(packages), "package")))
	start := time.Now()
	if err := m.install(ctx, lock, python, folder, w); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	took := time.Since(start)
	made := Made{
		Digest: name, Name: lock.Name, Python: python.String(), Interpreter: python.path, Packages: packages, Changed: lock.Changed,
		Size: sizeOf(folder, nil), Created: time.Now().UTC(), Seconds: took.Round(time.Millisecond).Seconds(),
	}
	if err := writeMarker(folder, made); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	w.say(fmt.Sprintf("environment %s is ready, in %.1f s", lock.Name, took.Seconds()))
	return m.trim(ctx, w)
}

// install fills the folder of an environment.
func (m *Manager) install(ctx context.Context, lock *Lock, python interpreter, folder string, w Watch) error {
	doing := "make environment " + lock.Name
	if _, err := m.run(ctx, w, "", "venv", "--no-project", "--python", python.path, folder); err != nil {
		return sorted(err, doing)
	}
	requirements := filepath.Join(folder, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(lock.Requirements), 0o644); err != nil {
		return err
	}
	args := append([]string{"pip", "sync", "--python", filepath.Join(folder, "bin", "python"), requirements}, optionArgs(lock.Options)...)
	if _, err := m.run(ctx, w, "", args...); err != nil {
		return sorted(err, doing)
	}
	return nil
}

// pythonOf is the interpreter that a lock was resolved for, or another patch of
// it.
func (m *Manager) pythonOf(ctx context.Context, lock *Lock, w Watch) (interpreter, error) {
	if here := runtime.GOOS + "/" + runtime.GOARCH; lock.Platform != here {
		w.say("warning: environment " + lock.Name + " was resolved on " + lock.Platform + ", and this machine is " + here)
	}
	v, _ := parseVersion(lock.Python)
	wanted := fmt.Sprintf("==%d.%d.*", v[0], v[1])
	for _, fetched := range []bool{false, true} {
		if fetched {
			if err := m.fetchPython(ctx, wanted, w); err != nil {
				break
			}
		}
		all := m.interpreters(ctx)
		for _, i := range all {
			if i.version == v {
				return i, nil
			}
		}
		for _, i := range all {
			if accepts(wanted, i.version) {
				return i, nil
			}
		}
	}
	if ctx.Err() != nil {
		return interpreter{}, ctx.Err()
	}
	return interpreter{}, fmt.Errorf("environment %s was resolved for Python %s, which is not on this machine: install it, "+
		"or have all workers of the queue find the same Python and renew it with `millrace environment build --upgrade`", lock.Name, lock.Python)
}

// writeMarker says that an environment is whole, as the last thing.
func writeMarker(folder string, made Made) error {
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return err
	}
	temp := filepath.Join(folder, "."+marker)
	if err := os.WriteFile(temp, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(folder, marker))
}

// sizeOf adds up the files below a folder. Files with several names are counted
// once where seen is given.
func sizeOf(folder string, seen map[fileID]bool) int64 {
	var size int64
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // what goes away meanwhile takes no space
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if seen != nil {
			if id, many := idOf(info); many {
				if seen[id] {
					return nil
				}
				seen[id] = true
			}
		}
		size += info.Size()
		return nil
	})
	return size
}

// isDigest reports whether a name in the folder is that of an environment.
func isDigest(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}
