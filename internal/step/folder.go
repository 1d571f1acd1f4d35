package step

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// Log is where an attempt's log stands in the attempt's folder.
const Log = "user_logs/std_log.txt"

// Folder is where the attempts of a step live while they run, each in a folder
// named by its number. It goes away with the last of them.
func Folder(work, job, step string) string {
	return filepath.Join(work, plain(job), plain(step))
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)

// plain makes a folder name of any text. Names that are plain stay as they
// are; the others end in a hash, so that no two become one.
func plain(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	safe := []byte(name)[:min(len(name), 40)]
	for i, c := range safe {
		if !plainName.Match([]byte{c}) {
			safe[i] = '_'
		}
	}
	return fmt.Sprintf("_%s-%s", safe, hash(name, 12))
}

// hash returns the first digits of a text's SHA-256.
func hash(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}

// folder is the folder of one attempt.
type folder struct {
	path string
	// tmp is the program's TMPDIR. It stands apart because it must be short:
	// Python puts sockets there, whose paths may have some hundred bytes.
	tmp string
}

func (r *Runner) folder(job, step string, number int) folder {
	return folderAt(r.Work, filepath.Join(Folder(r.Work, job, step), strconv.Itoa(number)))
}

func folderAt(work, path string) folder {
	return folder{path: path, tmp: filepath.Join(work, ".tmp", hash(path, 10))}
}

func (f folder) wd() string               { return filepath.Join(f.path, "wd") }
func (f folder) input(name string) string { return filepath.Join(f.path, "in", "INPUT_"+name) }
func (f folder) output(name string) string {
	return filepath.Join(f.path, "out", name)
}
func (f folder) logs() string    { return filepath.Join(f.path, "user_logs") }
func (f folder) attempt() string { return filepath.Join(f.path, "attempt.json") }

// state is where the executor keeps what it must know of a program.
func (f folder) state(program int) string {
	return filepath.Join(f.path, "program-"+strconv.Itoa(program))
}

// kept is what attempt is called in a folder that is kept to look into.
func (f folder) kept() string { return filepath.Join(f.path, "kept.json") }

// fill makes the folders that every program finds.
func (f folder) fill() error {
	if err := os.MkdirAll(f.tmp, 0o700); err != nil {
		return err
	}
	for _, path := range []string{f.wd(), f.logs()} {
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// makeNew makes a folder that must not exist. Another attempt that ends just
// then may take the folders above away again.
func makeNew(path string) error {
	for try := 0; ; try++ {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil && (try == 10 || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		if err := os.Mkdir(path, 0o755); try == 10 || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// remove removes everything, and the folders above if nothing else is there.
func (f folder) remove() error {
	if err := errors.Join(removeAll(f.path), removeAll(f.tmp)); err != nil {
		return fmt.Errorf("remove the folder of an attempt: %w", err)
	}
	step := filepath.Dir(f.path)
	if os.Remove(step) == nil {
		os.Remove(filepath.Dir(step))
	}
	return nil
}

// removeAll removes folders without write permission too. It changes the mode
// of folders only: files may be links into the store.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// What cannot be read now fails again below, with a better error.
	_ = filepath.WalkDir(path, func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
