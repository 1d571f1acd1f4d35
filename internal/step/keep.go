package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// keep stores what is kept of every attempt, failed or not: what it printed,
// and what it left in outputs/ and logs/. Of these, empty ones are left out.
//
// A step may declare this very tree as its output "artifacts". Its command then
// gets a folder for it, whose files stand beside outputs/ and logs/.
func (r *Runner) keep(ctx context.Context, at *claim, report Report) (pipeline.Artifact, error) {
	var kept []artifact.Entry
	for _, name := range captured {
		entries, err := r.keepFolder(ctx, at, filepath.Join(at.wd(), name))
		if err != nil {
			return pipeline.Artifact{}, err
		}
		kept = merge(kept, entries, name+"/")
	}
	entries, err := r.keepFolder(ctx, at, at.output(pipeline.Artifacts))
	if err != nil {
		return pipeline.Artifact{}, err
	}
	kept = merge(kept, entries, "")
	if kept, err = r.keepReported(ctx, at, kept, report); err != nil {
		return pipeline.Artifact{}, err
	}
	logs, err := r.keepLogs(ctx, at) // last, for the notes of the others
	if err != nil {
		return pipeline.Artifact{}, err
	}
	return r.Store.PutTree(ctx, artifact.Tree{Entries: merge(logs, kept, "")})
}

// keepLogs stores what the program has printed.
func (r *Runner) keepLogs(ctx context.Context, at *claim) ([]artifact.Entry, error) {
	files, err := os.ReadDir(at.logs())
	if err != nil {
		return nil, ignoreMissing(err)
	}
	var kept []artifact.Entry
	for _, file := range files {
		if !file.Type().IsRegular() {
			continue // Millrace makes nothing else there
		}
		a, err := r.Store.ImportFile(ctx, filepath.Join(at.logs(), file.Name()), artifact.Move)
		if err != nil {
			return nil, err
		}
		kept = append(kept, artifact.Entry{
			Path: path.Join(path.Dir(Log), file.Name()), Mode: artifact.Plain, Size: a.Size, Digest: a.Digest,
		})
	}
	return kept, nil
}

// merge adds entries under a prefix. One that cannot stand beside what is there
// gives way.
func merge(to, from []artifact.Entry, prefix string) []artifact.Entry {
	there := make(map[string]bool) // every path there, true for a file
	for _, e := range to {
		there[e.Path] = true
		for above := path.Dir(e.Path); above != "."; above = path.Dir(above) {
			there[above] = false
		}
	}
	for _, e := range from {
		e.Path = prefix + e.Path
		_, clash := there[e.Path]
		for above := path.Dir(e.Path); above != "."; above = path.Dir(above) {
			clash = clash || there[above]
		}
		if !clash {
			to = append(to, e)
		}
	}
	return to
}

// keepFolder stores one folder. What cannot be stored is left out with a note in
// the log: nobody asked for it by name, and a step should not fail for it.
func (r *Runner) keepFolder(ctx context.Context, at *claim, folder string) ([]artifact.Entry, error) {
	if info, err := os.Lstat(folder); err != nil || !info.IsDir() {
		return nil, ignoreMissing(err)
	}
	if entries, err := os.ReadDir(folder); err == nil && len(entries) == 0 {
		return nil, nil
	}
	stored, err := r.Store.ImportTree(ctx, folder, artifact.Move)
	failure := (*pipeline.Failure)(nil)
	if errors.As(err, &failure) {
		if err := at.prune(folder); err != nil {
			return nil, err
		}
		stored, err = r.Store.ImportTree(ctx, folder, artifact.Move)
	}
	if errors.As(err, &failure) {
		return nil, at.note(at.localise(*failure, "not kept: ").Message)
	}
	if err != nil {
		return nil, err
	}
	tree, err := r.Store.Manifest(ctx, stored.Digest)
	return tree.Entries, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// prune removes what cannot be stored from a folder, and makes readable what is
// not.
func (c *claim) prune(folder string) error {
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // storing it will fail again, and say why
		case entry.IsDir():
			_ = os.Chmod(path, 0o755)
			return nil
		case entry.Type().IsRegular():
			// Not that of a readable one: it may be a link to the store's.
			if info, err := entry.Info(); err == nil && info.Mode()&0o400 == 0 {
				_ = os.Chmod(path, 0o644)
			}
			return nil
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := filepath.EvalSymlinks(path)
			if err == nil && strings.HasPrefix(target, root+string(filepath.Separator)) {
				return nil
			}
		}
		short, _ := filepath.Rel(c.path, path)
		if err := c.note(fmt.Sprintf("not kept: %s is not a file, nor a link to one beside it", short)); err != nil {
			return err
		}
		return os.Remove(path)
	})
}

// note adds a line of Millrace's own to the log. One that is in the store already,
// as an earlier worker has put it there, stays as it is.
func (c *claim) note(text string) error {
	path := filepath.Join(c.path, filepath.FromSlash(Log))
	if info, err := os.Lstat(path); err == nil && info.Mode()&0o200 == 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return ignoreMissing(err)
	}
	_, err = fmt.Fprintf(file, "millrace: %s\n", text)
	return errors.Join(err, file.Close())
}

// tellOnce returns what tells in the log of the first trouble, and of no other.
func (c *claim) tellOnce(what string) func(error) {
	var told bool
	return func(err error) {
		if !told {
			told = true
			_ = c.note(fmt.Sprintf("%s, and are tried again: %v", what, err))
		}
	}
}

// localise puts a failure in the terms of the attempt: paths in its folder,
// which nobody else knows and which is about to go, are cut short.
func (c *claim) localise(f pipeline.Failure, subject string) *pipeline.Failure {
	f.Message = subject + strings.ReplaceAll(f.Message, c.path+"/", "")
	f.Hint = strings.ReplaceAll(f.Hint, c.path+"/", "")
	return &f
}
