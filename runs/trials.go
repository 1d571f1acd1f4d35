package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// Trials are the trials of a sweep, the best first.
type Trials struct {
	Job  *Job
	Step *pipeline.Step
	// Parts counts them.
	Parts  pipeline.Parts
	Trials []pipeline.Trial
}

// ErrNoSweep says that a job has no sweep, or that a step is none.
var ErrNoSweep = errors.New("there is no sweep")

// Trials returns the trials of a job's step, also while it runs; "" is the only
// sweep of the job.
func (s *Service) Trials(ctx context.Context, name, stepName string) (*Trials, error) {
	job, child, err := s.ShowAny(ctx, name)
	if err != nil {
		return nil, err
	}
	if stepName == "" {
		stepName = child
	}
	step, err := job.sweep(stepName)
	if err != nil {
		return nil, err
	}
	t := &Trials{Job: job, Step: step}
	known, err := s.knownTrials(ctx, job, step.Name)
	if err != nil {
		return nil, err
	}
	t.Parts = known.Parts
	for _, page := range known.Pages {
		trials, err := s.trialsOn(ctx, page)
		if err != nil {
			return nil, fmt.Errorf("read the trials of %s: %w", step.Name, err)
		}
		t.Trials = append(t.Trials, trials...)
	}
	t.Trials = append(t.Trials, known.Trials...)
	minimise := step.Sweep.Objective.Minimise
	slices.SortStableFunc(t.Trials, func(a, b pipeline.Trial) int { return compareTrials(&a, &b, minimise) })
	return t, nil
}

// compareTrials puts the better trial first: those that have completed before
// all others.
func compareTrials(a, b *pipeline.Trial, minimise bool) int {
	if x, y := a.Status == pipeline.Completed, b.Status == pipeline.Completed; x != y {
		if x {
			return -1
		}
		return 1
	}
	return a.Compare(b, minimise)
}

// sweep finds a sweep of the job.
func (j *Job) sweep(name string) (*pipeline.Step, error) {
	var all []string
	for i := range j.Plan.Steps {
		if step := &j.Plan.Steps[i]; step.Sweep != nil {
			if step.Name == name {
				return step, nil
			}
			all = append(all, step.Name)
		}
	}
	switch {
	case name != "" && j.Plan.Step(name) == nil:
		return nil, fmt.Errorf("%w %q in job %s", ErrNoStep, name, j.Name)
	case name != "":
		return nil, fmt.Errorf("step %s of job %s: %w", name, j.Name, ErrNoSweep)
	case len(all) == 0:
		return nil, fmt.Errorf("job %s: %w", j.Name, ErrNoSweep)
	case len(all) > 1:
		return nil, fmt.Errorf("job %s has several sweeps, %s: name one", j.Name, strings.Join(all, ", "))
	}
	return j.Plan.Step(all[0]), nil
}

// knownTrials asks the workflow of a sweep that runs, and otherwise its record.
func (s *Service) knownTrials(ctx context.Context, job *Job, step string) (known activities.Trials, err error) {
	if s.Temporal != nil && !job.step(step).Status.Ended() {
		id := workflows.PartsID(job.Name, step)
		answer, err := s.Temporal.QueryWorkflow(ctx, id, "", workflows.TrialsQuery)
		if err == nil && answer.Get(&known) == nil {
			if d, err := s.Temporal.DescribeWorkflowExecution(ctx, id, ""); err == nil {
				underWay(step, job.Plan.Step(step), known.Trials, d.GetPendingActivities())
			}
			return known, nil
		}
		if ctx.Err() != nil {
			return known, ctx.Err()
		}
	}
	known, err = s.records.Trials(ctx, job.Name, step)
	if errors.Is(err, ErrNotFound) {
		return known, nil // none has begun
	}
	return known, err
}

// underWay adds what only Temporal knows: which trials a worker has taken, and
// what they have reported.
func underWay(name string, step *pipeline.Step, trials []pipeline.Trial, pending []*workflowpb.PendingActivityInfo) {
	for _, p := range pending {
		if p.GetActivityType().GetName() != "Step" {
			continue
		}
		number, ok := pipeline.TrialNumber(name, stepOf("Step", p.GetActivityId()))
		i := slices.IndexFunc(trials, func(t pipeline.Trial) bool { return t.Number == number })
		if !ok || i < 0 {
			continue
		}
		t := &trials[i]
		t.Attempts = int(p.GetAttempt())
		if p.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED {
			t.Status, t.Worker, t.Started = pipeline.Running, p.GetLastWorkerIdentity(), p.GetLastStartedTime().AsTime()
		}
		if m, ok := liveMetrics(p)[step.Sweep.Objective.Metric]; ok {
			t.Metric = &m
		}
	}
}

// trialsOn reads a page of trials.
func (s *Service) trialsOn(ctx context.Context, d pipeline.Digest) ([]pipeline.Trial, error) {
	data, err := s.Store.ReadAll(ctx, d, maxPlan)
	if err != nil {
		return nil, err
	}
	var page activities.SweepState
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, err
	}
	return page.Trials, nil
}

// TrialLog writes what a trial has printed.
func (s *Service) TrialLog(ctx context.Context, t *Trials, number int, w io.Writer) error {
	i := slices.IndexFunc(t.Trials, func(t pipeline.Trial) bool { return t.Number == number })
	if i < 0 {
		return fmt.Errorf("%s of job %s has no trial %d", t.Step.Name, t.Job.Name, number)
	}
	trial := &t.Trials[i]
	state := pipeline.StepState{Name: pipeline.TrialName(t.Step.Name, number), Status: trial.Status}
	if trial.Artifacts != nil {
		state.Outputs = map[string]pipeline.Artifact{pipeline.Artifacts: *trial.Artifacts}
	}
	return s.Log(ctx, t.Job.Name, state.Name, func() (pipeline.StepState, bool) { return state, true }, w)
}

// withBest adds to a sweep's properties the name of its best trial as a job of its
// own, as az calls it.
func (j *Job) withBest(properties map[string]string, state *pipeline.StepState) map[string]string {
	if state.Parts == nil || state.Parts.Best == "" {
		return properties
	}
	all := maps.Clone(properties)
	all["best_child_run_id"] = j.Plan.StepJobName(state.Parts.Best)
	return all
}
