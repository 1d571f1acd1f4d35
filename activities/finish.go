package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// Finish writes the record of how the job ended, and says who is to be told.
func (a *Activities) Finish(ctx context.Context, in FinishInput) (Receivers, error) {
	err := a.Records.End(ctx, in.Job, record.Ended{
		Status: in.Status, Started: in.Started, Ended: in.Ended,
		Step: in.Step, Failure: in.Failure, Steps: in.Steps, Assets: in.Assets,
	})
	if err != nil {
		return Receivers{}, err
	}
	return a.receivers(ctx, in.Job, pipeline.EventOf(in.Status)), nil
}

// Keep puts states into the store and returns their digest.
func (a *Activities) Keep(ctx context.Context, in States) (pipeline.Digest, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return "", invalid("keep the states of the steps: %v", err)
	}
	kept, err := a.Store.PutBytes(ctx, data)
	return kept.Digest, err
}

// TakeUp returns the states that Keep put into the store.
func (a *Activities) TakeUp(ctx context.Context, d pipeline.Digest) (States, error) {
	var states States
	data, err := a.Store.ReadAll(ctx, d, maxPlan)
	if err != nil {
		return states, fmt.Errorf("take up the states of the steps: %w", err)
	}
	if err := json.Unmarshal(data, &states); err != nil {
		return states, invalid("take up the states of the steps: %v", err)
	}
	return states, nil
}
