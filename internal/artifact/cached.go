package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// cached is a bucket with a cache of its blobs on this machine's disk, which
// many processes may share. What lies in the bucket is still asked of the
// bucket; only bytes come from the disk. See "The cache" in the documentation
// of the package.
type cached struct {
	*objects
	// disk knows the paths and the unfinished writes of the cache's folder.
	disk *files
	room *room
	mark time.Time
	// requests bounds how many are made of the bucket at a time.
	requests chan struct{}
	flights  flights
}

// WithCache returns the same store with a cache in a folder on this machine,
// which never holds more than bound bytes: what [Store.Stage] and others bring
// from the bucket, and what is imported with [Move], is kept there and given
// out as links. A local store is returned as it is, and so is any store where
// bound is 0. Many processes may share the folder.
func (s *Store) WithCache(dir string, bound int64) (*Store, error) {
	o, remote := s.backend.(*objects)
	if !remote || bound <= 0 {
		return s, nil
	}
	disk, err := openFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	k := &cached{
		objects: o, disk: disk, mark: mark(bootID()),
		requests: make(chan struct{}, remoteParallel),
		room: &room{dir: dir, max: bound, evicted: func(size int64) {
			o.stats.evicted.Add(1)
			o.stats.evictedBytes.Add(size)
		}},
	}
	if err := k.room.reserve(0, func() error { return nil }); err != nil && !errors.Is(err, errNoRoom) { // the bound may have become lower
		return nil, fmt.Errorf("open cache: %w", err)
	}
	with := *s
	with.backend, with.cache = k, k
	return &with, nil
}

// entry is where the cache has a blob, or its executable copy.
func (k *cached) entry(d pipeline.Digest, executable bool) string {
	if executable {
		return k.disk.path(d) + runnableSuffix
	}
	return k.disk.path(d)
}

// bring makes sure that the cache has a blob, so that it can be linked. Of all
// who want the same at once, in all processes, one downloads it. The error is a
// [*diskError] or [errNoRoom] where the cache cannot take it though the bucket
// may have it.
func (k *cached) bring(ctx context.Context, d pipeline.Digest, size int64, executable bool) error {
	path := k.entry(d, executable)
	if k.marked(path, size) {
		k.hit(path, size)
		return nil
	}
	return k.flights.do(ctx, path, func(ctx context.Context) error {
		if k.marked(path, size) { // since a moment ago
			k.hit(path, size)
			return nil
		}
		if ok, err := k.confirm(ctx, path, d); err != nil || ok {
			if ok {
				k.hit(path, size)
			}
			return err
		}
		if !executable {
			return k.bringEntry(ctx, d, size)
		}
		if err := k.bring(ctx, d, size, false); err != nil {
			return err
		}
		return k.copyRunnable(ctx, d, size)
	})
}

func (k *cached) hit(path string, size int64) {
	k.stats.hits.Add(1)
	k.stats.hitBytes.Add(size)
	used(path)
}

// bringEntry downloads a blob, unless another process has done so meanwhile.
func (k *cached) bringEntry(ctx context.Context, d pipeline.Digest, size int64) error {
	path := k.entry(d, false)
	f, err := begin(ctx, k.partPath(d))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if k.marked(path, size) { // another process was quicker
		_ = os.Remove(f.Name())
		k.hit(path, size)
		return nil
	}
	k.stats.misses.Add(1)
	err = k.download(ctx, f, d, size)
	if disk, ours := errors.AsType[*diskError](err); ours || errors.Is(err, ErrDamaged) || errors.Is(err, ErrGone) {
		k.giveUp(f, size)
		if ours && isFull(disk) {
			k.room.shrink(size)
		}
	}
	return err
}

// download completes a begun download. Where others began, and what they left
// turns out to be wrong, it starts anew.
func (k *cached) download(ctx context.Context, f *os.File, d pipeline.Digest, size int64) error {
	for {
		l := &download{file: f, size: size}
		if err := k.makeRoom(f, size, size+int64(partsOf(size))); err != nil {
			return err
		}
		err := k.fill(ctx, l, d)
		if err == nil {
			if err := f.Truncate(size); err != nil {
				return onDisk(err)
			}
			return k.adopt(f, k.entry(d, false), readOnly)
		}
		if !l.resumed || !errors.Is(err, ErrDamaged) {
			return err
		}
		// A power cut may have left less than is noted.
		if err := k.room.drop(size, func() error { return f.Truncate(0) }); err != nil {
			return onDisk(err)
		}
	}
}

// makeRoom reserves the room of a download, unless it was begun by others who
// have done so.
func (k *cached) makeRoom(f *os.File, size, whole int64) error {
	info, err := f.Stat()
	if err != nil {
		return onDisk(err)
	}
	if info.Size() == whole && whole > 0 {
		return nil
	}
	err = k.room.reserve(size, func() error {
		if err := f.Truncate(0); err != nil {
			return err
		}
		return f.Truncate(whole)
	})
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// adopt gives a complete, verified file its name as an entry.
func (k *cached) adopt(f *os.File, path string, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return onDisk(err)
	}
	if err := os.Chtimes(f.Name(), time.Now(), k.mark); err != nil {
		return onDisk(err)
	}
	if err := renameInto(f.Name(), path); err != nil {
		return onDisk(err)
	}
	return nil
}

