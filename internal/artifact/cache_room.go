package artifact

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// room keeps the files of a cache within a bound, for all processes that share
// the folder. What they hold together stands in the file "bytes". Under its lock
// files come, in their full length, and go: whoever counts them anew, because
// none is left, finds what was reserved by others, too. A process that dies in
// between leaves the number too high at most.
type room struct {
	dir string
	max int64
	// evicted is told of each file that had to go.
	evicted func(bytes int64)

	mu sync.Mutex
	// full is when the folder was last found to hold nothing that can go.
	full time.Time
}

// errNoRoom says that the cache is full of what is in use, or too small.
var errNoRoom = errors.New("the cache has no room")

// restsFull is how long it is believed that nothing can go, before all files
// are looked at again.
const restsFull = time.Second

// reserve makes sure that so many more bytes fit, and has claim make the file
// that is to hold them.
func (r *room) reserve(size int64, claim func() error) error {
	if size > r.max {
		return errNoRoom
	}
	return r.locked(func(total int64) (int64, error) {
		if total < 0 || total+size > r.max {
			if time.Since(r.full) < restsFull {
				return total, errNoRoom
			}
			// Some more than needed, so that not every file means a look at all.
			total = r.evict(r.max - size - r.max/16)
			if total+size > r.max {
				r.full = time.Now()
				return total, errNoRoom
			}
		}
		if err := claim(); err != nil {
			return total, onDisk(err)
		}
		return total + size, nil
	})
}

// drop has remove take a file away that holds so many bytes.
func (r *room) drop(size int64, remove func() error) error {
	return r.locked(func(total int64) (int64, error) {
		if err := remove(); err != nil {
			return total, err
		}
		return max(0, total-size), nil
	})
}

// shrink deletes so many bytes, for a disk that is full before the cache is.
func (r *room) shrink(size int64) {
	_ = r.locked(func(int64) (int64, error) {
		return r.evict(r.evict(r.max) - size), nil
	})
}

// bytes is what the files hold together, as far as it is known.
func (r *room) bytes() int64 {
	b, err := os.ReadFile(r.path())
	if err != nil || len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (r *room) path() string { return filepath.Join(r.dir, "bytes") }

// locked lets change replace the number of bytes, which is negative where it is
// not known. No other process, and no other goroutine, is at it meanwhile.
func (r *room) locked(change func(total int64) (int64, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var f *os.File
	// The folder may have been deleted under the running worker.
	err := inFolder(r.path(), func() (err error) {
		f, err = os.OpenFile(r.path(), os.O_RDWR|os.O_CREATE, 0o600)
		return err
	})
	if err != nil {
		return onDisk(err)
	}
	defer func() { _ = f.Close() }()
	if err := flock(f, syscall.LOCK_EX); err != nil {
		return onDisk(err)
	}
	var number [8]byte
	total := int64(-1)
	if n, _ := f.ReadAt(number[:], 0); n == len(number) {
		total = int64(binary.BigEndian.Uint64(number[:]))
	}
	now, err := change(total)
	if now == total {
		return err
	}
	binary.BigEndian.PutUint64(number[:], uint64(max(0, now)))
	if _, writing := f.WriteAt(number[:], 0); writing != nil && err == nil {
		return onDisk(writing)
	}
	return err
}

// CacheMax is the bound of a cache in a folder for which none was chosen: 20 GiB,
// or half of what the disk has left if that is less. What the cache holds
// already counts as left.
func CacheMax(dir string) (int64, error) {
	const usual = 20 << 30
	at := dir
	for {
		var fs syscall.Statfs_t
		err := syscall.Statfs(at, &fs)
		if err == nil {
			free := int64(fs.Bavail * uint64(fs.Bsize))
			return min(usual, (free+(&room{dir: dir}).bytes())/2), nil
		}
		if !errors.Is(err, os.ErrNotExist) || filepath.Dir(at) == at {
			return 0, &os.PathError{Op: "look at the disk of", Path: at, Err: err}
		}
		at = filepath.Dir(at) // the folder will be made
	}
}
