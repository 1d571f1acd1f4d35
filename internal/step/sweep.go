package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Left is an attempt whose worker died.
type Left struct {
	// Token is what the attempt was given; nil if it cannot be told.
	Token json.RawMessage
	// Folder is where the attempt ran.
	Folder string
	// Ran reports whether its program was still running, and was ended.
	Ran bool
}

// Sweep clears away what dead workers have left: it ends their programs,
// removes their folders, and returns what was running there. Attempts of live
// workers are left alone. Call it before taking on work, so that a program does
// not run beside its own retry.
func (r *Runner) Sweep(ctx context.Context) ([]Left, error) {
	// The numbered folders below job and step.
	paths, err := filepath.Glob(filepath.Join(r.Work, "[A-Za-z0-9_]*", "[A-Za-z0-9_]*", "[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("look for left attempts: %w", err)
	}
	all := make([]Left, len(paths))
	errs := make([]error, len(paths))
	var group sync.WaitGroup
	for i, path := range paths {
		group.Go(func() { // the programs get their grace side by side
			var was bool
			if all[i], was, errs[i] = r.bury(ctx, path, false); !was {
				all[i] = Left{}
			}
			if errors.Is(errs[i], errHeld) {
				errs[i] = nil
			}
		})
	}
	group.Wait()
	var left []Left
	for _, l := range all {
		if l.Folder != "" {
			left = append(left, l)
		}
	}
	return left, errors.Join(errs...)
}

// bury clears away one attempt, or returns errHeld if its worker lives. It
// reports whether it was a dead worker's. A folder that was kept on purpose
// goes only if kept is set.
func (r *Runner) bury(ctx context.Context, path string, kept bool) (left Left, was bool, err error) {
	left.Folder = path
	f := folderAt(r.Work, path)
	file, err := lock(f.attempt(), 0)
	switch {
	case errors.Is(err, errHeld):
		return left, false, err
	case errors.Is(err, fs.ErrNotExist):
		return left, false, f.removeUnclaimed(kept)
	case err != nil:
		return left, false, fmt.Errorf("clear away %s: %w", path, err)
	}
	defer file.Close()
	if !stillAt(file) {
		return left, false, nil // another worker was quicker
	}
	found := readRecord(file)
	left.Token = found.Token
	// The last one may have been started and not been noted any more.
	for _, process := range append(found.Processes, r.Executor.Find(f.variable())...) {
		ran, endErr := r.Executor.End(ctx, process, r.Grace)
		left.Ran = left.Ran || ran
		err = errors.Join(err, endErr)
	}
	if err != nil {
		return left, true, fmt.Errorf("clear away %s: %w", path, err)
	}
	return left, true, f.remove()
}

// newborn is how old a folder without a claim must be to be taken for dead: its
// worker may be about to make one.
const newborn = time.Minute

// removeUnclaimed removes a folder that was kept, or never quite made, or not
// quite removed.
func (f folder) removeUnclaimed(kept bool) error {
	if !kept {
		if _, err := os.Lstat(f.kept()); err == nil {
			return nil
		}
		if info, err := os.Lstat(f.path); err != nil || time.Since(info.ModTime()) < newborn {
			return nil //nolint:nilerr // a folder that is gone is removed
		}
	}
	return f.remove()
}

// stillAt reports whether an open file is still the one at its path.
func stillAt(file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(opened, there)
}
