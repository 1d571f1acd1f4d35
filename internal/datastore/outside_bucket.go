package datastore

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // it is what buckets know of their objects
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/zeebo/blake3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

func (o *objects) files(ctx context.Context, at target) (found []Entry, single bool, err error) {
	if key := o.key(at.path); key != "" && !at.folder {
		one, err := o.look(ctx, at.path)
		if err != nil {
			return nil, false, err
		}
		if one != nil && !one.Folder {
			one.Path = path.Base(key)
			return []Entry{*one}, true, nil
		}
	}
	list, err := o.below(ctx, at.path)
	if err != nil {
		return nil, false, o.explainStream(ctx, err)
	}
	for _, l := range list {
		found = append(found, Entry{Path: l.name, Size: l.size, Version: l.version, Folder: l.folder})
	}
	return found, false, nil
}

func (o *objects) look(ctx context.Context, at string) (one *Entry, err error) {
	defer calm(&err)
	key := o.key(at)
	if key == "" {
		return nil, nil //nolint:nilnil // a bucket is no file
	}
	a, err := o.bucket.Attributes(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound && !noServer(err) {
		return nil, nil //nolint:nilnil // nothing is there
	}
	if err != nil {
		return nil, o.explain(ctx, err)
	}
	one = &Entry{Path: at, Size: a.Size, Version: versionOf(a.Size, a.ModTime, a.MD5)}
	for name, value := range a.Metadata {
		one.Folder = one.Folder || o.marked && a.Size == 0 && strings.EqualFold(name, folderMark) && strings.EqualFold(value, "true")
	}
	return one, nil
}

// byDigest begins the versions that tell content itself.
const byDigest = "md5:"

// versionOf names the content of an object as its listing and its attributes
// both can.
func versionOf(size int64, modified time.Time, md5 []byte) string {
	if len(md5) > 0 {
		return fmt.Sprintf("%s%x-%d", byDigest, md5, size)
	}
	return fmt.Sprintf("%d-%d", size, modified.Unix())
}

// explainStream is explain for what may be nothing, which callers ask for.
func (o *objects) explainStream(ctx context.Context, err error) error {
	if Nothing(err) {
		return err
	}
	return o.explain(ctx, err)
}

func (o *objects) open(ctx context.Context, at string, from int64) (_ io.ReadCloser, err error) {
	defer calm(&err)
	inside, cancel := context.WithCancelCause(ctx)
	body, err := o.bucket.NewRangeReader(inside, o.key(at), from, -1, nil)
	if err != nil {
		cancel(nil)
		return nil, o.explain(ctx, err)
	}
	w := &watched{body: body, patience: o.stall}
	w.stalled = time.AfterFunc(o.stall, func() { cancel(errStalled) })
	return &pulled{Reader: w, explain: func(err error) error {
		if errors.Is(context.Cause(inside), errStalled) {
			return unreachable("no data arrived for %v, after %d bytes", o.stall, w.read)
		}
		return o.explain(ctx, err)
	}, close: func() error {
		w.stalled.Stop()
		cancel(nil)
		return body.Close()
	}}, nil
}

// pulled is a body whose errors say what people are told.
type pulled struct {
	io.Reader
	explain func(error) error
	close   func() error
}

func (p *pulled) Read(b []byte) (n int, err error) {
	defer calm(&err)
	n, err = p.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = p.explain(err)
	}
	return n, err
}

func (p *pulled) Close() error { return p.close() }

// pour makes an object, which appears when all of it is there.
func (o *objects) pour(ctx context.Context, at string, c Content) (done Written, err error) {
	defer calm(&err)
	source, err := c.Open(ctx, 0)
	if err != nil {
		return done, err
	}
	defer func() { _ = source.Close() }()
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := o.bucket.NewWriter(writing, o.key(at), &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return done, o.explain(ctx, err)
	}
	known := md5.New() //nolint:gosec // it is what buckets know of their objects
	from := &moving{Reader: interruptible{ctx, source}, hash: blake3.New(), progress: c.Progress}
	_, err = io.Copy(io.MultiWriter(w, known), from)
	if err == nil && c.Size >= 0 && from.read != c.Size {
		err, from.failed = unreachable("%d bytes came of %d", from.read, c.Size), errStalled
	}
	if err != nil {
		cancel() // cancelled before Close, a write never was
		_ = w.Close()
		if from.failed != nil {
			return done, err
		}
		return done, o.explain(ctx, err)
	}
	if err := w.Close(); err != nil {
		return done, o.explain(ctx, err)
	}
	done = Written{Digest: from.digest(), Size: from.read}
	a, err := o.bucket.Attributes(ctx, o.key(at))
	if err != nil {
		return done, o.explain(ctx, err)
	}
	done.Version = versionOf(a.Size, a.ModTime, a.MD5)
	switch {
	case a.Size != done.Size, len(a.MD5) > 0 && !bytes.Equal(a.MD5, known.Sum(nil)):
		return done, errOther(o.called)
	case len(a.MD5) == 0:
		return done, o.check(ctx, at, done)
	}
	return done, nil
}

// check reads an object again of which the bucket knows no digest.
func (o *objects) check(ctx context.Context, at string, w Written) error {
	body, err := o.open(ctx, at, 0)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	again := &moving{Reader: body, hash: blake3.New()}
	if _, err := io.Copy(io.Discard, again); err != nil {
		return err
	}
	if again.digest() != w.Digest {
		return errOther(o.called)
	}
	return nil
}

func (o *objects) makeFolder(ctx context.Context, at string) error {
	if key := o.key(at); key != "" {
		return o.explain(ctx, o.mark(ctx, key+"/"))
	}
	return nil
}
