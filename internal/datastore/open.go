package datastore

import (
	"context"
	"maps"
	"strings"
	"sync"

	"gocloud.dev/blob"
)

// where is a bucket, and how it is reached.
type where struct {
	// URI has one of the schemes [S3], [GS] and [AzBlob], or [WASBS] for a
	// container of an account.
	URI
	// insecure has an account spoken to without encryption.
	insecure bool
	// defined tells a datastore, which somebody made for themselves, from an
	// address in a file, which may be anybody's.
	defined bool
	secrets secrets
}

// opened are the buckets that are open, so that their connections are used
// again.
type opened struct {
	mu      sync.Mutex
	buckets map[string]bucketOf
}

// bucketOf is an open bucket, and the credentials that it was opened with.
type bucketOf struct {
	bucket  *blob.Bucket
	secrets secrets
}

// maxOpen bounds the buckets that are kept open.
const maxOpen = 64

// open opens a bucket, unless it is open.
func (r *Resolver) open(ctx context.Context, w where) (*blob.Bucket, error) {
	bare := w.URI
	bare.Path, bare.Folder = "", true
	name := bare.String()
	if w.insecure {
		name += " insecure"
	}
	if w.defined {
		name += " defined"
	}
	r.opened.mu.Lock()
	defer r.opened.mu.Unlock()
	if b, ok := r.opened.buckets[name]; ok && maps.Equal(b.secrets, w.secrets) {
		return b.bucket, nil
	}
	var bucket *blob.Bucket
	var err error
	switch w.Scheme {
	case S3:
		bucket, err = r.openS3(ctx, w)
	case GS:
		bucket, err = r.openGS(ctx, w)
	default:
		bucket, err = r.openAzure(w)
	}
	if err != nil {
		return nil, err
	}
	// Those that are forgotten may be in use; the garbage collector closes them.
	if r.opened.buckets == nil || len(r.opened.buckets) >= maxOpen {
		r.opened.buckets = map[string]bucketOf{}
	}
	r.opened.buckets[name] = bucketOf{bucket, w.secrets}
	return bucket, nil
}

// inBucket is the place at an address in a bucket.
func (r *Resolver) inBucket(ctx context.Context, w where) (*objects, error) {
	azure := w.Scheme != S3 && w.Scheme != GS
	if azure {
		w.secrets = r.azureSecrets(w)
	}
	o := &objects{store: r.store, prefix: w.Path, called: called(w.URI), secrets: w.secrets, stall: r.Stall, marked: azure}
	bucket, err := r.open(ctx, w)
	if err != nil {
		return nil, o.explain(ctx, err)
	}
	o.bucket = bucket
	return o, nil
}

// called is what people call a bucket.
func called(u URI) string {
	switch u.Scheme {
	case S3, GS:
		return "the bucket " + u.Scheme + "://" + u.Container
	case AzBlob:
		return "the container " + strings.TrimSpace(u.Container+" "+u.Parameters.Get("storage_account"))
	}
	return "the container " + u.Container + " at " + blobHost(u.Host)
}
