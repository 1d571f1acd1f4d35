package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// Store holds artifacts. It may be used from many goroutines, and one folder
// or bucket from many processes, at once.
type Store struct {
	bucket  *blob.Bucket
	backend backend
	// dir is the folder of a local store, "" for others.
	dir string
	// cache is the backend of a store that has one.
	cache *cached
	// stats is nil for a local store.
	stats *stats
	// parallel is how many blobs are worked on at a time.
	parallel int
}

// remoteParallel hides the round trips to an object store.
const remoteParallel = 32

// Open opens the store at a URL:
//
//	file:///folder           a folder, which is made if it is missing
//	s3://bucket/prefix       and gs://, azblob://; the prefix may be left out
//	mem://                   memory, for tests
//
// Query parameters are those of the gocloud.dev driver.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	switch u.Scheme {
	case fileblob.Scheme:
		return openFolder(u)
	case "mem", "s3", "gs", "azblob":
		return openBucket(ctx, u)
	}
	return nil, fmt.Errorf("open store %q: the scheme is none of file, s3, gs, azblob, mem", u.Redacted())
}

func openFolder(u *url.URL) (*Store, error) {
	if u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("open store %q: want file:///absolute/folder", u.Redacted())
	}
	dir := filepath.Clean(filepath.FromSlash(u.Path))
	f, err := openFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	// Metadata would double the files. The other options are for those who
	// write through Bucket.
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return &Store{bucket: bucket, backend: f, dir: dir, parallel: runtime.GOMAXPROCS(0)}, nil
}

func openBucket(ctx context.Context, u *url.URL) (*Store, error) {
	prefix := strings.Trim(u.Path, "/")
	bare := *u
	bare.Path = ""
	if u.Scheme == "s3" {
		bare.RawQuery = withoutChecksums(u.Query())
	}
	bucket, err := blob.OpenBucket(ctx, bare.String())
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", u.Redacted(), err)
	}
	if err := reach(ctx, bucket); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %q: %w", u.Redacted(), err), bucket.Close())
	}
	if prefix != "" {
		bucket = blob.PrefixedBucket(bucket, prefix+"/")
	}
	o := &objects{bucket, new(stats)}
	return &Store{bucket: bucket, backend: o, stats: o.stats, parallel: remoteParallel}, nil
}

// reach asks the bucket for something, so that a wrong name, a server that does
// not answer and missing rights are found out at once. (A bucket that does not
// exist would look like an empty one.)
func reach(ctx context.Context, bucket *blob.Bucket) error {
	_, _, err := bucket.ListPage(ctx, blob.FirstPageToken, 1, nil)
	switch {
	case isMissing(err):
		return errors.New("there is no such bucket")
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("the bucket cannot be read: %w", err)
	}
	return nil
}

// withoutChecksums keeps the driver of S3 from asking for checksums unless the
// settings say so: content is verified by its digest, and for every object that
// has no checksum the driver would print a complaint.
func withoutChecksums(settings url.Values) string {
	const validation = "response_checksum_validation"
	if !settings.Has(validation) {
		settings.Set(validation, "when_required")
	}
	return settings.Encode()
}

// Close lets go of the bucket. Nothing is left to be written.
func (s *Store) Close() error { return s.bucket.Close() }

// Bucket is the bucket that everything lies in, for those who keep records
// beside the artifacts. Keys that begin with blobs/ or tmp/ are the store's
// own. Records are better written with [Store.WriteRecord] and
// [Store.CreateRecord], whose promises a local bucket does not keep.
func (s *Store) Bucket() *blob.Bucket { return s.bucket }

// Dir is the folder of a local store, and "" for any other. A key of the bucket
// is a path below it.
func (s *Store) Dir() string { return s.dir }

// Parallel is how many requests at a time serve this store best.
func (s *Store) Parallel() int { return s.parallel }

// MkdirTemp makes a new folder, on the device of a local store, so that what is
// prepared there can be renamed to a place below [Store.Dir]. The caller
// deletes it; if it does not, somebody will a day later.
func (s *Store) MkdirTemp() (string, error) {
	dir := ""
	if s.dir != "" {
		dir = filepath.Join(s.dir, "tmp")
	}
	return os.MkdirTemp(dir, "millrace-*")
}
