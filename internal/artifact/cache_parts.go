package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/pipeline"
)

const (
	// partsFolder holds downloads that are not complete.
	partsFolder = "parts"
	// partSize is what one request brings: large enough to hide the round trip,
	// small enough that little is lost with a line that is cut.
	partSize = 8 << 20
	// partsAtOnce is how many requests serve one blob.
	partsAtOnce = 8
)

// A download is a file in the folder of parts, under the digest of what it is
// to hold, locked by whoever downloads. Behind the bytes themselves stands one
// more for each part, which is 1 once the part is there: that is how the next
// process knows where one that was killed has stopped. Complete and verified,
// the file loses that tail and is renamed to become the entry.
type download struct {
	file *os.File
	size int64
	// resumed is set if somebody else has begun.
	resumed bool
}

func partsOf(size int64) int { return int((size + partSize - 1) / partSize) }

// begin opens the download of a blob and waits for its turn. Of the one that is
// returned the caller is the only owner, in all processes.
func begin(ctx context.Context, path string) (*os.File, error) {
	for {
		var f *os.File
		err := inFolder(path, func() (err error) {
			f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
			return err
		})
		if err != nil {
			return nil, onDisk(err)
		}
		err = waitTurn(ctx, f)
		if err == nil && isAt(f, path) {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		// The one before has completed it, or given it up.
	}
}

// isAt reports whether an open file still has that name.
func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(open, named)
}

// removeAbandoned deletes a download unless somebody is at it.
func removeAbandoned(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if !isAt(f, path) {
		return os.ErrNotExist
	}
	return os.Remove(path)
}

// fill brings all parts that are missing, several at a time, and hashes them in
// order as they come.
func (k *cached) fill(ctx context.Context, l *download, d pipeline.Digest) error {
	n := partsOf(l.size)
	have := make([]byte, n)
	if _, err := l.file.ReadAt(have, l.size); err != nil && !errors.Is(err, io.EOF) {
		return onDisk(err)
	}
	arrived := make([]chan struct{}, n)
	for i := range arrived {
		arrived[i] = make(chan struct{})
		if have[i] == 1 {
			l.resumed = true
			close(arrived[i])
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(partsAtOnce + 1)
	var found pipeline.Digest
	g.Go(func() (err error) {
		found, _, err = hashReader(ctx, &arriving{ctx, io.NewSectionReader(l.file, 0, l.size), arrived, 0}, nil)
		return err
	})
	for i := range n {
		if have[i] == 1 {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := k.bringPart(ctx, l, d, i); err != nil {
				return err
			}
			close(arrived[i])
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if found != d {
		return damaged(d)
	}
	return nil
}

// arriving reads a download in order, waiting for the part that is next.
type arriving struct {
	ctx     context.Context
	bytes   *io.SectionReader
	arrived []chan struct{}
	at      int64
}

func (a *arriving) Read(p []byte) (int, error) {
	if part := int(a.at / partSize); part < len(a.arrived) {
		select {
		case <-a.arrived[part]:
		case <-a.ctx.Done():
			return 0, a.ctx.Err()
		}
	}
	p = p[:min(int64(len(p)), partSize-a.at%partSize)]
	n, err := a.bytes.Read(p)
	a.at += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = onDisk(err)
	}
	return n, err
}

// bringPart brings one part, going on where a connection has broken.
func (k *cached) bringPart(ctx context.Context, l *download, d pipeline.Digest, part int) error {
	const tries = 3 // without a single byte
	from := int64(part) * partSize
	until := min(from+partSize, l.size)
	for try := 1; from < until; try++ {
		n, err := k.bringRange(ctx, l.file, d, from, until)
		from += n
		if n > 0 {
			try = 1
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ours := errors.AsType[*diskError](err); ours || errors.Is(err, ErrGone) {
			return err
		}
		if try == tries {
			if size, asking := k.size(ctx, d); asking == nil && size != l.size {
				return gone(d)
			}
			return fmt.Errorf("download blob %s: %w", d, err)
		}
	}
	if _, err := l.file.WriteAt([]byte{1}, l.size+int64(part)); err != nil {
		return onDisk(err)
	}
	return nil
}

func (k *cached) bringRange(ctx context.Context, to *os.File, d pipeline.Digest, from, until int64) (int64, error) {
	select {
	case k.requests <- struct{}{}:
		defer func() { <-k.requests }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	r, err := k.bucket.NewRangeReader(ctx, blobKey(d), from, until-from, nil)
	if isMissing(err) {
		return 0, gone(d)
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var n int64
	for from+n < until {
		got, err := r.Read((*buffer)[:min(int64(len(*buffer)), until-from-n)])
		if got > 0 {
			if _, err := to.WriteAt((*buffer)[:got], from+n); err != nil {
				return n, onDisk(err)
			}
			n += int64(got)
			k.stats.downloaded.Add(int64(got))
		}
		if err != nil && from+n < until {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	return n, nil
}

// isFull reports whether an error says that a disk, or what of it may be used,
// is full.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// diskError is trouble with the disk of the cache: whoever meets it does
// without the cache.
type diskError struct{ err error }

func (e *diskError) Error() string { return "cache: " + e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

func onDisk(err error) error { return &diskError{err} }

func (k *cached) partPath(d pipeline.Digest) string {
	return filepath.Join(k.room.dir, partsFolder, d.Hex())
}
