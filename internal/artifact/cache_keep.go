package artifact

import (
	"context"
	"io"
	"os"

	"github.com/millrace-ml/millrace/pipeline"
)

// What this machine has sent to the bucket it is likely to be asked for: the
// outputs of a step, by the next.

func (k *cached) put(ctx context.Context, d pipeline.Digest, b []byte) error {
	err := k.objects.put(ctx, d, b)
	if err == nil {
		k.keepBytes(d, b)
	}
	return err
}

func (k *cached) take(ctx context.Context, path string, how Transfer) (content, error) {
	c, err := k.objects.take(ctx, path, how)
	if err == nil && how == Move {
		k.keepFile(path, c)
	}
	return c, err
}

func (k *cached) stream(ctx context.Context, r io.Reader) (content, error) {
	temp, err := os.CreateTemp(k.disk.tmp(), "millrace-*")
	if err != nil {
		return k.objects.stream(ctx, r)
	}
	defer func() { _, _ = temp.Close(), os.Remove(temp.Name()) }()
	c, err := k.spool(ctx, r, temp)
	if err == nil {
		k.keepFile(temp.Name(), c)
	}
	return c, err
}

// keepBytes adds what the bucket has to the cache, if it can.
func (k *cached) keepBytes(d pipeline.Digest, b []byte) {
	path, size := k.entry(d, false), int64(len(b))
	if k.marked(path, size) {
		return
	}
	_ = k.disk.writeTemp(readOnly, func(temp *os.File) (string, error) {
		if _, err := temp.Write(b); err != nil {
			return "", err
		}
		return "", k.keep(temp, path, size)
	})
}

// keepFile moves a file whose content the bucket has to the cache, if it can.
func (k *cached) keepFile(path string, c content) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	entry := k.entry(c.digest, false)
	if info, err := f.Stat(); err != nil || info.Size() != c.size || !soleOwner(f) || k.marked(entry, c.size) {
		return
	}
	_ = k.keep(f, entry, c.size)
}

func (k *cached) keep(f *os.File, entry string, size int64) error {
	return k.room.reserve(size, func() error { return k.adopt(f, entry, readOnly) })
}