// giveUp deletes a download.
func (k *cached) giveUp(f *os.File, size int64) {
	_ = k.room.drop(size, func() error { return os.Remove(f.Name()) })
}

// copyRunnable makes the executable copy of an entry.
func (k *cached) copyRunnable(ctx context.Context, d pipeline.Digest, size int64) error {
	source, err := os.Open(k.entry(d, false))
	if err != nil {
		return onDisk(err) // evicted since
	}
	defer func() { _ = source.Close() }()
	f, err := begin(ctx, k.partPath(d)+runnableSuffix)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if k.marked(k.entry(d, true), size) { // another process was quicker
		_ = os.Remove(f.Name())
		return nil
	}
	if err := k.makeRoom(f, size, size); err != nil {
		return err
	}
	err = copyFile(ctx, f, source)
	if err == nil {
		err = k.adopt(f, k.entry(d, true), runnable)
	}
	if err != nil {
		k.giveUp(f, size)
		return onDisk(err)
	}
	return nil
}

// withoutCache reports whether an error means that the bucket itself has to be
// asked.
func withoutCache(err error) bool {
	_, disk := errors.AsType[*diskError](err)
	return disk || errors.Is(err, errNoRoom)
}

// link gives out what the cache has. It does not bring anything: that takes
// its time, and is done ahead of it.
func (k *cached) link(d pipeline.Digest, size int64, executable bool, path string) (bool, error) {
	entry := k.entry(d, executable)
	if !k.marked(entry, size) {
		return false, nil
	}
	err := os.Link(entry, path)
	if errors.Is(err, fs.ErrExist) {
		return false, err
	}
	return err == nil, nil
}

func (k *cached) copyTo(ctx context.Context, d pipeline.Digest, size int64, to *os.File) error {
	err := k.bring(ctx, d, size, false)
	if err == nil {
		err = k.disk.copyTo(ctx, d, size, to)
		if err == nil || !errors.Is(err, ErrGone) {
			return err
		}
		// Evicted in between: nothing was written yet.
	} else if !withoutCache(err) {
		return err
	}
	return k.objects.copyTo(ctx, d, size, to)
}

// open reads what is there from the disk, verified, and keeps what is small:
// manifests and plans are asked for again and again.
func (k *cached) open(ctx context.Context, d pipeline.Digest) (io.ReadCloser, error) {
	path := k.entry(d, false)
	if info, err := os.Lstat(path); err == nil && isMarked(info, info.Size(), k.mark) {
		if ok, err := hasContent(ctx, path, d); err == nil && ok {
			if f, err := os.Open(path); err == nil {
				k.hit(path, info.Size())
				return f, nil
			}
		}
	}
	r, err := k.bucket.NewReader(ctx, blobKey(d), nil)
	if isMissing(err) {
		return nil, gone(d)
	}
	if err != nil {
		return nil, err
	}
	counted := &counter{r, &k.stats.downloaded}
	if r.Size() > partSize {
		return counted, nil
	}
	defer func() { _ = r.Close() }()
	b := make([]byte, r.Size())
	if _, err := io.ReadFull(counted, b); err != nil {
		return nil, err
	}
	if hashBytes(b) == d {
		k.stats.misses.Add(1)
		k.keepBytes(d, b)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// manifestSize is how long a manifest is that was just read.
func (k *cached) manifestSize(ctx context.Context, d pipeline.Digest) (int64, error) {
	if info, err := os.Lstat(k.entry(d, false)); err == nil {
		return info.Size(), nil
	}
	return k.size(ctx, d)
}

// state of an entry that is as it was verified, or that was evicted, is
// nothing: eviction spares what an attempt has links to.
func (k *cached) state(d pipeline.Digest) (string, error) {
	var text strings.Builder
	for _, executable := range []bool{false, true} {
		info, err := os.Lstat(k.entry(d, executable))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return "", err
		}
		if !isMarked(info, info.Size(), k.mark) {
			fmt.Fprintf(&text, " %d %d", info.Size(), info.ModTime().UnixNano())
		}
	}
	return text.String(), nil
}

// check looks at what [cached.link] gives out; where there is nothing of it, at
// the bucket.
func (k *cached) check(ctx context.Context, d pipeline.Digest) error {
	there := false
	for _, executable := range []bool{false, true} {
		path := k.entry(d, executable)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		ok, err := k.confirm(ctx, path, d)
		if err != nil {
			return err
		}
		if !ok {
			return damaged(d)
		}
		there = true
	}
	if there {
		return nil
	}
	return k.objects.check(ctx, d)
}
