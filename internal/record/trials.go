package record

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/millrace-ml/millrace/pipeline"
)

// Trials is what is known of the trials of a sweep. It outlasts the job.
type Trials struct {
	// Pages are blobs in the store with earlier trials; Trials are the others.
	Pages  []pipeline.Digest `json:"pages,omitempty"`
	Trials []pipeline.Trial  `json:"trials,omitempty"`
	Parts  pipeline.Parts    `json:"parts"`
}

func trialsKey(job, step string) string { return "jobs/" + job + "/trials/" + step + ".json" }

// KeepTrials writes what is known of the trials of a step. Writing it again
// replaces it.
func (r *Records) KeepTrials(ctx context.Context, job, step string, t Trials) error {
	data, err := json.Marshal(t)
	if err == nil {
		err = r.store.WriteRecord(ctx, trialsKey(job, step), data)
	}
	if err != nil {
		return fmt.Errorf("record the trials of %s of job %s: %w", step, job, err)
	}
	return nil
}

// Trials reads what is known of the trials of a step, or returns ErrNotFound.
func (r *Records) Trials(ctx context.Context, job, step string) (Trials, error) {
	var t Trials
	return t, r.read(ctx, job, trialsKey(job, step), &t)
}
