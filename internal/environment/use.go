package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Use makes an environment ready for a holder, a path that is there for as long
// as it is used: until then it is not removed, even if this process dies and the
// program goes on. It returns the folder, and a function for when it is not used
// any more.
func (m *Manager) Use(ctx context.Context, lock *Lock, holder string, w Watch) (folder string, done func(), err error) {
	file, err := m.ready(ctx, lock, w)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	name := lock.Digest()
	folder = m.path(name)
	use := filepath.Join(m.Folder, usesFolder, name, digest(holder))
	if err := os.MkdirAll(filepath.Dir(use), 0o755); err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(use, []byte(holder+"\n"), 0o644); err != nil {
		return "", nil, err
	}
	now := time.Now()
	_ = os.Chtimes(filepath.Join(folder, marker), now, now) // when it was used last
	return folder, func() { os.Remove(use) }, nil
}

// users are the holders of an environment that are there still. What dead ones
// left is cleared away.
func (m *Manager) users(name string) []string {
	folder := filepath.Join(m.Folder, usesFolder, name)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var users []string
	for _, e := range entries {
		use := filepath.Join(folder, e.Name())
		text, err := os.ReadFile(use)
		if err != nil {
			continue
		}
		holder := strings.TrimSuffix(string(text), "\n")
		if _, err := os.Lstat(holder); errors.Is(err, os.ErrNotExist) {
			os.Remove(use)
			continue
		}
		users = append(users, holder)
	}
	return users
}

// Layer makes a thin environment of a step's own on top of a shared one: what
// the step installs with pip stays in it. It returns the folder of its programs.
func Layer(shared, at string) (bin string, err error) {
	site, err := filepath.Glob(filepath.Join(shared, "lib", "python3.*", "site-packages"))
	if err != nil || len(site) != 1 {
		return "", fmt.Errorf("environment %s has no packages", shared)
	}
	below, err := filepath.Rel(shared, site[0])
	if err != nil {
		return "", err
	}
	settings, err := os.ReadFile(filepath.Join(shared, "pyvenv.cfg"))
	if err != nil {
		return "", err
	}
	python, err := os.Readlink(filepath.Join(shared, "bin", "python"))
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(python) {
		python = filepath.Join(shared, "bin", python)
	}
	bin = filepath.Join(at, "bin")
	for _, folder := range []string{bin, filepath.Join(at, below)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return "", err
		}
	}
	version := filepath.Base(filepath.Dir(below)) // python3.11
	names := []string{"python", "python3", version}
	var errs []error
	for _, name := range names {
		errs = append(errs, os.Symlink(python, filepath.Join(bin, name)))
	}
	pip := fmt.Sprintf("#!/bin/sh\nexec '%s' -m pip \"$@\"\n", strings.ReplaceAll(filepath.Join(bin, "python"), "'", `'\''`))
	for _, name := range []string{"pip", "pip3"} {
		errs = append(errs, os.WriteFile(filepath.Join(bin, name), []byte(pip), 0o755))
	}
	errs = append(errs,
		os.WriteFile(filepath.Join(at, "pyvenv.cfg"), settings, 0o644),
		os.WriteFile(filepath.Join(at, below, "_millrace.pth"), fmt.Appendf(nil, "import site; site.addsitedir(%s)\n", pythonText(site[0])), 0o644))
	return bin, errors.Join(errs...)
}

// pythonText writes a text as Python does.
func pythonText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}
