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

// root is the folder of a datastore on a local store. It may be a symbolic
// link; below it none leads out.
func (r *Resolver) root(u URI) string { return filepath.Join(r.store.Dir(), "datastores", u.Datastore) }

func notThere(u URI, looked string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		hint := ""
		if u.Scheme == Azure {
			hint = "put the file or folder there; a datastore on this machine is a folder"
		}
		return missing(hint, "there is no file or folder %s", looked)
	case errors.Is(err, fs.ErrPermission):
		return missing("make it readable for the user that runs Millrace", "%s may not be read", looked)
	}
	return err
}

func (r *Resolver) fetchPlace(ctx context.Context, u URI) (pipeline.Artifact, error) {
	shown := filepath.Join(r.root(u), filepath.FromSlash(u.Path))
	root, err := filepath.EvalSymlinks(r.root(u))
	if err != nil {
		return pipeline.Artifact{}, notThere(u, shown, err)
	}
	target, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(u.Path)))
	if err != nil {
		return pipeline.Artifact{}, notThere(u, shown, err)
	}
	if target != root && !strings.HasPrefix(target, strings.TrimSuffix(root, "/")+"/") {
		return pipeline.Artifact{}, missing("copy the data there, or give its own path as file:///PATH",
			"%s leads out of the datastore through a symbolic link", shown)
	}
	return r.fetchLocal(ctx, u, target, shown)
}

// publishPlace prepares everything elsewhere and renames it into place, file by
// file: nobody sees half a file.
func (r *Resolver) publishPlace(ctx context.Context, a pipeline.Artifact, u URI) error {
	if err := os.MkdirAll(r.root(u), 0o755); err != nil {
		return err
	}
	temp, err := r.store.MkdirTemp()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	staged := filepath.Join(temp, "staged")
	if err := r.store.Stage(ctx, a, staged, artifact.Writable); err != nil {
		return err
	}
	tree := artifact.Tree{Entries: []artifact.Entry{{Mode: artifact.Plain}}}
	if a.Tree {
		if tree, err = r.store.Manifest(ctx, a.Digest); err != nil {
			return err
		}
	}
	p := placer{root: r.root(u), made: map[string]bool{"": true}}
	if a.Tree {
		if err := p.folder(u.Path); err != nil {
			return err
		}
	}
	for _, e := range tree.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := path.Join(u.Path, e.Path)
		if e.IsFolder() {
			err = p.folder(to)
		} else {
			err = p.file(filepath.Join(staged, filepath.FromSlash(e.Path)), to)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
