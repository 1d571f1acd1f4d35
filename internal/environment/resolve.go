package environment

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// resolve finds the exact packages for a spec on this machine.
func (m *Manager) resolve(ctx context.Context, spec *Spec, w Watch) (*Lock, error) {
	if len(spec.CondaOnly) > 0 {
		f := invalid("the environment %s needs what only conda has: %s", spec.Name, strings.Join(spec.CondaOnly, ", "))
		f.Hint = "take them out of the conda file where the step does without, or use an image that has them"
		return nil, f
	}
	lock := &Lock{
		Kind: Venv, Name: spec.Name, Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Options: spec.Options, Notes: spec.Notes, Created: time.Now().UTC(),
	}
	if _, err := m.uv(ctx, w); err != nil {
		return nil, err // before anything is said of what it would do
	}
	python, as, err := m.pythonFor(ctx, spec, w)
	if err != nil {
		return nil, err
	}
	lock.Python = python.String()
	if as != "" {
		lock.Changed = append(lock.Changed, as)
	}
	w.say("resolving environment " + spec.Name + " for Python " + lock.Python)
	r := resolver{m: m, python: python, options: spec.Options, watch: w}
	// Wheels were made for a Python; what has none for another one than the
	// file means can hardly be built for it either.
	asked := attempt{requirements: spec.Requirements, wheels: as != ""}
	text, err := r.compile(ctx, asked)
	if _, refused := errors.AsType[*toolFailure](err); refused && !m.Strict && (as != "" || spec.Python == "") {
		text, lock.Changed, err = r.relax(ctx, asked, lock.Changed, err)
	}
	if err != nil {
		return nil, sorted(err, "resolve environment "+spec.Name)
	}
	lock.Requirements = text
	return lock, m.allowed(lock, nil)
}

// pythonFor takes the interpreter for a spec. The second result says in words
// how it differs from what was asked for.
func (m *Manager) pythonFor(ctx context.Context, spec *Spec, w Watch) (interpreter, string, error) {
	all := m.interpreters(ctx)
	if len(all) > 0 {
		if python, ok := choose(all, spec.Python); ok {
			return python, "", nil
		}
	}
	wanted := spec.Python
	if wanted == "" {
		wanted = usualPython
	}
	if err := m.fetchPython(ctx, wanted, w); err != nil && ctx.Err() != nil {
		return interpreter{}, "", ctx.Err()
	}
	all = m.interpreters(ctx)
	if len(all) == 0 {
		return interpreter{}, "", errors.New("no Python is on this machine, and none can be fetched: install Python 3, or make it known on the PATH of the worker")
	}
	python, ok := choose(all, spec.Python)
	if ok {
		return python, "", nil
	}
	words := fmt.Sprintf("Python %s is asked for and is not on this machine; Python %s is taken", plainPython(spec.Python), python)
	if m.Strict {
		f := invalid("the environment %s asks for Python %s, which is not on this machine", spec.Name, plainPython(spec.Python))
		f.Hint = "install that Python, ask for another one, or leave out --strict-environments"
		return interpreter{}, "", f
	}
	w.say("warning: " + words)
	return python, words, nil
}

// usualPython is fetched where a machine has none at all.
const usualPython = ">=3.10,<3.13"

// plainPython is a range as people write it: "3.8" for "==3.8.*".
func plainPython(wanted string) string {
	if rest, ok := strings.CutPrefix(wanted, "=="); ok && !strings.Contains(rest, ",") {
		return strings.TrimSuffix(rest, ".*")
	}
	return wanted
}

// fetchTime bounds the download of an interpreter.
const fetchTime = 5 * time.Minute

// fetchPython has uv fetch an interpreter. It fails fast where it cannot be
// reached, and is not tried twice.
func (m *Manager) fetchPython(ctx context.Context, wanted string, w Watch) error {
	m.mu.Lock()
	missed := m.missed[wanted]
	m.mu.Unlock()
	if missed || slices.Contains([]string{"never", "manual", "0", "false"}, m.env("UV_PYTHON_DOWNLOADS")) || m.env("UV_OFFLINE") != "" {
		return errors.New("not to be fetched")
	}
	path, err := m.uv(ctx, w)
	if err != nil {
		return err
	}
	w.say("looking for Python " + plainPython(wanted) + " to fetch")
	limited, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	fetch := m.with("UV_HTTP_RETRIES=0", "UV_HTTP_TIMEOUT=15", "UV_HTTP_CONNECT_TIMEOUT=5")
	_, err = fetch.runTool(limited, w, path, "", "python", "install", "--no-bin", "--install-dir", filepath.Join(m.Tools, "python"), plainPython(wanted))
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		if m.missed == nil {
			m.missed = make(map[string]bool)
		}
		m.missed[wanted] = true
		return err
	}
	m.pythons = nil // there is one more
	return nil
}

// with is the manager with more variables for its tools.
func (m *Manager) with(environ ...string) *Manager {
	return &Manager{Folder: m.Folder, Tools: m.Tools, Environ: slices.Concat(m.Environ, environ)}
}

// resolver asks uv for exact packages.
type resolver struct {
	m       *Manager
	python  interpreter
	options []string
	watch   Watch
}

// attempt is one question.
type attempt struct {
	requirements []string
	wheels       bool // nothing is built
	lowest       bool // the lowest versions of these that will do
	alone        bool // without what they depend on
}

func (r *resolver) compile(ctx context.Context, a attempt) (string, error) {
	args := []string{"pip", "compile", "-", "--python", r.python.path, "--no-header", "--no-annotate"}
	if !a.alone {
		args = append(args, "--generate-hashes")
	} else {
		args = append(args, "--no-deps")
	}
	if a.wheels {
		args = append(args, "--only-binary", ":all:")
	}
	if a.lowest {
		args = append(args, "--resolution", "lowest-direct")
	}
	args = append(args, optionArgs(r.options)...)
	return r.m.run(ctx, r.watch, strings.Join(a.requirements, "\n")+"\n", args...)
}

// optionArgs are pip's options as uv has them. As with pip all indexes count
// alike.
func optionArgs(options []string) []string {
	var args []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, " ")
		switch name {
		case "--pre":
			args = append(args, "--prerelease", "allow")
			continue
		case "--index-url":
			name = "--default-index"
		case "--extra-index-url":
			name = "--index"
		}
		args = append(args, name, value)
	}
	if slices.Contains(args, "--index") {
		args = append(args, "--index-strategy", "unsafe-best-match")
	}
	return args
}
