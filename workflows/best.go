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

// finish records the trials, and returns the best one or why there is none.
func (s *sweeping) finish() (*SweepOutcome, error) {
	if len(s.state.Trials) > 0 {
		s.page()
	}
	parts := s.state.Parts
	if s.state.Exhausted || s.over {
		parts.Total = s.state.Next - 1
	}
	ctx, cancel := workflow.NewDisconnectedContext(s.ctx)
	defer cancel()
	in := activities.TrialsInput{Job: s.in.Job, Name: s.node.Name, Trials: activities.Trials{Pages: s.state.Pages, Trials: s.state.Trials, Parts: parts}}
	if err := workflow.ExecuteLocalActivity(local(ctx, "record the trials"), do.RecordTrials, in).Get(ctx, nil); err != nil {
		return nil, err
	}
	switch failure := s.failure(); {
	case s.ctx.Err() != nil:
		return nil, temporal.NewCanceledError(activities.StepFailed{}, parts)
	case failure != nil:
		return nil, temporal.NewNonRetryableApplicationError(failure.Message, string(failure.Kind), nil, activities.StepFailed{Failure: *failure}, parts)
	}
	return &SweepOutcome{Best: *s.state.Best, Parts: parts, Warning: s.warning(parts)}, nil
}

// warning says what of a sweep that has a best trial did not go as it was meant
// to; "" where nothing did.
func (s *sweeping) warning(parts pipeline.Parts) string {
	var all []string
	if parts.Failed > 0 {
		text := fmt.Sprintf("%d of %d trials failed", parts.Failed, parts.Total)
		if s.state.Failure != nil {
			text += "; the first: " + s.state.Failure.Message
		}
		all = append(all, text)
	}
	if s.state.Warning != "" {
		all = append(all, s.state.Warning)
	}
	return cut(strings.Join(all, "; "), 1000)
}

// failure says why there is no best trial; nil where there is one.
func (s *sweeping) failure() *pipeline.Failure {
	metric := s.what.Objective.Metric
	switch {
	case s.fatal != nil:
		return failureOf(s.fatal)
	case s.state.Best != nil:
		return nil
	case s.state.Parts.Completed > 0:
		logged := "they logged no metric at all"
		if len(s.state.Logged) > 0 {
			logged = "what they logged is " + strings.Join(s.state.Logged, ", ")
		}
		text := fmt.Sprintf("no trial logged the metric %q; %s", metric, logged)
		if s.hopeless {
			text += fmt.Sprintf(" (ended after %d trials)", s.state.Parts.Completed)
		}
		return &pipeline.Failure{Kind: pipeline.UserFailure, Message: text,
			Hint: "objective.primary_metric has to be a name that the program logs, letter by letter"}
	case s.timedOut:
		return &pipeline.Failure{Kind: pipeline.Timeout, Message: fmt.Sprintf("no trial completed within limits.timeout, %d s", s.what.Limits.Timeout)}
	case s.state.Failure != nil:
		failure := *s.state.Failure
		failure.Message = fmt.Sprintf("all %d trials failed; the first: %s", s.state.Parts.Failed, failure.Message)
		return &failure
	}
	return &pipeline.Failure{Kind: pipeline.UserFailure, Message: "no trial completed"}
}

// failureOf is the failure that an error of an activity tells of.
func failureOf(err error) *pipeline.Failure {
	if details, ok := detailsOf(err); ok && details.Failure.Message != "" {
		return &details.Failure
	}
	failure := &pipeline.Failure{Kind: pipeline.Infrastructure, Message: err.Error()}
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		failure.Message = application.Message()
		if application.Type() == string(pipeline.Invalid) {
			failure.Kind = pipeline.Invalid
		}
	}
	return failure
}

// TrialsQuery is the name of the query that tells how far a sweep is. The answer
// is an [activities.Trials].
const TrialsQuery = "trials"

func (s *sweeping) progress() (activities.Trials, error) {
	return activities.Trials{Pages: s.state.Pages, Trials: s.known(), Parts: s.parts()}, nil
}

// show tells the Temporal UI of a trial that has ended.
func (s *sweeping) show(t *trial) {
	if _, ok := t.Score(s.what.Objective.Minimise); ok {
		row := t.Trial
		row.At = nil
		s.state.Top = append(s.state.Top, row)
		slices.SortStableFunc(s.state.Top, func(a, b pipeline.Trial) int { return a.Compare(&b, s.what.Objective.Minimise) })
		s.state.Top = s.state.Top[:min(len(s.state.Top), topTrials)]
	}
	workflow.SetCurrentDetails(s.ctx, s.details())
}

// details is what the Temporal UI shows of a sweep: the best trials.
func (s *sweeping) details() string {
	var b strings.Builder
	p := s.parts()
	fmt.Fprintf(&b, "%d of %d trials have completed (%d reused), %d run, %d failed, %d stopped early\n\n",
		p.Completed, p.Total, p.Reused, p.Running, p.Failed, p.Stopped)
	fmt.Fprintf(&b, "| trial | %s | | |\n|---|---|---|---|\n", s.what.Objective.Metric)
	for i := range s.state.Top {
		t := &s.state.Top[i]
		score, _ := t.Score(s.what.Objective.Minimise)
		note := string(t.Status)
		if t.Stopped != "" {
			note = "stopped early"
		}
		fmt.Fprintf(&b, "| %d | %.6g | %s | %s |\n", t.Number, score, note, strings.ReplaceAll(settings(t.Values), "|", "\\|"))
	}
	return b.String()
}
