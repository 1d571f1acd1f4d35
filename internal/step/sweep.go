package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	paths, err := r.attempts()
	if err != nil {
		return nil, err
	}
	all := make([]*Left, len(paths))
	errs := make([]error, len(paths))
	var group sync.WaitGroup
	for i, path := range paths {
		group.Go(func() { // the programs get their grace side by side
			if all[i], errs[i] = r.bury(ctx, path, false); errors.Is(errs[i], errHeld) {
				errs[i] = nil
			}
		})
	}
	group.Wait()
	var left []Left
	for _, l := range all {
		if l != nil {
			left = append(left, *l)
		}
	}
	return left, errors.Join(errs...)
}

// attempts are the numbered folders below job and step.
func (r *Runner) attempts() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(r.Work, "[A-Za-z0-9_]*", "[A-Za-z0-9_]*", "[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("look for left attempts: %w", err)
	}
	return paths, nil
}

// bury clears away one attempt, or returns errHeld if its worker lives. It
// reports what a dead worker has left, if there was one. A folder that was kept
// on purpose goes only if kept is set.
func (r *Runner) bury(ctx context.Context, path string, kept bool) (*Left, error) {
	o, err := r.takeOver(path)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, folderAt(r.Work, path).removeUnclaimed(kept)
	}
	ran, err := o.End(ctx)
	return &Left{Token: o.Token, Folder: path, Ran: ran}, err
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
