package artifact

import (
	"context"
	"hash/fnv"
	"io/fs"
	"os"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// mark is the modification time that entries of a cache bear, and by which they
// are known to be as they were verified: whoever writes to one, through a link
// that an attempt was given, changes it. It is another one after each start of
// the machine, because of what was written shortly before a power cut the disk
// may hold the length and not the bytes. An entry without today's mark is read
// again before it is used.
func mark(boot string) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(boot)) // never fails
	// Whole seconds, which every file system keeps, in a time that every
	// archive format can say.
	return time.Unix(1_000_000_000+int64(h.Sum32()%1_000_000), 0)
}

// marked reports whether a file is an entry that can be used as it is. It is
// false for one that is not there.
func (k *cached) marked(path string, size int64) bool {
	info, err := os.Lstat(path)
	return err == nil && isMarked(info, size, k.mark)
}

func isMarked(info fs.FileInfo, size int64, mark time.Time) bool {
	return info.Mode().IsRegular() && info.Size() == size && info.ModTime().Equal(mark)
}

// used notes the time at which an entry was last used, as its access time: file
// systems seldom do so themselves.
func used(path string) { _ = os.Chtimes(path, time.Now(), time.Time{}) }

// confirm reads an entry again that does not bear the mark, and gives it the
// mark if it holds what its name says. Else it is deleted. It reports whether
// there is an entry that can be used; an error is that of the context.
func (k *cached) confirm(ctx context.Context, path string, d pipeline.Digest) (bool, error) {
	before, missing := os.Lstat(path)
	if missing != nil {
		return false, ctx.Err()
	}
	if before.Mode().IsRegular() {
		right, unreadable := hasContent(ctx, path, d)
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if unreadable == nil && right {
			// Who is writing to it just now would not be noticed later.
			after, missing := os.Lstat(path)
			quiet := missing == nil && after.ModTime().Equal(before.ModTime())
			return quiet && os.Chtimes(path, time.Now(), k.mark) == nil, nil
		}
	}
	if k.room.drop(before.Size(), func() error { return os.Remove(path) }) == nil {
		k.stats.damaged.Add(1)
	}
	return false, nil
}
