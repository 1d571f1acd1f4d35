package runs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// Log writes what a step of a job prints, stdout and stderr merged, until the
// step has ended. A reused step shows the log of the run that it was taken from.
//
// How the step stands is for the caller to say, who follows the job anyway, for
// all of its steps at once: stands returns what is known now, and whether
// nothing more will be known.
func (s *Service) Log(ctx context.Context, job, stepName string, stands func() (state pipeline.StepState, last bool), w io.Writer) error {
	live := liveLog{folder: step.Folder(s.Work, job, stepName)}
	defer live.close()
	for {
		state, last := stands()
		// The file comes after that: once the step has ended, it is whole.
		if err := live.copy(w); err != nil {
			return err
		}
		if last || state.Status.Ended() || state.Status == pipeline.Finalizing || s.Temporal == nil {
			if live.began {
				return live.copy(w)
			}
			return s.keptLog(ctx, state, w)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(150 * time.Millisecond):
		}
	}
}

// keptLog writes the log that was kept with a step's artifacts.
func (s *Service) keptLog(ctx context.Context, state pipeline.StepState, w io.Writer) error {
	artifacts, ok := state.Outputs[pipeline.Artifacts]
	if !ok {
		return nil // it never ran
	}
	tree, err := s.Store.Manifest(ctx, artifacts.Digest)
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", state.Name, err)
	}
	for _, entry := range tree.Entries {
		if entry.Path == step.Log {
			r, err := s.Store.Open(ctx, entry.Digest)
			if err != nil {
				return fmt.Errorf("read the log of %s: %w", state.Name, err)
			}
			defer r.Close()
			_, err = io.Copy(w, r)
			return err
		}
	}
	return nil // it printed nothing
}

// liveLog reads the log of a step that runs on this machine. The file stays
// readable when the worker moves it into the store. A new attempt has a new
// file, which is then read from its beginning.
type liveLog struct {
	folder  string
	attempt int
	file    *os.File
	began   bool
}

func (l *liveLog) copy(w io.Writer) error {
	for {
		if l.file != nil {
			n, err := io.Copy(w, l.file)
			l.began = l.began || n > 0
			if err != nil {
				return err
			}
		}
		next, file := l.next()
		if file == nil {
			return nil
		}
		l.close()
		l.attempt, l.file = next, file
	}
}

// next opens the log of the next attempt that has one.
func (l *liveLog) next() (int, *os.File) {
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		return 0, nil
	}
	var numbers []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > l.attempt {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		file, err := os.Open(filepath.Join(l.folder, strconv.Itoa(n), filepath.FromSlash(step.Log)))
		if err == nil {
			return n, file
		}
		if !errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
	}
	return 0, nil
}

func (l *liveLog) close() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
