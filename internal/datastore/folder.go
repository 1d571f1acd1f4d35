package datastore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// folder is a place on this machine. It may be a symbolic link; below it none
// leads out. It may also be a single file, which stands for an address.
type folder struct {
	store *artifact.Store
	dir   string
}

// notThere explains why nothing can be read.
func notThere(looked string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return &nothing{missing("put the file or folder there", "there is no file or folder %s", looked)}
	case errors.Is(err, fs.ErrPermission):
		return missing("make it readable for the user that runs Millrace", "%s may not be read", looked)
	}
	return err
}

func (f folder) fetch(ctx context.Context, at target) (pipeline.Artifact, error) {
	shown := filepath.Join(f.dir, filepath.FromSlash(at.path))
	root, err := filepath.EvalSymlinks(f.dir)
	if err != nil {
		return pipeline.Artifact{}, notThere(shown, err)
	}
	local, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(at.path)))
	if err != nil {
		return pipeline.Artifact{}, notThere(shown, err)
	}
	if local != root && !strings.HasPrefix(local, strings.TrimSuffix(root, "/")+"/") {
		return pipeline.Artifact{}, missing("copy the data there, or give its own path as file:///PATH",
			"%s leads out of the datastore through a symbolic link", shown)
	}
	info, err := os.Stat(local)
	if err != nil {
		return pipeline.Artifact{}, notThere(shown, err)
	}
	if info.IsDir() {
		return f.store.ImportTree(ctx, local, artifact.Copy)
	}
	a, err := f.store.ImportFile(ctx, local, artifact.Copy)
	return at.named(a, shown), err
}

// publish prepares everything elsewhere and renames it into place, file by
// file: nobody sees half a file.
func (f folder) publish(ctx context.Context, a pipeline.Artifact, at string) error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return notMade(f.dir, err)
	}
	temp, err := f.store.MkdirTemp()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	staged := filepath.Join(temp, "staged")
	if err := f.store.Stage(ctx, a, staged, artifact.Writable); err != nil {
		return err
	}
	tree := artifact.Tree{Entries: []artifact.Entry{{Mode: artifact.Plain}}}
	if a.Tree {
		if tree, err = f.store.Manifest(ctx, a.Digest); err != nil {
			return err
		}
	}
	p := placer{root: f.dir, made: map[string]bool{"": true}}
	if a.Tree {
		if err := p.folder(at); err != nil {
			return notMade(f.dir, err)
		}
	}
	for _, e := range tree.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := path.Join(at, e.Path)
		if e.IsFolder() {
			err = p.folder(to)
		} else {
			err = p.file(filepath.Join(staged, filepath.FromSlash(e.Path)), to)
		}
		if err != nil {
			return notMade(f.dir, err)
		}
	}
	return nil
}

// notMade explains why nothing can be written, where another try would not
// help.
func notMade(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return missing("make it writable for the user that runs Millrace, or publish elsewhere", "nothing may be written to %s", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return missing("publish elsewhere", "%s is below a file", dir)
	}
	return err
}

// placer puts files at paths below a root, through no symbolic link.
type placer struct {
	root string
	made map[string]bool // folders that are known to be there
}

func (p *placer) local(at string) string { return filepath.Join(p.root, filepath.FromSlash(at)) }

// folder makes a folder and those above it.
func (p *placer) folder(at string) error {
	if p.made[at] {
		return nil
	}
	if err := p.folder(parent(at)); err != nil {
		return err
	}
	err := os.Mkdir(p.local(at), 0o755)
	if errors.Is(err, fs.ErrExist) {
		info, looking := os.Lstat(p.local(at))
		switch {
		case looking != nil:
			return looking
		case info.Mode()&fs.ModeSymlink != 0:
			return missing("publish elsewhere, or replace the link with a folder", "%s is a symbolic link; nothing is written through it", p.local(at))
		case !info.IsDir():
			return missing("publish elsewhere, or delete the file", "%s is a file; the output needs a folder there", p.local(at))
		}
		err = nil
	}
	if err == nil {
		p.made[at] = true
	}
	return err
}

// parent is the folder that a path is in, "" for the root.
func parent(at string) string { return at[:max(0, strings.LastIndexByte(at, '/'))] }

// file moves a file to its place.
func (p *placer) file(from, at string) error {
	if err := p.folder(parent(at)); err != nil {
		return err
	}
	to := p.local(at)
	if info, err := os.Lstat(to); err == nil && info.IsDir() {
		return missing("publish elsewhere, or delete the folder", "%s is a folder; the output is a file of that name", to)
	}
	err := os.Rename(from, to)
	if errors.Is(err, syscall.EXDEV) { // the datastore is a link to another disk
		return copyOver(from, to)
	}
	return err
}

// copyOver copies a file beside its destination and renames it then.
func copyOver(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(to), ".millrace-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	_, err = io.Copy(temp, source)
	if err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Close()); err != nil {
		return fmt.Errorf("copy to %s: %w", to, err)
	}
	return os.Rename(temp.Name(), to)
}
