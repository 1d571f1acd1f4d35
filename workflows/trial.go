package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// begin takes a sampled trial up.
func (s *sweeping) begin(p activities.Proposal) {
	s.open[p.Number] = &trial{Trial: pipeline.Trial{Number: p.Number, Values: p.Values, At: p.At, Status: pipeline.Queued}}
	s.advance(p)
}

// advance moves a trial on by what the cache said of it.
func (s *sweeping) advance(p activities.Proposal) {
	t := s.open[p.Number]
	t.proposal = p
	t.Key = p.Key
	if p.Note != "" {
		s.state.Warning = p.Note
	}
	switch {
	case p.Unprepared != "":
		s.prepare(p)
	case p.From != nil:
		s.reuse(t, *p.From, p.Outputs, p.Told, activities.Reported{Values: p.Control})
	default:
		s.run(t)
	}
}

func (s *sweeping) activity(ctx workflow.Context, id, queue, summary string, policy temporal.RetryPolicy) workflow.Context {
	ctx = workflow.WithActivityOptions(ctx, activityOptions(id, queue, summary, policy))
	return workflow.WithPriority(ctx, temporal.Priority{PriorityKey: s.node.Priority, FairnessKey: cut(s.in.Experiment, maxFairnessKey)})
}

func (s *sweeping) later(f workflow.Future, done func(workflow.Future)) {
	s.inFlight++
	s.selector.AddFuture(f, func(f workflow.Future) {
		s.inFlight--
		done(f)
	})
}

// prepare has the environment of the trials made ready, once for all that wait.
func (s *sweeping) prepare(p activities.Proposal) {
	s.waiting = append(s.waiting, p)
	if len(s.waiting) > 1 {
		return
	}
	if s.rounds++; s.rounds > maxRounds {
		s.unprepared(fmt.Errorf("the environment was made %d times, and is gone again each time", maxRounds))
		return
	}
	ctx := s.activity(s.running, fmt.Sprintf("%s/prepare#%d", s.node.Name, s.rounds), s.node.Queue, "make the environment of "+s.node.Name, patience)
	in := activities.PrepareInput{Job: s.in.Job, Plan: s.in.Plan, Step: s.in.Step}
	s.later(workflow.ExecuteActivity(ctx, do.Prepare, in), func(f workflow.Future) {
		if err := f.Get(s.ctx, nil); err != nil {
			s.unprepared(err)
			return
		}
		s.again, s.waiting = append(s.again, s.waiting...), nil
	})
}

// unprepared ends the sweep: no trial has an environment.
func (s *sweeping) unprepared(err error) {
	for _, p := range s.waiting {
		delete(s.open, p.Number)
	}
	s.waiting = nil
	s.abort(err)
}

// run has a worker run the trial's program.
func (s *sweeping) run(t *trial) {
	name := pipeline.TrialName(s.node.Name, t.Number)
	id := name
	if t.runs++; t.runs > 1 {
		id = fmt.Sprintf("%s#%d", name, t.runs)
	}
	var ctx workflow.Context
	ctx, t.stop = workflow.WithCancel(s.running)
	ctx = s.activity(ctx, id, TaskQueue(s.node.Queue, s.node.GPUs), s.summary(t), patience)
	in := activities.StepInput{
		Job: s.in.Job, Root: s.in.Root, Plan: s.in.Plan, Name: name, Key: t.Key, Reusable: s.node.Reusable,
		Timeout: s.what.Limits.TrialTimeout,
		Ready:   activities.Ready{Step: s.in.Step, Inputs: s.inputs(t)},
		Watch: &activities.Watch{
			Trial: t.Number, Metric: s.what.Objective.Metric, Minimise: s.what.Objective.Minimise,
			Early: s.what.Early, Share: reportShare(atOnce(s.what)),
		},
	}
	s.later(workflow.ExecuteActivity(ctx, do.Step, in), func(f workflow.Future) {
		t.stop()
		t.stop = nil
		var result activities.StepResult
		if err := f.Get(s.ctx, &result); err != nil {
			s.failed(t, err)
			return
		}
		switch {
		case result.Busy != nil:
			s.await(t, *result.Busy)
		case result.From != nil:
			s.reuse(t, *result.From, result.Outputs, told(s.what.Objective.Metric, result.Metrics), result.Reported)
		default:
			t.attempted(result.Attempt)
			s.completed(t, result.Outputs, told(s.what.Objective.Metric, result.Metrics), result.Reported)
		}
	})
}

// inputs are those of a trial: the sweep's, and what was sampled.
func (s *sweeping) inputs(t *trial) map[string]pipeline.Value {
	all := make(map[string]pipeline.Value, len(s.in.Inputs)+len(t.Values))
	for _, name := range workflow.DeterministicKeys(s.in.Inputs) {
		all[name] = s.in.Inputs[name]
	}
	for _, name := range s.node.Sampled {
		if text, ok := t.Values[name]; ok {
			all[name] = pipeline.Text(text)
		}
	}
	return all
}

// summary says which trial it is, and what was sampled for it.
func (s *sweeping) summary(t *trial) string {
	return cut(pipeline.TrialName(s.node.Name, t.Number)+" on "+s.node.Queue+": "+settings(t.Values), 200)
}

// settings are sampled values in a line.
func settings(values map[string]string) string {
	var parts []string
	for _, name := range workflow.DeterministicKeys(values) {
		parts = append(parts, name+"="+values[name])
	}
	return strings.Join(parts, ", ")
}

