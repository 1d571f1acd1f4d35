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
// reports whether it was a dead worker's. A folder without a claim was kept on
// purpose; it goes only if kept is set.
func (r *Runner) bury(ctx context.Context, path string, kept bool) (left Left, was bool, err error) {
	left.Folder = path
	f := folderAt(r.Work, path)
	file, err := lock(f.attempt(), 0)
	switch {
	case errors.Is(err, errHeld):
		return left, false, err
	case errors.Is(err, fs.ErrNotExist):
		if !kept {
			return left, false, nil
		}
		return left, false, f.remove()
	case err != nil:
		return left, false, fmt.Errorf("clear away %s: %w", path, err)
	}
	defer file.Close()
	if !stillAt(file) {
		return left, false, nil // another worker was quicker
	}
	found := readRecord(file)
	left.Token = found.Token
	for _, process := range found.Processes {
		ran, endErr := r.Executor.End(ctx, process, r.Grace)
		left.Ran = left.Ran || ran
		err = errors.Join(err, endErr)
	}
	if err != nil {
		return left, true, fmt.Errorf("clear away %s: %w", path, err)
	}
	return left, true, f.remove()
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
