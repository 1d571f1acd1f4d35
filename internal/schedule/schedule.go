package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/recurrence"
	"github.com/millrace-ml/millrace/pipeline"
)

// Shelf is where the records of schedules are, in the catalog of the store.
const Shelf = "schedule"

// Making is what a schedule makes, and when.
type Making struct {
	Schedule string             `json:"schedule"`
	Trigger  recurrence.Trigger `json:"trigger"`
	// Since is when the schedule was made: recurrences without a start are counted
	// from then.
	Since time.Time `json:"since"`
	// Alarms are what the server was told.
	Alarms recurrence.Alarms `json:"alarms"`
	// Plan is the digest of the template of the jobs, a blob in the store.
	Plan pipeline.Digest  `json:"plan"`
	Type pipeline.JobType `json:"type"`
	// Closed is the digest of the job in a form that needs no files, with the holes
	// of the template.
	Closed pipeline.Digest `json:"closed,omitempty"`
	// Definition is the text of the job's file; File is its path.
	Definition string `json:"definition,omitempty"`
	File       string `json:"file,omitempty"`
	CreatedBy  string `json:"created_by,omitempty"`
}

// Record is what is known of a schedule without asking a server.
type Record struct {
	Making
	// Digest is that of the Making in the store.
	Digest        pipeline.Digest `json:"digest"`
	Overlap       string          `json:"overlap,omitempty"`
	CatchupWindow time.Duration   `json:"catchup_window"`
	// CreateJob is the job as the schedule's file has it.
	CreateJob   any               `json:"create_job,omitempty"`
	DisplayName string            `json:"display_name,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Properties  map[string]string `json:"properties,omitempty"`
	// Asked are the times of the last backfills whose jobs were not made yet when
	// the server was asked for them.
	Asked []time.Time `json:"asked,omitempty"`
	// Keeper names the server that it was handed to. "" is that of the home which
	// the store is in.
	Keeper string `json:"keeper,omitempty"`
	// Disabled is what the schedule was last told; Note says why.
	Disabled   bool      `json:"disabled,omitempty"`
	Note       string    `json:"note,omitempty"`
	Created    time.Time `json:"created"`
	Modified   time.Time `json:"modified,omitzero"`
	ModifiedBy string    `json:"modified_by,omitempty"`
}

// stampForm is how the names of jobs end.
const stampForm = "20060102T150405Z"

// name is what a schedule may be called: with a stamp it becomes the name of a
// job.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,237}$`)

// CheckName reports why a schedule cannot be called so, or nil.
func CheckName(s string) error {
	if !name.MatchString(s) {
		return fmt.Errorf("schedule name %q: use letters, digits, '_' and '-', at most 238, beginning with a letter or digit", s)
	}
	return nil
}

// JobName is the name of the job that a schedule makes for a time.
func JobName(schedule string, t time.Time) string {
	return schedule + "-" + t.UTC().Format(stampForm)
}

// Spec says when the schedule fires.
func (m *Making) Spec() (*recurrence.Spec, error) {
	spec, err := recurrence.Compile(m.Trigger, m.Since)
	if err != nil {
		return nil, fmt.Errorf("schedule %s: %w", m.Schedule, err)
	}
	return spec, nil
}

// Due reports whether a job is to be made for the time at which the server woke
// somebody. It is not where the server's alarms are more than the schedule says.
// A time at which there is no alarm was chosen by a person.
func (m *Making) Due(t time.Time) (bool, error) {
	spec, err := m.Spec()
	if err != nil {
		return false, err
	}
	return spec.Contains(t) || !m.Alarms.Match(t), nil
}

// Keep writes what a schedule makes to the store.
func Keep(ctx context.Context, store *artifact.Store, m Making) (pipeline.Digest, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("keep schedule %s: %w", m.Schedule, err)
	}
	kept, err := store.PutBytes(ctx, data)
	if err != nil {
		return "", fmt.Errorf("keep schedule %s: %w", m.Schedule, err)
	}
	return kept.Digest, nil
}

// maxMaking bounds what is read of a Making, in bytes.
const maxMaking = 64 << 20

// Read returns what Keep wrote.
func Read(ctx context.Context, store *artifact.Store, d pipeline.Digest) (*Making, error) {
	data, err := store.ReadAll(ctx, d, maxMaking)
	m := new(Making)
	if err == nil {
		err = json.Unmarshal(data, m)
	}
	if err != nil {
		return nil, fmt.Errorf("read what a schedule makes (%s): %w", d, err)
	}
	return m, nil
}

// Take returns the record of a schedule. A missing one is an [asset.NotFound].
func Take(ctx context.Context, store *artifact.Store, name string) (Record, error) {
	return asset.Take[Record](ctx, asset.New(store), Shelf, name)
}

// Put writes the record of a schedule.
func Put(ctx context.Context, store *artifact.Store, r Record) error {
	return asset.Put(ctx, asset.New(store), Shelf, r.Schedule, r)
}

// All returns the records of all schedules, by name.
func All(ctx context.Context, store *artifact.Store) (map[string]Record, error) {
	return asset.All[Record](ctx, asset.New(store), Shelf)
}

// Drop deletes the record of a schedule.
func Drop(ctx context.Context, store *artifact.Store, name string) error {
	return asset.Drop(ctx, asset.New(store), Shelf, name)
}

// ErrTaken says that a job which no schedule made has the name that the job of a
// schedule would have.
var ErrTaken = errors.New("a job of that name exists, and this schedule did not make it")
