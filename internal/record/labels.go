package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Labels are what people may change of a job after it was submitted, as it
// stands. They are written whole: of two who change them at once, the later one
// stays.
type Labels struct {
	DisplayName string            `json:"display_name"`
	Experiment  string            `json:"experiment_name"`
	Description string            `json:"description"`
	Tags        map[string]string `json:"tags"`
	Properties  map[string]string `json:"properties"`
	Archived    bool              `json:"archived,omitempty"`
	Modified    time.Time         `json:"modified"`
	ModifiedBy  string            `json:"modified_by,omitempty"`
}

// Labels have a place of their own, so that one look tells which jobs have any.
const labelled = "labels/"

func labelsKey(job string) string { return labelled + job + "/labels.json" }

// Label writes the labels of a job.
func (r *Records) Label(ctx context.Context, job string, l Labels) error {
	err := CheckName(job)
	var data []byte
	if err == nil {
		data, err = json.Marshal(l)
	}
	if err == nil {
		err = r.store.WriteRecord(ctx, labelsKey(job), data)
	}
	if err != nil {
		return fmt.Errorf("label job %s: %w", job, err)
	}
	return nil
}

// Labels reads the labels of a job. One that nobody has changed has none.
func (r *Records) Labels(ctx context.Context, job string) (l Labels, ok bool, err error) {
	err = r.read(ctx, job, labelsKey(job), &l)
	if errors.Is(err, ErrNotFound) {
		return Labels{}, false, nil
	}
	return l, err == nil, err
}

// Labelled returns the names of the jobs that have labels.
func (r *Records) Labelled(ctx context.Context) (map[string]bool, error) {
	keys, err := r.store.ListRecords(ctx, labelled)
	if err != nil {
		return nil, fmt.Errorf("list labels of jobs: %w", err)
	}
	jobs := make(map[string]bool, len(keys))
	for _, key := range keys {
		job, _, _ := strings.Cut(strings.TrimPrefix(key, labelled), "/")
		jobs[job] = true
	}
	return jobs, nil
}
