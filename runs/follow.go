package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// follower reads a job again and again, asking only for what changed.
type follower struct {
	s        *Service
	job      *Job
	at       map[string]int // step name -> index
	version  int
	reported []pipeline.StepState // by step: what the workflow says
	ended    bool

	queues *queues              // asked why steps wait; nil until one has for long
	why    map[int]reasonToWait // by step
	signs  map[int]sign         // of life, by step that is to end
	looped time.Time            // when loops were asked last

	partsAsked time.Time // when sweeps were asked last
}

func (s *Service) follow(ctx context.Context, name string) (*follower, error) {
	submitted, err := s.records.Submitted(ctx, name)
	if err != nil {
		return nil, err
	}
	data, err := s.Store.ReadAll(ctx, submitted.Plan, maxPlan)
	if err != nil {
		return nil, fmt.Errorf("read the plan of job %s: %w", name, err)
	}
	plan := new(pipeline.Plan)
	if err := json.Unmarshal(data, plan); err != nil {
		return nil, fmt.Errorf("read the plan of job %s: %w", name, err)
	}
	if submitted.Parent != "" {
		plan = ofIteration(plan, submitted)
	}
	job := s.describe(submitted, plan)
	if err := s.relabel(ctx, job); err != nil {
		return nil, err
	}
	f := &follower{s: s, job: job, at: make(map[string]int, len(plan.Steps))}
	for i := range plan.Steps {
		f.at[plan.Steps[i].Name] = i
	}
	f.reported = append(f.reported, f.job.Steps...)
	return f, nil
}

// look brings the job up to date, and reports whether anything changed.
func (f *follower) look(ctx context.Context) (changed bool, err error) {
	if f.ended {
		return false, nil
	}
	if end, err := f.s.records.Ended(ctx, f.job.Name); err == nil {
		f.job.end(end)
		f.ended = true
		return true, nil
	} else if !errors.Is(err, ErrNotFound) {
		return false, err
	}
	if f.s.Temporal == nil {
		return false, f.recall(ctx)
	}
	before := f.job.Status
	d, err := f.s.Temporal.DescribeWorkflowExecution(ctx, f.job.Name, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		f.job.Status = pipeline.NotResponding
		return before != f.job.Status, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for job %s: %w", f.job.Name, err)
	}
	if err := f.ask(ctx); err != nil {
		return false, err
	}
	f.iterations(ctx)
	f.askParts(ctx)
	f.job.execution(d.GetWorkflowExecutionInfo())
	f.explain(ctx, d.GetPendingActivities())
	changed = f.merge(d.GetPendingActivities()) || before != f.job.Status
	if f.job.Status.Ended() {
		// It ended between the two looks, or without our doing: terminated in
		// the Temporal UI, or run by a worker that has another store.
		if end, err := f.s.records.Ended(ctx, f.job.Name); err == nil {
			f.job.end(end)
		} else if why := f.s.Temporal.GetWorkflow(ctx, f.job.Name, "").Get(ctx, nil); why != nil && ctx.Err() == nil {
			f.job.Failure = &pipeline.Failure{Kind: pipeline.Infrastructure, Message: reason(why)}
		}
		f.ended, changed = true, true
	}
	return changed, nil
}

// recall takes the steps of an unfinished job from what was noted of them.
func (f *follower) recall(ctx context.Context) error {
	noted, err := f.s.records.Noted(ctx, f.job.Name)
	if err != nil {
		return err
	}
	for _, state := range noted {
		if i, ok := f.at[state.Name]; ok {
			f.job.Steps[i] = state
		}
	}
	return nil
}

// reason is the innermost message of an error that Temporal brought.
func reason(err error) string {
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return application.Message()
	}
	if wrapped, ok := errors.AsType[*temporal.WorkflowExecutionError](err); ok && wrapped.Unwrap() != nil {
		return wrapped.Unwrap().Error()
	}
	return err.Error()
}

