package datastore

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// key is where a place lies in the store's bucket.
func key(u URI) string { return path.Join("datastores", u.Datastore, u.Path) }

// fetchObjects reads an object as a file, or all objects below a path as a tree.
func (r *Resolver) fetchObjects(ctx context.Context, u URI) (pipeline.Artifact, error) {
	if !u.Folder {
		a, err := r.fetchObject(ctx, key(u))
		if gcerrors.Code(err) != gcerrors.NotFound {
			a.Name = path.Base(u.Path)
			return a, err
		}
	}
	keys, err := r.objectsBelow(ctx, key(u)+"/")
	if err != nil {
		return pipeline.Artifact{}, err
	}
	if len(keys) == 0 {
		return pipeline.Artifact{}, missing("put the file or folder there",
			"there is nothing at %s in the bucket of the store", key(u))
	}
	tree := artifact.Tree{Entries: make([]artifact.Entry, len(keys))}
	g, inside := errgroup.WithContext(ctx)
	g.SetLimit(r.store.Parallel())
	for i, k := range keys {
		g.Go(func() error {
			a, err := r.fetchObject(inside, k)
			tree.Entries[i] = artifact.Entry{
				Path: strings.TrimPrefix(k, key(u)+"/"), Mode: artifact.Plain, Size: a.Size, Digest: a.Digest,
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return pipeline.Artifact{}, err
	}
	return r.store.PutTree(ctx, tree)
}

func (r *Resolver) fetchObject(ctx context.Context, key string) (pipeline.Artifact, error) {
	reader, err := r.store.Bucket().NewReader(ctx, key, nil)
	if err != nil {
		return pipeline.Artifact{}, err
	}
	a, err := r.store.Put(ctx, reader)
	return a, errors.Join(err, reader.Close())
}

func (r *Resolver) objectsBelow(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	list := r.store.Bucket().List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(object.Key, "/") { // some tools mark folders so
			keys = append(keys, object.Key)
		}
	}
}

// publishObjects writes an object for every file. Buckets have no folders, so
// that empty ones are lost.
func (r *Resolver) publishObjects(ctx context.Context, a pipeline.Artifact, u URI) error {
	if !a.Tree {
		return r.publishObject(ctx, a.Digest, key(u))
	}
	tree, err := r.store.Manifest(ctx, a.Digest)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.store.Parallel())
	for _, e := range tree.Entries {
		if !e.IsFolder() {
			g.Go(func() error { return r.publishObject(ctx, e.Digest, key(u)+"/"+e.Path) })
		}
	}
	return g.Wait()
}

func (r *Resolver) publishObject(ctx context.Context, d pipeline.Digest, key string) error {
	source, err := r.store.Open(ctx, d)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := r.store.Bucket().NewWriter(ctx, key, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, source); err != nil {
		cancel() // cancelled before Close, a write never was
		_ = w.Close()
		return err
	}
	return w.Close()
}
