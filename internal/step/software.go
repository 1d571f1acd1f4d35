package step

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	environments "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// makeLog is where everything stands that the tools print which make an
// environment, in the attempt's folder.
const makeLog = "user_logs/environment.txt"

// ownEnvironment is the folder, in an attempt's, of what the step installs.
const ownEnvironment = "env"

// software is what an attempt has beside the machine's own.
type software struct {
	// bin are the folders of its programs, the attempt's own first; none where
	// the attempt runs with the machine's software.
	bin []string
	// root is the attempt's own environment: what is installed goes there.
	root string
	done func()
	// image is what the attempt runs in; "" for a process of the machine.
	image string
}

// equip makes the software ready that the step asks for. What it does stands in
// the attempt's log. If it fails, that is kept, and returned as the outputs.
func (r *Runner) equip(ctx context.Context, a Attempt, at *claim) (map[string]pipeline.Artifact, error) {
	if r.Environments == nil {
		return nil, nil
	}
	err := r.furnish(ctx, a, at)
	if err == nil {
		return nil, nil
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = at.note(err.Error())
	kept, keepErr := r.keep(ctx, at, Report{})
	if keepErr != nil {
		return nil, err // what comes first is what counts
	}
	return map[string]pipeline.Artifact{pipeline.Artifacts: kept}, err
}

func (r *Runner) furnish(ctx context.Context, a Attempt, at *claim) error {
	log := &lazyFile{path: filepath.Join(at.path, filepath.FromSlash(makeLog))}
	defer func() { _ = log.Close() }()
	watch := environments.Watch{Log: log, Say: func(line string) { _ = at.note(line) }}
	lock, err := r.Environments.Resolve(ctx, a.Step.Environment, a.Step.Queue, false, watch)
	if err != nil || lock == nil {
		return err
	}
	if lock.Kind == environments.Image {
		at.software.image = lock.Image
		return r.Environments.Images.Ready(ctx, a.Step.Environment, lock.Image, watch.Say)
	}
	for _, changed := range lock.Changed {
		_ = at.note("environment " + lock.Name + ": " + changed)
	}
	shared, done, err := r.Environments.Use(ctx, lock, at.attempt(), watch)
	if err != nil {
		return err
	}
	at.software.done = done
	at.software.root = filepath.Join(at.path, ownEnvironment)
	own, err := environments.Layer(shared, at.software.root)
	at.software.bin = []string{own, filepath.Join(shared, "bin")}
	return err
}

// release says that the attempt does not use its software any more, unless its
// program outlives this worker.
func (s *software) release(at *claim) {
	if s.done == nil {
		return
	}
	if _, err := os.Lstat(at.attempt()); errors.Is(err, fs.ErrNotExist) {
		s.done()
	}
}

// settle has an attempt's programs find its software, and no other's.
func (s *software) settle(env environment) {
	if len(s.bin) == 0 {
		return
	}
	for name := range env {
		if environments.Hides(name) {
			delete(env, name)
		}
	}
	env["PATH"] = strings.Join(append(s.bin, env["PATH"]), string(filepath.ListSeparator))
	env["VIRTUAL_ENV"] = s.root
}

// lazyFile is a file that is made when the first is written to it.
type lazyFile struct {
	path string
	file io.WriteCloser
}

func (l *lazyFile) Write(b []byte) (int, error) {
	if l.file == nil {
		file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return 0, err
		}
		l.file = file
	}
	return l.file.Write(b)
}

// Close closes the file, if there is one.
func (l *lazyFile) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
