package activities

import (
	"context"
	"math"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/cache"
)

// Await returns when the step that computes the same has ended one way or the
// other. Between two looks it is not running anywhere: it fails, with the delay
// after which Temporal tries again, and so holds no slot.
func (a *Activities) Await(ctx context.Context, in AwaitInput) error {
	holder, err := a.Cache.Holder(ctx, cache.Key(in.Key))
	if err != nil {
		return a.failed(err, StepFailed{})
	}
	if holder == nil {
		return nil
	}
	if alive, err := a.alive(ctx, *holder); err != nil {
		return a.failed(err, StepFailed{})
	} else if !alive {
		return nil
	}
	const first, most = 100 * time.Millisecond, 5 * time.Second
	delay := float64(first) * math.Pow(1.3, float64(activity.GetInfo(ctx).Attempt-1))
	return temporal.NewApplicationErrorWithOptions(
		"waits for "+holder.Job+"."+holder.Step+", which computes the same", Waiting,
		temporal.ApplicationErrorOptions{NextRetryDelay: time.Duration(min(delay, float64(most)))})
}
