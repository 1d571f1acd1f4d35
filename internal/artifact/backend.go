package artifact

import (
	"context"
	"io"
	"os"

	"github.com/millrace-ml/millrace/pipeline"
)

// backend is where blobs and records lie: [files] in a folder, [objects] in a
// bucket, or a bucket that is [cached]. Methods may be called from many goroutines and processes at once.
type backend interface {
	// size returns the size of a blob in bytes, or ErrGone.
	size(ctx context.Context, d pipeline.Digest) (int64, error)
	// open returns the bytes of a blob, not verified, or ErrGone.
	open(ctx context.Context, d pipeline.Digest) (io.ReadCloser, error)
	// put writes content whose digest is known.
	put(ctx context.Context, d pipeline.Digest, b []byte) error
	// stream writes all that r gives.
	stream(ctx context.Context, r io.Reader) (content, error)
	// take writes a regular file. The path is not a symbolic link.
	take(ctx context.Context, path string, how Transfer) (content, error)
	// link makes path a read-only second name of a blob. It returns false where
	// that cannot be done; a copy has to do.
	link(d pipeline.Digest, size int64, executable bool, path string) (bool, error)
	// copyTo writes a blob to a new file. Where the way is long it verifies.
	copyTo(ctx context.Context, d pipeline.Digest, size int64, f *os.File) error
	// state describes what a write through a link would change.
	state(d pipeline.Digest) (string, error)
	// check reads a blob again. One that is not what its name says is deleted,
	// and the error is ErrDamaged.
	check(ctx context.Context, d pipeline.Digest) error

	// write and create write a record whole or not at all. Create does so only
	// if there is none, and reports whether it did; of many at once one wins.
	write(ctx context.Context, key string, b []byte) error
	create(ctx context.Context, key string, b []byte) (bool, error)
	// list returns the keys that begin with prefix, in any order. Records that
	// come and go meanwhile may be in it or not.
	list(ctx context.Context, prefix string) ([]string, error)
	// remove deletes a record; a missing one is no error.
	remove(ctx context.Context, key string) error
}

// blobKey is where a blob lies in the bucket.
func blobKey(d pipeline.Digest) string {
	hex := d.Hex()
	return "blobs/" + hex[:2] + "/" + hex
}
