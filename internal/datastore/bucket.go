package datastore

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// objects is a place in a bucket. Buckets have no folders: what lies below a
// path is what has a key that begins with it.
type objects struct {
	store  *artifact.Store
	bucket *blob.Bucket
	// prefix is where the place begins in the bucket: "" or a path.
	prefix string
	// called is what messages call the bucket.
	called string
	// secrets are kept out of messages.
	secrets secrets
	// stall is how long a download may go without a byte.
	stall time.Duration
	// marked says that an empty object may be the mark of a folder, as it may
	// in accounts of Azure that know folders.
	marked bool
	// public says that the bucket is used as a stranger.
	public bool
}

// atOnce is how many requests hide the round trips to an object store.
const atOnce = 16

func (o *objects) key(at string) string { return path.Join(o.prefix, at) }

// list is the prefix of the keys below a path.
func (o *objects) list(at string) string {
	if key := o.key(at); key != "" {
		return key + "/"
	}
	return ""
}

func (o *objects) parallel() int { return max(atOnce, o.store.Parallel()) }

// fetch reads an object as a file, or all objects below a path as a tree.
func (o *objects) fetch(ctx context.Context, at target) (pipeline.Artifact, error) {
	if key := o.key(at.path); key != "" && !at.folder {
		a, found, err := o.fetchFile(ctx, key, at)
		if found || err != nil {
			return a, err
		}
	}
	found, err := o.below(ctx, at.path)
	if err != nil {
		return pipeline.Artifact{}, o.explain(ctx, err)
	}
	tree := artifact.Tree{Entries: make([]artifact.Entry, len(found))}
	g, inside := errgroup.WithContext(ctx)
	g.SetLimit(o.parallel())
	for i, f := range found {
		if f.folder {
			tree.Entries[i] = artifact.Entry{Path: f.name, Mode: artifact.EmptyFolder}
			continue
		}
		g.Go(func() error {
			a, err := o.read(inside, o.list(at.path)+f.name, nil)
			tree.Entries[i] = artifact.Entry{Path: f.name, Mode: artifact.Plain, Size: a.Size, Digest: a.Digest}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return pipeline.Artifact{}, o.explain(ctx, err)
	}
	return o.store.PutTree(ctx, tree)
}

// fetchFile reads one object, unless there is none or it marks a folder.
func (o *objects) fetchFile(ctx context.Context, key string, at target) (a pipeline.Artifact, found bool, err error) {
	a, err = o.read(ctx, key, at.progress)
	if gcerrors.Code(err) == gcerrors.NotFound && !noServer(err) {
		return a, false, nil
	}
	if err != nil {
		return a, false, o.explain(ctx, err)
	}
	if a.Size == 0 {
		mark, err := o.isMark(ctx, key)
		if mark || err != nil {
			return a, false, o.explain(ctx, err)
		}
	}
	return at.named(a, key), true, nil
}

// read brings the bytes of an object into the store.
func (o *objects) read(ctx context.Context, key string, progress func(int64)) (a pipeline.Artifact, err error) {
	defer calm(&err)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reader, err := o.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	body := &watched{body: reader, progress: progress, patience: o.stall}
	body.stalled = time.AfterFunc(o.stall, func() { cancel(errStalled) })
	defer body.stalled.Stop()
	a, err = o.store.Put(ctx, body)
	switch closing := reader.Close(); {
	case err == nil:
		err = closing
	case errors.Is(context.Cause(ctx), errStalled):
		err = unreachable("no data arrived for %v, after %d bytes", o.stall, body.read)
	case body.failed == nil && ctx.Err() == nil:
		err = &ours{err}
	}
	return a, err
}

// publish writes an object for every file, and for every folder without one an
// empty one that stands for it.
func (o *objects) publish(ctx context.Context, a pipeline.Artifact, at string) error {
	if !a.Tree {
		return o.explain(ctx, o.write(ctx, a.Digest, o.key(at)))
	}
	tree, err := o.store.Manifest(ctx, a.Digest)
	if err != nil {
		return err
	}
	g, inside := errgroup.WithContext(ctx)
	g.SetLimit(o.parallel())
	for _, e := range tree.Entries {
		if e.IsFolder() {
			g.Go(func() error { return o.mark(inside, o.list(at)+e.Path+"/") })
		} else {
			g.Go(func() error { return o.write(inside, e.Digest, o.list(at)+e.Path) })
		}
	}
	if root := o.list(at); len(tree.Entries) == 0 && root != "" {
		g.Go(func() error { return o.mark(inside, root) })
	}
	return o.explain(ctx, g.Wait())
}

// mark writes an empty object that stands for a folder, given its key with a
// slash at the end. Azure says it by a word beside the object.
func (o *objects) mark(ctx context.Context, key string) (err error) {
	defer calm(&err)
	options := &blob.WriterOptions{ContentType: "application/octet-stream"}
	if o.marked {
		key, options.Metadata = strings.TrimSuffix(key, "/"), map[string]string{folderMark: "true"}
	}
	return o.bucket.WriteAll(ctx, key, nil, options)
}

func (o *objects) write(ctx context.Context, d pipeline.Digest, key string) (err error) {
	defer calm(&err)
	source, err := o.store.Open(ctx, d)
	if err != nil {
		return &ours{err}
	}
	defer func() { _ = source.Close() }()
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := o.bucket.NewWriter(writing, key, nil)
	if err != nil {
		return err
	}
	from := &heard{Reader: source}
	if _, err := io.Copy(w, from); err != nil {
		cancel() // cancelled before Close, a write never was
		_ = w.Close()
		if from.failed != nil {
			return &ours{from.failed}
		}
		return err
	}
	return w.Close()
}

// ours is an error of the store, which says enough by itself.
type ours struct{ error }

// heard keeps what a reader said when it failed.
type heard struct {
	io.Reader
	failed error
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		h.failed = err
	}
	return n, err
}