// await waits for another job, or another trial, that computes the same; no slot
// is held.
func (s *sweeping) await(t *trial, busy pipeline.Origin) {
	name := pipeline.TrialName(s.node.Name, t.Number)
	words := name + " waits for " + busy.Job + "." + busy.Step + ", which computes the same"
	ctx := s.activity(s.running, fmt.Sprintf("%s/await#%d", name, t.runs), PipelinesQueue, words, awaiting)
	in := activities.AwaitInput{Job: s.in.Job, Name: name, Key: t.Key}
	s.later(workflow.ExecuteActivity(ctx, do.Await, in), func(f workflow.Future) {
		if err := f.Get(s.ctx, nil); err != nil {
			s.failed(t, err)
			return
		}
		s.again = append(s.again, t.proposal)
	})
}

func (t *trial) attempted(a activities.Attempt) {
	t.Worker, t.Attempts = a.Worker, a.Number
	t.Started, t.Ended, t.ExitCode = a.Started, a.Ended, a.ExitCode
}

// reuse takes a trial's result from the cache.
func (s *sweeping) reuse(t *trial, from pipeline.Origin, outputs map[string]pipeline.Artifact, told activities.Told, reported activities.Reported) {
	now := workflow.Now(s.ctx)
	t.Reused, t.Started, t.Ended = &from, now, now
	s.state.Parts.Reused++
	s.completed(t, outputs, told, reported)
}

// completed takes the result of a trial in.
func (s *sweeping) completed(t *trial, outputs map[string]pipeline.Artifact, told activities.Told, reported activities.Reported) {
	t.Status = pipeline.Completed
	s.state.Parts.Completed++
	s.note(t, outputs, told)
	score, ok := t.Score(s.what.Objective.Minimise)
	if ok && s.beats(score, t.Number) {
		if reported.Metrics == nil && told.Metric != nil {
			reported.Metrics = map[string]pipeline.Metric{s.what.Objective.Metric: *told.Metric}
		}
		s.state.Best = &activities.Best{Trial: t.Trial, Outputs: outputs, Reported: reported}
		s.state.Parts.Best = pipeline.TrialName(s.node.Name, t.Number)
	}
	s.settled(t)
	if s.state.Measured == 0 && s.state.Parts.Completed >= hopeless {
		s.hopeless = true
		s.close()
	}
}

// beats reports whether a score is better than the best; of equals the first
// trial is the best.
func (s *sweeping) beats(score float64, number int) bool {
	best := s.state.Best
	if best == nil {
		return true
	}
	than, _ := best.Trial.Score(s.what.Objective.Minimise)
	if score == than {
		return number < best.Trial.Number
	}
	return (score < than) == s.what.Objective.Minimise
}

// note keeps what a trial has told and left.
func (s *sweeping) note(t *trial, outputs map[string]pipeline.Artifact, told activities.Told) {
	if a, ok := outputs[pipeline.Artifacts]; ok {
		t.Artifacts = &a
	}
	if told.Metric != nil {
		t.Metric = told.Metric
		s.state.Measured++
		return
	}
	for _, name := range told.Logged {
		if !slices.Contains(s.state.Logged, name) && len(s.state.Logged) < activities.MaxLogged {
			s.state.Logged = append(s.state.Logged, name)
		}
	}
}

// failed settles a trial whose activity did not succeed. That is no failure of
// the sweep.
func (s *sweeping) failed(t *trial, err error) {
	details, _ := detailsOf(err)
	t.attempted(details.Attempt)
	s.note(t, details.Outputs, told(s.what.Objective.Metric, details.Metrics))
	switch application, _ := errors.AsType[*temporal.ApplicationError](err); {
	case t.why != "":
		t.Status, t.Stopped = pipeline.Canceled, t.why
		s.state.Parts.Stopped++
	case temporal.IsCanceledError(err) || lostWhileEnding(err):
		t.Status = pipeline.Canceled
	case details.Failure.Kind == pipeline.Timeout:
		t.Status, t.Error = pipeline.Canceled, details.Failure.Message
		s.state.Parts.Failed++
		s.blame(details.Failure)
	default:
		failure := details.Failure
		if failure.Message == "" {
			failure = pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
			if application != nil {
				failure.Message = application.Message()
			}
		}
		t.Status, t.Error = pipeline.Failed, failure.Message
		s.state.Parts.Failed++
		s.blame(failure)
	}
	if t.Ended.IsZero() {
		t.Ended = workflow.Now(s.ctx)
	}
	s.settled(t)
}

// blame remembers the first failure.
func (s *sweeping) blame(f pipeline.Failure) {
	if s.state.Failure == nil {
		s.state.Failure = &f
	}
}

// settled is called once for every trial, when its state is final.
func (s *sweeping) settled(t *trial) {
	delete(s.open, t.Number)
	s.state.Trials = append(s.state.Trials, t.Trial)
	s.show(t)
}

// told is what a sweep has to know of a trial's metrics.
func told(metric string, metrics map[string]pipeline.Metric) activities.Told {
	if m, ok := metrics[metric]; ok {
		return activities.Told{Metric: &m}
	}
	logged := workflow.DeterministicKeys(metrics)
	return activities.Told{Logged: logged[:min(len(logged), activities.MaxLogged)]}
}
