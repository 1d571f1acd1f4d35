// Package record keeps a small record of every job in the store, so that
// lineage, reuse and "what happened" survive Temporal's retention and need no
// server to be read.
//
// A job has two records, each written once: what was submitted, and how it
// ended. Between the two, Temporal knows; so that something can be said of an
// unfinished job without it, the steps that have ended are noted too.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Submitted is what is known when a job begins.
type Submitted struct {
	Name string           `json:"name"`
	Type pipeline.JobType `json:"type"`
	// Plan is the digest of the pinned plan, a blob in the store.
	Plan pipeline.Digest `json:"plan"`
	// Closed is the digest of the job in a form that needs no files, a blob in
	// the store; "" where none was kept.
	Closed pipeline.Digest `json:"closed,omitempty"`
	// Definition is the text of the file that was submitted; File is its path.
	Definition string    `json:"definition,omitempty"`
	File       string    `json:"file,omitempty"`
	Created    time.Time `json:"created"`
	CreatedBy  string    `json:"created_by,omitempty"`
	// Schedule is the name of the schedule that made the job, if one did.
	Schedule string `json:"schedule,omitempty"`
	// Parent is the job that this one is a part of, as the iteration of a loop is,
	// Number which part, and Root the job that was submitted; Values are the
	// inputs that it was given.
	Parent string                    `json:"parent_job_name,omitempty"`
	Number int                       `json:"number,omitempty"`
	Root   string                    `json:"root_job_name,omitempty"`
	Values map[string]pipeline.Value `json:"values,omitempty"`
	// These repeat the plan, so that a list of jobs need not read plans.
	DisplayName string            `json:"display_name,omitempty"`
	Experiment  string            `json:"experiment_name,omitempty"`
	Compute     string            `json:"compute,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Ended is how a job ended.
type Ended struct {
	Status  pipeline.Status `json:"status"`
	Started time.Time       `json:"start_time"`
	Ended   time.Time       `json:"end_time"`
	// Step and Failure say what failed first, where something did.
	Step    string               `json:"failed_step,omitempty"`
	Failure *pipeline.Failure    `json:"error,omitempty"`
	Steps   []pipeline.StepState `json:"steps"`
	// Assets are what outputs have become.
	Assets []Registered `json:"assets,omitempty"`
}

// Registered is an output of a step that has become an asset.
type Registered struct {
	Step   string             `json:"step"`
	Output string             `json:"output"`
	Kind   pipeline.AssetKind `json:"kind"`
	// Asset is the pinned reference: "azureml:model:3".
	Asset string `json:"asset"`
}

var (
	// ErrExists says that a job of that name was submitted before.
	ErrExists = errors.New("a job of that name exists")
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("no such job")
)

// Records reads and writes the records of one store.
type Records struct {
	store *artifact.Store
}

// New keeps records in the store, below jobs/ and history/.
func New(store *artifact.Store) *Records { return &Records{store: store} }

// name is what a job may be called: it becomes part of keys, paths and URIs.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$`)

// CheckName reports why a job cannot be called so, or nil.
func CheckName(s string) error {
	if !name.MatchString(s) {
		return fmt.Errorf("job name %q: use letters, digits, '_' and '-', at most 255, beginning with a letter or digit", s)
	}
	return nil
}

func submittedKey(job string) string { return "jobs/" + job + "/submitted.json" }
func endedKey(job string) string     { return "jobs/" + job + "/ended.json" }

// historyKey sorts the newest job first: object stores list keys in one order
// only.
func historyKey(created time.Time, job string) string {
	return fmt.Sprintf("history/%019d/%s", math.MaxInt64-created.UnixNano(), job)
}

// Submit writes the first record of a job, or returns ErrExists.
func (r *Records) Submit(ctx context.Context, s Submitted) error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("record job %s: %w", s.Name, err)
	}
	// The list entry comes first: one that leads to nothing is passed over,
	// a job that no list shows would be lost.
	listed := historyKey(s.Created, s.Name)
	if err := r.store.WriteRecord(ctx, listed, nil); err != nil {
		return fmt.Errorf("record job %s: %w", s.Name, err)
	}
	created, err := r.store.CreateRecord(ctx, submittedKey(s.Name), data)
	if err != nil {
		return fmt.Errorf("record job %s: %w", s.Name, err)
	}
	if !created {
		_ = r.store.Bucket().Delete(ctx, listed)
		return fmt.Errorf("job %s: %w", s.Name, ErrExists)
	}
	return nil
}

