package activities

import (
	"context"
	"maps"
	"slices"

	"go.temporal.io/sdk/activity"

	"github.com/millrace-ml/millrace/pipeline"
)

// Fetch brings data from outside into the store, when the step that reads it is
// about to start: an earlier step may have put it there.
func (a *Activities) Fetch(ctx context.Context, in FetchInput) (FetchResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return FetchResult{}, err
	}
	defer beat(ctx)()
	result := FetchResult{Values: make(map[string]pipeline.Value)}
	for _, name := range slices.Concat(in.Inputs, slices.Sorted(maps.Keys(in.Addresses))) {
		port := plan.Steps[in.Step].Input(name)
		uri := in.Addresses[name]
		if port != nil && uri == "" && port.Binding.Source != nil {
			uri = port.Binding.Source.URI
		}
		if port == nil || uri == "" {
			return FetchResult{}, invalid("step %s has no input %q to fetch", plan.Steps[in.Step].Name, name)
		}
		content, err := a.Data.Fetch(ctx, uri, port.Type, nil)
		if err != nil {
			return FetchResult{}, a.attemptFailed(ctx, err, transferGivesUpAt, StepFailed{Attempt: Attempt{Number: int(activity.GetInfo(ctx).Attempt)}})
		}
		result.Values[name] = pipeline.Content(content)
	}
	return result, nil
}

// Publish writes outputs to the datastore paths that the file names. Doing it
// again writes the same bytes to the same places.
func (a *Activities) Publish(ctx context.Context, in PublishInput) error {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return err
	}
	defer beat(ctx)()
	for _, out := range plan.Steps[in.Step].Outputs {
		content, ok := in.Outputs[out.Name]
		if out.Path == "" || !ok {
			continue
		}
		if err := a.Data.Publish(ctx, content, out.Path); err != nil {
			return a.attemptFailed(ctx, err, transferGivesUpAt, StepFailed{Attempt: Attempt{Number: int(activity.GetInfo(ctx).Attempt)}})
		}
	}
	return nil
}
