package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// Outcome is what the Temporal UI shows as the result of a completed job.
type Outcome struct {
	Status pipeline.Status `json:"status"`
	// Ran and Reused list the steps for people.
	Ran    string `json:"ran"`
	Reused string `json:"reused"`
	// What an iteration of a loop hands to the loop: its outputs, the values of
	// control outputs, and whether nothing of it was run.
	Outputs   map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Values    map[string]string            `json:"values,omitempty"`
	AllReused bool                         `json:"all_reused,omitempty"`
}

// finish records how the job ended, where it outlives Temporal's retention, and
// says it in the words that the Temporal UI shows.
func (e *execution) finish() (*Outcome, error) {
	status := e.status()
	for i := range e.steps {
		if s := &e.steps[i]; !s.Status.Ended() {
			// Whatever was on its way has been given up.
			s.Status = pipeline.NotStarted
			if e.canceled {
				s.Status = pipeline.Canceled
			}
			if s.Waiting == "" {
				s.Waiting = e.whyNot()
			}
			e.touch(i)
		}
	}
	registered, err := e.register(status)
	if err != nil {
		return nil, err
	}
	if registered.Failure != nil {
		status = pipeline.Failed
	}
	result := activities.FinishInput{
		Job: e.in.Job, Status: status, Steps: e.steps,
		Started: e.in.Started, Ended: workflow.Now(e.ctx), Assets: registered.Assets, Failure: registered.Failure,
	}
	if e.failed >= 0 {
		result.Step, result.Failure = e.steps[e.failed].Name, e.steps[e.failed].Failure
	} else if e.fatal != nil {
		result.Failure = &pipeline.Failure{Kind: pipeline.Infrastructure, Message: e.fatal.Error()}
	}
	// A canceled job is recorded too.
	ctx, _ := workflow.NewDisconnectedContext(e.ctx)
	var told activities.Receivers
	if err := workflow.ExecuteLocalActivity(local(ctx, "record the end of the job"), do.Finish, result).Get(ctx, &told); err != nil {
		return nil, err
	}
	outcome, err := e.announce(ctx, status, result.Failure)
	if err != nil {
		return nil, err
	}
	if e.in.Iteration == nil { // of iterations, their loop tells
		e.notify(pipeline.EventOf(status), -1, told.Notify)
	}
	switch status {
	case pipeline.Canceled:
		return nil, workflow.ErrCanceled
	case pipeline.Failed:
		message := result.Failure.Message
		if result.Step != "" {
			message = fmt.Sprintf("step %s failed: %s%s", result.Step, message, lastWords(result.Failure.LogTail))
		}
		var details []any
		if e.in.Iteration != nil {
			details = append(details, e.failure(result))
		}
		return nil, temporal.NewNonRetryableApplicationError(message, string(result.Failure.Kind), nil, details...)
	}
	if e.in.Iteration != nil {
		e.made(outcome)
	}
	return outcome, nil
}

// register makes assets of the outputs that are to become some, once everything
// else has gone well.
func (e *execution) register(status pipeline.Status) (activities.RegisterResult, error) {
	var result activities.RegisterResult
	models := e.models()
	if status != pipeline.Completed || !e.in.Graph.Registers && len(models) == 0 {
		return result, nil
	}
	in := activities.RegisterInput{Job: e.in.Job, Plan: e.in.Plan, Outputs: make(map[string]map[string]pipeline.Artifact), Models: models}
	for i, node := range e.nodes {
		for _, output := range node.Registers {
			if content, ok := e.steps[i].Outputs[output]; ok {
				if in.Outputs[node.Name] == nil {
					in.Outputs[node.Name] = make(map[string]pipeline.Artifact)
				}
				in.Outputs[node.Name][output] = content
			}
		}
	}
	ctx, _ := workflow.NewDisconnectedContext(e.ctx)
	err := workflow.ExecuteLocalActivity(local(ctx, "register outputs as assets"), do.Register, in).Get(ctx, &result)
	return result, err
}

// models are those that the programs of steps have registered.
func (e *execution) models() (all []activities.StepModels) {
	for i := range e.steps {
		if s := &e.steps[i]; len(s.Models) > 0 {
			all = append(all, activities.StepModels{Step: s.Name, Artifacts: s.Outputs[pipeline.Artifacts], Models: s.Models})
		}
	}
	return all
}

