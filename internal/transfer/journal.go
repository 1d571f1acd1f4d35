package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// moved is a file that was moved.
type moved struct {
	Path string `json:"path"`
	// From is the version of the file that was read, There that of what was
	// written.
	From   string          `json:"from,omitempty"`
	There  string          `json:"there,omitempty"`
	Size   int64           `json:"size"`
	Digest pipeline.Digest `json:"digest"`
}

// journal is how far a transfer has come.
type journal struct {
	store  *artifact.Store
	prefix string
	result *Result
	// commit is what was written down before an export was committed.
	commit  string
	checked bool
	// writing, if not nil, is asked before every write, for tests.
	writing func(key string) error

	mu      sync.Mutex
	before  map[string]moved // by earlier attempts
	fresh   []moved          // not written down yet
	attempt int
	written int
	last    time.Time
}

// A record is written for so many files, or after so much time.
const (
	journalFiles = 500
	journalEvery = 2 * time.Second
)

const (
	doneKey    = "done"
	checkedKey = "checked"
	commitKey  = "commit"
)

func openJournal(ctx context.Context, store *artifact.Store, t Task) (*journal, error) {
	j := &journal{
		store: store, prefix: "transfers/" + t.Job + "/" + t.Step + "/",
		before: map[string]moved{}, attempt: t.Attempt, last: time.Now(),
	}
	keys, err := store.ListRecords(ctx, j.prefix)
	if err != nil {
		return nil, fmt.Errorf("read how far the transfer has come: %w", err)
	}
	for _, key := range keys {
		data, err := store.ReadRecord(ctx, key)
		if errors.Is(err, artifact.ErrGone) {
			continue // it was deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read how far the transfer has come: %w", err)
		}
		switch path.Base(key) {
		case doneKey:
			if json.Unmarshal(data, &j.result) != nil {
				j.result = nil
			}
		case checkedKey:
			j.checked = true
		case commitKey:
			j.commit = string(data)
		default:
			j.take(data)
		}
	}
	return j, nil
}

// take reads a part. What is damaged in it is moved again.
func (j *journal) take(data []byte) {
	for line := range bytes.Lines(data) {
		var m moved
		if json.Unmarshal(line, &m) == nil && m.Path != "" {
			j.before[m.Path] = m
		}
	}
}

// known is what an earlier attempt has moved to a path, from the same version.
func (j *journal) known(at, version string) (moved, bool) {
	m, ok := j.before[named(at)]
	return m, ok && version != "" && m.From == version
}

// named is a path as the journal has it: none is empty.
func named(at string) string { return "/" + at }

// note writes down that a file was moved, some at a time.
func (j *journal) note(ctx context.Context, m moved) error {
	m.Path = named(m.Path)
	j.mu.Lock()
	j.fresh = append(j.fresh, m)
	if len(j.fresh) < journalFiles && time.Since(j.last) < journalEvery {
		j.mu.Unlock()
		return nil
	}
	return j.flushLocked(ctx)
}

// flush writes down what is not yet.
func (j *journal) flush(ctx context.Context) error {
	j.mu.Lock()
	return j.flushLocked(ctx)
}

// flushLocked is called with the lock, and gives it back.
func (j *journal) flushLocked(ctx context.Context) error {
	fresh := j.fresh
	j.fresh, j.last = nil, time.Now()
	j.written++
	key := fmt.Sprintf("%s%d-%d", j.prefix, j.attempt, j.written)
	j.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, m := range fresh {
		if err := lines.Encode(m); err != nil {
			return err
		}
	}
	return j.write(ctx, key, b.Bytes())
}

func (j *journal) write(ctx context.Context, key string, data []byte) error {
	if j.writing != nil {
		if err := j.writing(key); err != nil {
			return err
		}
	}
	if err := j.store.WriteRecord(ctx, key, data); err != nil {
		return fmt.Errorf("write how far the transfer has come: %w", err)
	}
	return nil
}

// check notes that nothing stood in the way before anything was written.
func (j *journal) check(ctx context.Context) error {
	j.checked = true
	return j.write(ctx, j.prefix+checkedKey, []byte("{}"))
}

// committing notes what an export can be found again by, before it is committed.
func (j *journal) committing(ctx context.Context, mark string) error {
	return j.write(ctx, j.prefix+commitKey, []byte(mark))
}

// finish writes down the result. The parts are not needed any more.
func (j *journal) finish(ctx context.Context, r Result) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := j.write(ctx, j.prefix+doneKey, data); err != nil {
		return err
	}
	keys, err := j.store.ListRecords(ctx, j.prefix)
	if err != nil {
		return nil //nolint:nilerr // what is left over does no harm
	}
	for _, key := range keys {
		if !strings.HasSuffix(key, "/"+doneKey) {
			_ = j.store.DeleteRecord(ctx, key)
		}
	}
	return nil
}
