package artifact

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/millrace-ml/millrace/pipeline"
)

// objects keeps blobs as objects in a bucket.
type objects struct {
	bucket *blob.Bucket
	stats  *stats
}

// byteType is said of all objects, so that the driver need not guess.
const byteType = "application/octet-stream"

func isMissing(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }

func (o *objects) size(ctx context.Context, d pipeline.Digest) (int64, error) {
	attributes, err := o.bucket.Attributes(ctx, blobKey(d))
	if isMissing(err) {
		return 0, gone(d)
	}
	if err != nil {
		return 0, err
	}
	return attributes.Size, nil
}

func (o *objects) open(ctx context.Context, d pipeline.Digest) (io.ReadCloser, error) {
	r, err := o.bucket.NewReader(ctx, blobKey(d), nil)
	if isMissing(err) {
		return nil, gone(d)
	}
	if err != nil {
		return nil, err
	}
	return &counter{r, &o.stats.downloaded}, nil
}

func (o *objects) put(ctx context.Context, d pipeline.Digest, b []byte) error {
	return o.upload(ctx, content{digest: d, size: int64(len(b))}, bytes.NewReader(b))
}

// stream goes through a file on this machine, since an object needs its name
// before its bytes.
func (o *objects) stream(ctx context.Context, r io.Reader) (content, error) {
	temp, err := os.CreateTemp("", "millrace-*")
	if err != nil {
		return content{}, err
	}
	defer func() { _, _ = temp.Close(), os.Remove(temp.Name()) }()
	return o.spool(ctx, r, temp)
}

// spool writes a stream to a file first, and the file to the bucket.
func (o *objects) spool(ctx context.Context, r io.Reader, temp *os.File) (content, error) {
	var c content
	var err error
	if c.digest, c.size, err = hashReader(ctx, r, temp); err != nil {
		return c, err
	}
	if _, err = temp.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	return c, o.upload(ctx, c, temp)
}

func (o *objects) take(ctx context.Context, path string, _ Transfer) (content, error) {
	file, err := os.Open(path)
	if err != nil {
		return content{}, unreadable(path, err)
	}
	defer func() { _ = file.Close() }()
	c, err := hashFile(ctx, file)
	if err != nil {
		return content{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return content{}, err
	}
	return c, o.upload(ctx, c, file)
}

// upload writes a blob unless it is there, and completes it only if the bytes
// are still those that were hashed.
func (o *objects) upload(ctx context.Context, c content, r io.Reader) error {
	size, err := o.size(ctx, c.digest)
	if err == nil && size == c.size {
		return nil
	}
	missing := errors.Is(err, ErrGone)
	if err != nil && !missing {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // cancelled before Close, a write never was
	defer cancel()
	w, err := o.bucket.NewWriter(ctx, blobKey(c.digest), &blob.WriterOptions{
		ContentType: byteType,
		// Of two who write the same at once, either may win. A blob of a wrong
		// size is replaced.
		IfNotExist: missing,
	})
	if err != nil {
		return err
	}
	digest, _, err := hashReader(ctx, r, w)
	if err == nil && digest != c.digest {
		err = userMistake("wait until the program that writes it has ended", "a file changed while it was being stored")
	}
	if err != nil {
		cancel()
		_ = w.Close()
		return err
	}
	err = w.Close()
	if err == nil {
		o.stats.uploaded.Add(c.size)
		return nil
	}
	if isTaken(err) {
		return nil
	}
	if isConflict(err) { // somebody else writes the same just now
		if size, err := o.size(ctx, c.digest); err == nil && size == c.size {
			return nil
		}
	}
	return fmt.Errorf("write blob %s: %w", c.digest, err)
}

// isTaken reports whether something was not written since there is one.
func isTaken(err error) bool { return gcerrors.Code(err) == gcerrors.FailedPrecondition }

// isConflict reports whether S3 could not tell which of two was first, so that
// neither was.
func isConflict(err error) bool {
	coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err)
	return ok && coded.ErrorCode() == "ConditionalRequestConflict"
}

func (o *objects) link(pipeline.Digest, int64, bool, string) (bool, error) { return false, nil }

func (o *objects) copyTo(ctx context.Context, d pipeline.Digest, _ int64, f *os.File) error {
	r, err := o.open(ctx, d)
	if err != nil {
		return err
	}
	v := newVerifier(r, d)
	_, err = io.Copy(f, v)
	return errors.Join(err, v.Close())
}

// state is always the same: nobody is given the objects themselves.
func (o *objects) state(pipeline.Digest) (string, error) { return "", nil }

func (o *objects) check(ctx context.Context, d pipeline.Digest) error {
	r, err := o.open(ctx, d)
	if err != nil {
		return err
	}
	found, _, err := hashReader(ctx, r, nil)
	if err = errors.Join(err, r.Close()); err != nil || found == d {
		return err
	}
	return errors.Join(damaged(d), o.remove(ctx, blobKey(d)))
}

func (o *objects) write(ctx context.Context, key string, b []byte) error {
	return o.bucket.WriteAll(ctx, key, b, &blob.WriterOptions{ContentType: byteType})
}

// writerMark is the metadata of a record by which its creator knows it again.
const writerMark = "writer"

// create asks the server to write only what is not there. When the answer to
// that is lost, the driver asks again, and is told that the record is there:
// its own. Therefore every record that is created bears a mark.
func (o *objects) create(ctx context.Context, key string, b []byte) (bool, error) {
	const tries = 10
	mark := rand.Text()
	for try := 1; ; try++ {
		err := o.bucket.WriteAll(ctx, key, b, &blob.WriterOptions{
			ContentType: byteType, IfNotExist: true, Metadata: map[string]string{writerMark: mark},
		})
		switch {
		case err == nil:
			return true, nil
		case isTaken(err):
			return o.bears(ctx, key, mark)
		case !isConflict(err) || try == tries:
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(time.Duration(try) * 10 * time.Millisecond):
		}
	}
}

func (o *objects) bears(ctx context.Context, key, mark string) (bool, error) {
	attributes, err := o.bucket.Attributes(ctx, key)
	if isMissing(err) {
		return false, nil // deleted since
	}
	return err == nil && attributes.Metadata[writerMark] == mark, err
}

func (o *objects) list(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	list := o.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, object.Key)
	}
}

func (o *objects) remove(ctx context.Context, key string) error {
	if err := o.bucket.Delete(ctx, key); err != nil && !isMissing(err) {
		return err
	}
	return nil
}