// lastWords is the end of what a program printed, for the one place where the
// Temporal UI says why a job failed.
func lastWords(log []string) string {
	const lines, most = 3, 500
	text := strings.TrimSpace(strings.Join(log[max(0, len(log)-lines):], "\n"))
	if text == "" {
		return ""
	}
	if len(text) > most {
		text = "..." + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return "; it last printed:\n" + text
}

func (e *execution) status() pipeline.Status {
	switch {
	case e.canceled:
		return pipeline.Canceled
	case e.failed >= 0 || e.fatal != nil:
		return pipeline.Failed
	}
	return pipeline.Completed
}

func (e *execution) whyNot() string {
	switch {
	case e.canceled:
		return "not run, because the job was canceled"
	case e.failed >= 0:
		return "not run, because " + e.nodes[e.failed].Name + " failed"
	}
	return "not run"
}

// announce puts the outcome where the Temporal UI lists it.
func (e *execution) announce(ctx workflow.Context, status pipeline.Status, failure *pipeline.Failure) (*Outcome, error) {
	var ran, reused, failed []string
	for _, s := range e.steps {
		switch {
		case s.Skipped != "":
		case s.Reused != nil:
			reused = append(reused, s.Name)
		case s.Status == pipeline.Completed:
			ran = append(ran, s.Name)
		case s.Status == pipeline.Failed:
			failed = append(failed, s.Name)
		}
	}
	outcome := &Outcome{Status: status, Ran: names(ran), Reused: names(reused)}
	memo := map[string]any{"ran": outcome.Ran, "reused": outcome.Reused}
	if len(failed) > 0 {
		memo["failed"] = names(failed)
	}
	if failure != nil {
		memo["error"] = failure.Message
	}
	if err := workflow.UpsertMemo(ctx, memo); err != nil {
		return nil, err
	}
	return outcome, workflow.UpsertTypedSearchAttributes(ctx,
		temporal.NewSearchAttributeKeyKeyword(attributeStatus).ValueSet(string(status)),
		temporal.NewSearchAttributeKeyInt64(attributeReused).ValueSet(int64(len(reused))),
	)
}

// names lists words for people: all of a few, a count of the rest of many.
func names(list []string) string {
	const most = 300 // bytes: a summary may have 400
	if len(list) == 0 {
		return "none"
	}
	text := list[0]
	for i, name := range list[1:] {
		if len(text)+len(name) > most {
			return fmt.Sprintf("%s and %d more", text, len(list)-1-i)
		}
		text += ", " + name
	}
	return text
}

// part is how many steps' states are carried over in one blob: a payload may
// have 2 MB.
const part = 1000

// continueAsNew carries the job on in a new run of the workflow, with the
// states of its steps kept in the store.
func (e *execution) continueAsNew() error {
	next := e.in
	next.Carried = nil
	for from := 0; from < len(e.steps); from += part {
		states := activities.States{Steps: e.steps[from:min(from+part, len(e.steps))]}
		var digest pipeline.Digest
		ctx := local(e.ctx, "keep the states of the steps")
		if err := workflow.ExecuteLocalActivity(ctx, do.Keep, states).Get(e.ctx, &digest); err != nil {
			return err
		}
		next.Carried = append(next.Carried, digest)
	}
	return workflow.NewContinueAsNewError(e.ctx, Pipeline, next)
}

// restore takes up the states that an earlier run of the job carried over.
func (e *execution) restore() error {
	var at int
	for _, digest := range e.in.Carried {
		var states activities.States
		ctx := local(e.ctx, "take up the states of the steps")
		if err := workflow.ExecuteLocalActivity(ctx, do.TakeUp, digest).Get(e.ctx, &states); err != nil {
			return err
		}
		for _, s := range states.Steps {
			e.steps[at] = s
			at++
		}
	}
	if at == 0 {
		return nil
	}
	for i := range e.steps {
		if s := &e.steps[i]; s.Status == pipeline.Failed && e.failed < 0 {
			e.failed = i
		} else if !s.Status.Ended() {
			*s = e.begunAnew(i)
		}
	}
	for i := range e.steps {
		if e.steps[i].Status.Ended() {
			e.touch(i)
			e.begun[i] = true
			e.left[e.nodes[i].Role]--
			for _, d := range e.dependents[i] {
				e.unmet[d]--
			}
		}
	}
	return nil
}
