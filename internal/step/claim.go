package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"

	"github.com/millrace-ml/millrace/internal/executor"
)

// claim is a running attempt. Its file is locked: the system takes the lock
// back when the worker ends, however it ends, and so tells other workers.
type claim struct {
	folder
	file *os.File

	// software is what it was given; see equip.
	software software
	// session takes what the programs report; nil where nothing does.
	session Session

	once   sync.Once // tells the caller that the program runs
	mu     sync.Mutex
	record record
	length int // of the record as it is written
}

// record is what a later worker needs to go on after a dead one, or to clear up.
type record struct {
	Token json.RawMessage `json:"token,omitempty"`
	// Programs are there from the moment before the first of them is started.
	Programs []noted `json:"programs,omitempty"`
	Links    []link  `json:"links,omitempty"`
	// Tracking is what the session with the programs has to remember.
	Tracking json.RawMessage `json:"tracking,omitempty"`
}

// plainPath is a path that a shell command can hold without quotes.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9_./+@%=:,-]*$`)

// errHeld says that a live worker is at the attempt.
var errHeld = errors.New("another worker is still at it")

// claim makes the folder of an attempt. What dead workers left of the step is
// cleared away first, so that a retry starts clean.
func (r *Runner) claim(ctx context.Context, a Attempt) (*claim, error) {
	if !plainPath.MatchString(r.Work) {
		return nil, fmt.Errorf("the work folder %q has characters in its path that commands cannot hold unquoted", r.Work)
	}
	if err := r.clear(ctx, a); err != nil {
		return nil, err
	}
	c := &claim{folder: r.folder(a.Plan.Name, a.place(), a.Number), record: record{Token: a.Token}}
	if err := makeNew(c.path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("attempt %d of step %s: %w", a.Number, a.Step.Name, errHeld)
		}
		return nil, err
	}
	var err error
	if c.file, err = lock(c.attempt(), os.O_CREATE|os.O_EXCL); err == nil {
		if err = c.write(); err == nil {
			if err = c.fill(); err == nil {
				return c, nil
			}
		}
		c.file.Close()
	}
	return nil, errors.Join(err, c.remove())
}

// variable is what tells the processes of an attempt from all others.
func (f folder) variable() string { return "TMPDIR=" + f.tmp }

// clear ends and removes what is there of earlier attempts at a step. Those
// that a live worker has not let go of yet are left to it.
func (r *Runner) clear(ctx context.Context, a Attempt) error {
	step := Folder(r.Work, a.Plan.Name, a.place())
	entries, err := os.ReadDir(step)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		number, badName := strconv.Atoi(entry.Name())
		if badName != nil {
			continue
		}
		kept := !r.Keep || number == a.Number
		_, buryErr := r.bury(ctx, filepath.Join(step, entry.Name()), kept)
		if !errors.Is(buryErr, errHeld) {
			err = errors.Join(err, buryErr)
		}
	}
	return err
}

// lock opens and locks a file, or returns errHeld.
func lock(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		return file, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errHeld
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// begin notes what is about to be started, and how the inputs are that it must
// not change.
func (c *claim) begin(programs []program, links []link) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range programs {
		c.record.Programs = append(c.record.Programs, note(p))
	}
	c.record.Links = links
	return c.write()
}

// started notes a process, so that it can be found if the worker dies.
func (c *claim) started(program int, p executor.Process) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record.Programs[program].Process = p
	return c.write()
}

// write writes the record over the last one, all of it. One write is not
// interrupted by the end of the worker.
func (c *claim) write() error {
	text, err := json.Marshal(c.record)
	if err != nil {
		return fmt.Errorf("note attempt: %w", err)
	}
	text = append(text, '\n')
	for len(text) < c.length {
		text = append(text, ' ')
	}
	if _, err := c.file.WriteAt(text, 0); err != nil {
		return fmt.Errorf("note attempt: %w", err)
	}
	c.length = len(text)
	return nil
}

// leave ends the claim and removes the folder, or keeps it. What cannot be
// removed is no reason to have done the work for nothing: it is left to Sweep.
// A program that was left running keeps all it has.
func (r *Runner) leave(c *claim, why error) {
	defer c.file.Close()
	if errors.Is(why, executor.ErrLeft) {
		return
	}
	if errors.Is(why, executor.ErrLost) {
		_, _ = r.endRest(context.Background(), c.folder)
	}
	if r.Keep {
		_ = os.Rename(c.attempt(), c.kept())
		return
	}
	if c.remove() == nil {
		return
	}
	// A daemon of the program may be writing there.
	_, _ = r.endRest(context.Background(), c.folder)
	_ = c.remove()
}

// endRest ends what is left of an attempt's processes, wherever they have gone.
// It reports whether anything was.
func (r *Runner) endRest(ctx context.Context, f folder) (bool, error) {
	left, err := false, error(nil)
	for _, p := range r.Executor.Find(f.variable()) {
		ran, endErr := r.Executor.End(ctx, p, r.Grace)
		left = left || ran
		err = errors.Join(err, endErr)
	}
	return left, err
}

// maxRecord bounds what is read of a file that may have been tampered with.
const maxRecord = 1 << 20

// readRecord reads what is there. A worker that died before it had written
// anything had not started anything either.
func readRecord(file *os.File) (found record, length int) {
	text, err := io.ReadAll(io.LimitReader(file, maxRecord))
	if err != nil || json.Unmarshal(text, &found) != nil {
		return record{}, len(text)
	}
	return found, len(text)
}
