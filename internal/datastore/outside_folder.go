package datastore

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/zeebo/blake3"
)

// partSuffix ends the names of files that are being written. They are left out
// where files are listed.
const partSuffix = ".millrace-part"

// real finds a path in the folder with symbolic links followed, none of which
// may lead out.
func (f folder) real(at string) (string, error) {
	shown := filepath.Join(f.dir, filepath.FromSlash(at))
	root, err := filepath.EvalSymlinks(f.dir)
	if err != nil {
		return "", notThere(shown, err)
	}
	local, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(at)))
	if err != nil {
		return "", notThere(shown, err)
	}
	if local != root && !strings.HasPrefix(local, strings.TrimSuffix(root, "/")+"/") {
		return "", missing("copy the data there, or give its own path as file:///PATH", "%s leads out of the datastore through a symbolic link", shown)
	}
	return local, nil
}

func (f folder) files(ctx context.Context, at target) (found []Entry, single bool, err error) {
	local, err := f.real(at.path)
	if err != nil {
		return nil, false, err
	}
	info, err := os.Stat(local)
	if err != nil {
		return nil, false, notThere(local, err)
	}
	if !info.IsDir() {
		if at.folder {
			return nil, false, &nothing{missing("write the path without the slash at its end", "%s is a file", local)}
		}
		one := fileOf(info)
		one.Path = path.Base(at.path)
		if at.path == "" {
			one.Path = filepath.Base(f.dir)
		}
		return []Entry{one}, true, nil
	}
	err = f.below(ctx, at.path, "", &found, 0)
	return found, false, err
}

// maxDepth bounds how deep folders may lie: links may lead round in circles.
const maxDepth = 100

// below lists a folder and those in it.
func (f folder) below(ctx context.Context, root, rel string, found *[]Entry, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	local, err := f.real(path.Join(root, rel))
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return missing("", "%s lies more than %d folders deep", local, maxDepth)
	}
	entries, err := os.ReadDir(local)
	if err != nil {
		return notThere(local, err)
	}
	kept := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), partSuffix) {
			continue
		}
		kept++
		name := path.Join(rel, e.Name())
		info, err := os.Stat(filepath.Join(local, e.Name()))
		if err == nil && e.Type()&fs.ModeSymlink != 0 {
			_, err = f.real(path.Join(root, name))
		}
		switch {
		case err != nil:
			return notThere(filepath.Join(local, e.Name()), err)
		case info.IsDir():
			if err := f.below(ctx, root, name, found, depth+1); err != nil {
				return err
			}
		case !info.Mode().IsRegular():
			return missing("", "%s is no file", filepath.Join(local, e.Name()))
		default:
			if len(*found) == maxObjects {
				return missing("name a part of it", "there are more than %d files below %s", maxObjects, f.dir)
			}
			one := fileOf(info)
			one.Path = name
			*found = append(*found, one)
		}
	}
	if kept == 0 && rel != "" {
		*found = append(*found, Entry{Path: rel, Folder: true})
	}
	return nil
}

func fileOf(info fs.FileInfo) Entry {
	return Entry{Size: info.Size(), Version: fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())}
}

func (f folder) look(_ context.Context, at string) (*Entry, error) {
	local, err := f.real(at)
	if Nothing(err) {
		return nil, nil //nolint:nilnil // nothing is there
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(local)
	if err != nil {
		return nil, notThere(local, err)
	}
	one := fileOf(info)
	one.Path, one.Folder = at, info.IsDir()
	return &one, nil
}

func (f folder) open(ctx context.Context, at string, from int64) (io.ReadCloser, error) {
	local, err := f.real(at)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(local)
	if err != nil {
		return nil, notThere(local, err)
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		_ = file.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{interruptible{ctx, file}, file}, nil
}

// pour goes on with what an earlier attempt has left of the same bytes.
func (f folder) pour(ctx context.Context, at string, c Content) (w Written, err error) {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return w, notMade(f.dir, err)
	}
	p := placer{root: f.dir, made: map[string]bool{"": true}}
	if err := p.folder(parent(at)); err != nil {
		return w, notMade(f.dir, err)
	}
	to := p.local(at)
	if info, err := os.Lstat(to); err == nil && info.IsDir() {
		return w, missing("copy elsewhere, or delete the folder", "%s is a folder; what is copied is a file of that name", to)
	}
	part, err := f.part(ctx, to, c)
	if err != nil {
		return w, notMade(f.dir, err)
	}
	defer func() {
		_ = part.file.Close()
		if part.useless || err == nil {
			_ = os.Remove(part.file.Name())
		}
	}()
	if w, err = part.fill(ctx, c); err != nil {
		return w, notMade(f.dir, err)
	}
	if err := os.Rename(part.file.Name(), to); err != nil {
		return w, notMade(f.dir, err)
	}
	info, err := os.Stat(to)
	if err != nil {
		return w, err
	}
	w.Version = fileOf(info).Version
	return w, nil
}

func (f folder) makeFolder(_ context.Context, at string) error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return notMade(f.dir, err)
	}
	p := placer{root: f.dir, made: map[string]bool{"": true}}
	return notMade(f.dir, p.folder(at))
}

// part is a file that is being written.
type part struct {
	file *os.File
	// have is how much of it an earlier attempt has written.
	have int64
	moving
	// useless parts cannot be gone on with.
	useless bool
}

// part opens what there is of a file, beside its place, by the name of the
// bytes.
func (f folder) part(ctx context.Context, to string, c Content) (*part, error) {
	base := filepath.Base(to)
	name := fmt.Sprintf(".%s.%x%s", base[:min(len(base), 180)], tag(c.Name), partSuffix)
	file, err := os.OpenFile(filepath.Join(filepath.Dir(to), name), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	p := &part{file: file, useless: c.Name == "", moving: moving{hash: blake3.New(), progress: c.Progress}}
	info, err := file.Stat()
	if err == nil && (p.useless || c.Size >= 0 && info.Size() > c.Size) {
		err = file.Truncate(0)
	} else if err == nil {
		p.have = info.Size()
		p.Reader = interruptible{ctx, file}
		_, err = io.Copy(io.Discard, &p.moving)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return p, nil
}

// fill writes what is missing, and reads all of it again.
func (p *part) fill(ctx context.Context, c Content) (Written, error) {
	body, err := c.Open(ctx, p.have)
	if err != nil {
		return Written{}, err
	}
	defer func() { _ = body.Close() }()
	p.Reader = interruptible{ctx, body}
	if _, err := io.Copy(p.file, &p.moving); err != nil {
		return Written{}, err
	}
	if c.Size >= 0 && p.read != c.Size {
		p.useless = true
		return Written{}, unreachable("%d bytes came of %d", p.read, c.Size)
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return Written{}, err
	}
	again := &moving{Reader: interruptible{ctx, p.file}, hash: blake3.New()}
	if _, err := io.Copy(io.Discard, again); err != nil {
		return Written{}, err
	}
	if again.digest() != p.digest() {
		p.useless = true
		return Written{}, errOther(p.file.Name())
	}
	return Written{Digest: p.digest(), Size: p.read}, p.file.Close()
}

// tag is a short name of bytes.
func tag(name string) []byte {
	sum := blake3.Sum256([]byte(name))
	return sum[:6]
}