// ask gets from the workflow what changed. A workflow that no worker serves
// just now does not answer; what is known stays.
func (f *follower) ask(ctx context.Context) error {
	for {
		var p workflows.Progress
		answer, err := f.s.Temporal.QueryWorkflow(ctx, f.job.Name, "", workflows.ProgressQuery, f.version)
		if err == nil {
			err = answer.Get(&p)
		}
		if err != nil {
			return ctx.Err()
		}
		if p.Version < f.version {
			f.version = 0 // a new run of the workflow counts anew
			continue
		}
		for _, state := range p.Steps {
			if i, ok := f.at[state.Name]; ok {
				f.reported[i] = state
			}
		}
		f.version = p.Version
		if !p.More {
			return nil
		}
	}
}

// merge joins what the workflow knows with what only Temporal knows: which of
// the queued steps a worker has taken, and since when.
func (f *follower) merge(pending []*workflowpb.PendingActivityInfo) (changed bool) {
	now := append([]pipeline.StepState(nil), f.reported...)
	for _, p := range pending {
		kind := p.GetActivityType().GetName()
		i, ok := f.at[stepOf(kind, p.GetActivityId())]
		if !ok || now[i].Status.Ended() {
			continue
		}
		switch kind {
		case "Instance":
			mergeInstance(&now[i], p)
		case "Prepare":
			mergePrepare(&now[i], p)
		}
		if kind != "Step" && kind != "Transfer" {
			continue
		}
		switch p.GetState() {
		case enumspb.PENDING_ACTIVITY_STATE_STARTED:
			now[i].Status = pipeline.Running
			now[i].Worker = p.GetLastWorkerIdentity()
			now[i].Started = p.GetLastStartedTime().AsTime()
			now[i].Metrics = liveMetrics(p)
			if kind == "Transfer" {
				now[i].Waiting = liveWords(p)
			}
		case enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
			now[i].Status = pipeline.CancelRequested
			now[i].Waiting = f.silence(i, p)
		default:
			now[i].Status = pipeline.Queued
			now[i].Waiting = "waits for a slot on queue " + now[i].Queue
			if r, ok := f.why[i]; ok {
				now[i].Waiting, now[i].Place = r.why, r.place
			}
			if last := p.GetLastFailure(); last != nil {
				now[i].Waiting = "will be run again: " + last.GetMessage()
			}
		}
		now[i].Attempts += int(p.GetAttempt()) // those before were tried again
	}
	for i := range now {
		changed = changed || differs(&f.job.Steps[i], &now[i])
	}
	f.job.Steps = now
	return changed
}

// stepOf is the step that an activity of a kind belongs to, for the kinds that
// merge knows.
func stepOf(kind, activity string) string {
	step, _, _ := strings.Cut(activity, "#")
	if kind == "Prepare" {
		step = strings.TrimSuffix(step, "/prepare")
	}
	return step
}

// Watch calls changed with the job at once and at every change until the job
// has ended, and returns it as it ended. When ctx ends first, Watch returns its
// error; the job goes on.
func (s *Service) Watch(ctx context.Context, name string, changed func(*Job)) (*Job, error) {
	f, err := s.follow(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.Temporal == nil {
		if _, err := f.look(ctx); err != nil {
			return f.job, err
		}
		changed(f.job)
		if f.ended {
			return f.job, nil
		}
		return f.job, fmt.Errorf("watch job %s: %w", name, ErrNoServer)
	}
	// Temporal tells at once when the job ends; what happens in between is
	// looked up at a steady pace.
	over := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(over)
		_ = s.Temporal.GetWorkflow(watching, name, "").Get(watching, nil)
	}()
	const pace = 200 * time.Millisecond
	timer := time.NewTimer(0)
	defer timer.Stop()
	first := true
	for {
		select {
		case <-ctx.Done():
			return f.job, ctx.Err()
		case <-over:
			over = nil
		case <-timer.C:
			timer.Reset(pace)
		}
		news, err := f.look(ctx)
		if err != nil {
			return f.job, err
		}
		if news || first {
			first = false
			changed(f.job)
		}
		if f.ended {
			return f.job, nil
		}
	}
}
