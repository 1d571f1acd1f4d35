// Package activities joins Temporal to the machinery: every activity is a thin
// adapter, a file each. Workflows refer to the methods of [Activities]; what
// travels between the two is in contract.go.
package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/internal/transfer"
	"github.com/millrace-ml/millrace/pipeline"
)

// Activities holds what the activities of one worker need.
type Activities struct {
	Store    *artifact.Store
	Cache    *cache.Cache
	Records  *record.Records
	Data     Places
	Runner   *step.Runner
	Temporal client.Client
	// Launch is what the workflow of a job is started with, as JSON. It is not
	// known here.
	Launch func(job record.Submitted, plan *pipeline.Plan) (json.RawMessage, error)
	// Mover moves the data of transfers; nil where none are done.
	Mover *transfer.Mover
	// Host is what of this machine enters the cache key.
	Host func() []cache.Ingredient
	// Environments knows what the environments of steps resolve to; nil where
	// all run with the machine's own software.
	Environments *environment.Manager
	// Notifier tells people of jobs; nil where nobody is told.
	Notifier *notify.Notifier
	// Page is the URL of a job's page in the Temporal UI, or ""; nil where there
	// is no UI.
	Page func(job string) string
	// Identity names this worker in records.
	Identity string
	// Slots is how many steps this worker runs at once; 0 where it is not known.
	Slots int
	// Address is where other workers reach this machine; "" has it found out.
	Address string
	// Room is what this worker lends to steps; nil where it lends nothing.
	Room Room
	// Stopping ends when running steps have to let go of this worker; its
	// cause says what becomes of their programs. Nil never ends.
	Stopping context.Context
	// Observer is told what becomes of steps; may be nil.
	Observer Observer

	plans     *plans
	adoptions *adoptions
	lists     *lists
	sweeps    *sweeps
}

// Places reads and writes outside the store.
type Places interface {
	// Fetch brings a file or folder into the store. Progress, if not nil, is
	// told the bytes read so far.
	Fetch(ctx context.Context, uri string, want pipeline.PortType, progress func(bytes int64)) (pipeline.Artifact, error)
	// Publish writes an artifact to a datastore path.
	Publish(ctx context.Context, a pipeline.Artifact, uri string) error
}

// New makes the activities of a process. Those of one queue are made from them
// with On.
func New(a Activities) *Activities {
	a.plans, a.adoptions, a.sweeps, a.lists = new(plans), new(adoptions), new(sweeps), new(lists)
	return &a
}

// On returns the activities of one worker.
func (a *Activities) On(identity string, room Room) *Activities {
	on := *a
	on.Identity, on.Room = identity, room
	return &on
}

// invalid makes an error that no retry can mend.
func invalid(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), string(pipeline.Invalid), nil)
}

// plan returns a pinned plan from the store.
func (a *Activities) plan(ctx context.Context, d pipeline.Digest) (*indexed, error) {
	if p := a.plans.get(d); p != nil {
		return p, nil
	}
	data, err := a.Store.ReadAll(ctx, d, maxPlan)
	if err != nil {
		if errors.Is(err, artifact.ErrGone) {
			return nil, a.elsewhere(ctx, d)
		}
		return nil, fmt.Errorf("read plan: %w", err)
	}
	plan := new(pipeline.Plan)
	if err := json.Unmarshal(data, plan); err != nil {
		return nil, invalid("read plan %s: %v", d, err)
	}
	if plan.Schema != pipeline.PlanSchema {
		return nil, invalid("plan %s has schema %d; this Millrace knows schema %d", d, plan.Schema, pipeline.PlanSchema)
	}
	p := index(plan)
	a.plans.put(d, p)
	return p, nil
}

// planOf returns the plan of a job. That of an iteration of a loop is the body of
// the loop, which has no name of its own.
func (a *Activities) planOf(ctx context.Context, d pipeline.Digest, job, root string) (*indexed, error) {
	p, err := a.plan(ctx, d)
	if err != nil || p.Name != "" || job == "" {
		return p, err
	}
	named := *p
	named.Plan = p.Fill(job, "")
	named.Root = root
	return &named, nil
}

// elsewhereGivesUpAt is the attempt at which a job ends whose plan nobody finds,
// about a minute after the first.
const elsewhereGivesUpAt = 8

// elsewhere is the error for a job whose plan is not in this worker's store. Most
// likely this worker, or whoever submitted the job, was started with another
// store than all the others: another worker may find it.
func (a *Activities) elsewhere(ctx context.Context, d pipeline.Digest) error {
	store := "its bucket"
	if a.Store.Dir() != "" {
		store = a.Store.Dir()
	}
	format := "the job's plan (%s) is not in the store of worker %s, %s: workers and those who submit jobs have to have one store (MILLRACE_STORE)"
	if activity.GetInfo(ctx).Attempt >= elsewhereGivesUpAt {
		return invalid(format, d, a.Identity, store)
	}
	return fmt.Errorf(format, d, a.Identity, store)
}

// maxPlan bounds what is read of a plan, in bytes.
const maxPlan = 256 << 20

// failed turns an error of the machinery into one that Temporal retries, or
// not: what the user has to mend is not retried, all else is.
func (a *Activities) failed(err error, details StepFailed) error {
	var failure *pipeline.Failure
	if errors.As(err, &failure) && failure.Kind != pipeline.Infrastructure {
		details.Failure = *failure
		return temporal.NewNonRetryableApplicationError(failure.Message, string(failure.Kind), nil, details)
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(pipeline.Infrastructure), temporal.ApplicationErrorOptions{})
}

// beat tells Temporal that the activity is alive, until the returned function
// is called. It is also how the activity learns of a cancel; it is alive while
// it ends for one, which takes a program's grace. An activity that ends within
// the first second never bothers the server. Details, if given, are what it says
// of itself.
func beat(ctx context.Context, details ...func() any) (stop func()) {
	ctx = context.WithoutCancel(ctx)
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var say []any
				for _, d := range details {
					say = append(say, d())
				}
				activity.RecordHeartbeat(ctx, say...)
			}
		}
	}()
	return func() { close(done) }
}