// Withdraw takes back what Submit wrote of a job that never began.
func (r *Records) Withdraw(ctx context.Context, s Submitted) error {
	// As in Submit: no job is there that the list does not show.
	for _, key := range []string{submittedKey(s.Name), historyKey(s.Created, s.Name)} {
		if err := r.store.DeleteRecord(ctx, key); err != nil {
			return fmt.Errorf("withdraw job %s: %w", s.Name, err)
		}
	}
	return nil
}

// Submitted reads the first record of a job, or returns ErrNotFound.
func (r *Records) Submitted(ctx context.Context, job string) (Submitted, error) {
	var s Submitted
	return s, r.read(ctx, job, submittedKey(job), &s)
}

// End writes the last record of a job. Writing it again replaces it.
func (r *Records) End(ctx context.Context, job string, e Ended) error {
	data, err := json.Marshal(e)
	if err == nil {
		err = r.store.WriteRecord(ctx, endedKey(job), data)
	}
	if err != nil {
		return fmt.Errorf("record end of job %s: %w", job, err)
	}
	r.forget(ctx, job)
	return nil
}

// Reopen takes back the last record of a job that is to go on.
func (r *Records) Reopen(ctx context.Context, job string) error {
	if err := r.store.DeleteRecord(ctx, endedKey(job)); err != nil {
		return fmt.Errorf("reopen job %s: %w", job, err)
	}
	return nil
}

func notesPrefix(job string) string { return "jobs/" + job + "/steps/" }

// Note keeps the states of steps that have ended, for as long as their job has
// not. The id tells the notes of a job apart; a later one replaces an earlier.
func (r *Records) Note(ctx context.Context, job, id string, steps []pipeline.StepState) error {
	data, err := json.Marshal(steps)
	if err == nil {
		err = r.store.WriteRecord(ctx, notesPrefix(job)+id, data)
	}
	if err != nil {
		return fmt.Errorf("note steps of job %s: %w", job, err)
	}
	return nil
}

// Noted returns the states that were noted of a job that has not ended.
func (r *Records) Noted(ctx context.Context, job string) ([]pipeline.StepState, error) {
	keys, err := r.store.ListRecords(ctx, notesPrefix(job))
	if err != nil {
		return nil, fmt.Errorf("read notes of job %s: %w", job, err)
	}
	var all []pipeline.StepState
	for _, key := range keys {
		data, err := r.store.ReadRecord(ctx, key)
		if errors.Is(err, artifact.ErrGone) {
			continue // the job has just ended
		}
		if err != nil {
			return nil, fmt.Errorf("read notes of job %s: %w", job, err)
		}
		var steps []pipeline.StepState
		if json.Unmarshal(data, &steps) == nil {
			all = append(all, steps...)
		}
	}
	return all, nil
}

// forget deletes the notes of a job that has ended. Any that stay do no harm.
func (r *Records) forget(ctx context.Context, job string) {
	keys, err := r.store.ListRecords(ctx, notesPrefix(job))
	if err != nil {
		return
	}
	for _, key := range keys {
		_ = r.store.DeleteRecord(ctx, key)
	}
}

// Ended reads the last record of a job; ErrNotFound while it has not ended.
func (r *Records) Ended(ctx context.Context, job string) (Ended, error) {
	var e Ended
	return e, r.read(ctx, job, endedKey(job), &e)
}

func (r *Records) read(ctx context.Context, job, key string, into any) error {
	if CheckName(job) != nil {
		return fmt.Errorf("job %q: %w", job, ErrNotFound)
	}
	data, err := r.store.ReadRecord(ctx, key)
	if errors.Is(err, artifact.ErrGone) {
		return fmt.Errorf("job %s: %w", job, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read record of job %s: %w", job, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read record of job %s (%s): %w", job, key, err)
	}
	return nil
}

// Recent calls yield with the names of jobs, the most recently submitted first,
// until it returns false.
func (r *Records) Recent(ctx context.Context, yield func(job string, created time.Time) bool) error {
	list := r.store.Bucket().List(&blob.ListOptions{Prefix: "history/"})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list jobs: %w", err)
		}
		stamp, job, ok := strings.Cut(strings.TrimPrefix(object.Key, "history/"), "/")
		inverted, err := strconv.ParseInt(stamp, 10, 64)
		if !ok || err != nil {
			continue
		}
		if !yield(job, time.Unix(0, math.MaxInt64-inverted)) {
			return nil
		}
	}
}
