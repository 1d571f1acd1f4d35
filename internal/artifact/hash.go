package artifact

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/millrace-ml/millrace/pipeline"
)

// content is what one look at some bytes has told about them.
type content struct {
	digest     pipeline.Digest
	size       int64
	executable bool
}

// bufferSize suits the second-level cache: larger buffers hash no faster.
const bufferSize = 256 << 10

var (
	buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}
	hashers = sync.Pool{New: func() any { return blake3.New() }}
)

// hashBytes returns the digest of b.
func hashBytes(b []byte) pipeline.Digest {
	h := hashers.Get().(*blake3.Hasher)
	defer hashers.Put(h)
	h.Reset()
	_, _ = h.Write(b) // never fails
	return pipeline.NewDigest(h.Sum(nil))
}

// hashReader reads to the end, in bounded memory, and hashes what it reads. It
// also writes it to w unless w is nil.
func hashReader(ctx context.Context, r io.Reader, w io.Writer) (pipeline.Digest, int64, error) {
	h := hashers.Get().(*blake3.Hasher)
	defer hashers.Put(h)
	h.Reset()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return "", 0, err
		}
		n, err := r.Read(*buffer)
		if n > 0 {
			chunk := (*buffer)[:n]
			_, _ = h.Write(chunk) // never fails
			size += int64(n)
			if w != nil {
				if _, err := w.Write(chunk); err != nil {
					return "", 0, err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return pipeline.NewDigest(h.Sum(nil)), size, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
}

// hashFile hashes an open file and makes sure that nobody wrote to it
// meanwhile, so that the digest is that of some one state of the file.
func hashFile(ctx context.Context, f *os.File) (content, error) {
	before, err := f.Stat()
	if err != nil {
		return content{}, err
	}
	digest, size, err := hashReader(ctx, f, nil)
	if err != nil {
		return content{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return content{}, err
	}
	if size != before.Size() || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return content{}, userMistake("wait until the program that writes it has ended",
			"%s changed while it was being read", f.Name())
	}
	return content{digest: digest, size: size, executable: before.Mode()&0o100 != 0}, nil
}

// verifier is a reader that ends in an error instead of io.EOF when what was
// read is not what the digest says.
type verifier struct {
	io.ReadCloser
	hash *blake3.Hasher
	want pipeline.Digest
	// end is what the first read at the end returned.
	end error
}

func newVerifier(r io.ReadCloser, want pipeline.Digest) *verifier {
	return &verifier{ReadCloser: r, hash: blake3.New(), want: want}
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.end != nil {
		return 0, v.end
	}
	n, err := v.ReadCloser.Read(p)
	_, _ = v.hash.Write(p[:n]) // never fails
	if errors.Is(err, io.EOF) && pipeline.NewDigest(v.hash.Sum(nil)) != v.want {
		err = damaged(v.want)
	}
	v.end = err
	return n, err
}
