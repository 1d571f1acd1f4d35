package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// ErrRefused says that an answer to an approval does not count.
var ErrRefused = errors.New("the answer does not count")

// Decision is what somebody says to an approval.
type Decision struct {
	// Step may be "" where one step of the job waits.
	Step    string
	Approve bool
	// Hash is the one of what is meant, or its first digits; "" takes that of now.
	Hash    string
	Comment string
}

// Approval is a step that asks for approval, or did.
type Approval struct {
	Job, Step string
	Question  pipeline.Question
	// Inputs are what is approved, in the shape of job documents.
	Inputs map[string]any
	UI     string
}

// Document is an approval as programs read it.
func (a *Approval) Document() map[string]any {
	q := &a.Question
	d := map[string]any{
		"job": a.Job, "step": a.Step, "message": q.Message, "hash": string(q.Hash), "approvers": q.Approvers,
		"asked_time": stamp(q.Asked), "until": stamp(q.Until), "inputs": a.Inputs, "services": (&Job{UI: a.UI}).Services(),
		"on_timeout": nil, "approved": nil, "by": nil, "comment": nil, "answered_time": nil,
	}
	if q.Approvers == nil {
		d["approvers"] = []string{}
	}
	if !q.Until.IsZero() {
		d["on_timeout"] = "reject"
		if q.Approves {
			d["on_timeout"] = "approve"
		}
	}
	if q.Answer != nil {
		d["approved"], d["by"], d["comment"], d["answered_time"] = q.Answer.Approved, orNull(q.Answer.By), orNull(q.Answer.Comment), stamp(q.Answer.Time)
	}
	return d
}

// Approvals are the steps that wait for approval: of one job, or of all where
// none is named, the one that waits longest first.
func (s *Service) Approvals(ctx context.Context, job string) ([]Approval, error) {
	if s.Temporal == nil {
		return nil, fmt.Errorf("list what waits for approval: %w", ErrNoServer)
	}
	if job != "" {
		j, err := s.Show(ctx, job)
		if err != nil {
			return nil, err
		}
		return j.approvals(), nil
	}
	names, err := s.asking(ctx)
	if err != nil {
		return nil, err
	}
	var all []Approval
	for _, name := range names {
		j, err := s.Show(ctx, name)
		if errors.Is(err, ErrNotFound) {
			continue // of another store
		}
		if err != nil {
			return nil, err
		}
		all = append(all, j.approvals()...)
	}
	slices.SortStableFunc(all, func(a, b Approval) int { return a.Question.Asked.Compare(b.Question.Asked) })
	return all, nil
}

// approvals are the steps of a job that wait.
func (j *Job) approvals() []Approval {
	var list []Approval
	for _, state := range j.Steps {
		if state.Question.Open() && !state.Status.Ended() && !j.Status.Ended() {
			list = append(list, j.approval(state))
		}
	}
	return list
}

func (j *Job) approval(state pipeline.StepState) Approval {
	a := Approval{Job: j.Name, Step: state.Name, Question: *state.Question, UI: j.UI}
	if step := j.Plan.Step(state.Name); step != nil {
		a.Inputs = j.inputs(step.Inputs, state.Inputs)
	}
	return a
}

// asking are the names of the jobs with steps that wait for approval, as their
// memos say.
func (s *Service) asking(ctx context.Context) ([]string, error) {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: s.Namespace, PageSize: 1000,
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.PipelineType),
	}
	var names []string
	for {
		page, err := s.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list what waits for approval: %w", err)
		}
		for _, w := range page.GetExecutions() {
			if asks(w) {
				names = append(names, w.GetExecution().GetWorkflowId())
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return names, nil
		}
	}
}

func asks(w *workflowpb.WorkflowExecutionInfo) bool {
	payload := w.GetMemo().GetFields()[workflows.MemoApprovals]
	var steps string
	return payload != nil && converter.GetDefaultDataConverter().FromPayload(payload, &steps) == nil && steps != ""
}

// answerWithin bounds the time in which a job has to take an answer: its worker
// may be starting.
const answerWithin = 30 * time.Second

// Answer approves or rejects what a step of a job asks, and returns that with the
// answer. seen, if not nil, is shown what is about to be answered first.
func (s *Service) Answer(ctx context.Context, job string, d Decision, seen func(*Approval)) (*Approval, error) {
	j, err := s.Show(ctx, job)
	if err != nil {
		return nil, err
	}
	if s.Temporal == nil && !j.Status.Ended() {
		return nil, fmt.Errorf("answer what job %s asks: %w", job, ErrNoServer)
	}
	a, err := j.asked(d.Step)
	if err != nil {
		return nil, err
	}
	if !means(d.Hash, a.Question.Hash) {
		return nil, fmt.Errorf("%w: what step %s asks about has the hash %s now, not %s", ErrRefused, a.Step, a.Question.Hash.Short(), d.Hash)
	}
	if seen != nil {
		seen(a)
	}
	answer := workflows.Answer{Step: a.Step, Approved: d.Approve, Hash: a.Question.Hash, By: asset.Whoami(), Comment: d.Comment}
	if err := s.deliver(ctx, job, answer); err != nil {
		return nil, err
	}
	a.Question.Answer = &pipeline.Answer{Approved: d.Approve, By: answer.By, Comment: answer.Comment, Hash: answer.Hash, Time: time.Now().UTC()}
	return a, nil
}

// deliver brings an answer to the workflow of a job, and returns when that has taken
// or refused it.
func (s *Service) deliver(ctx context.Context, job string, answer workflows.Answer) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	handle, err := s.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: job, UpdateName: workflows.AnswerUpdate, Args: []any{answer}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	_, gone := errors.AsType[*serviceerror.NotFound](err)
	_, late := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err)
	refused, answered := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case err == nil:
		return nil
	case gone:
		return fmt.Errorf("answer step %s of job %s: %w", answer.Step, job, ErrEnded)
	case answered && refused.Type() == workflows.AnswerRefused:
		return fmt.Errorf("%w: %s", ErrRefused, refused.Message())
	case ctx.Err() != nil || late:
		return fmt.Errorf("answer step %s of job %s: nothing that carries jobs on has taken the answer within %s; whether it counts `millrace job show` tells",
			answer.Step, job, answerWithin)
	}
	return fmt.Errorf("answer step %s of job %s: %w", answer.Step, job, err)
}

// asked finds the step of a job that is to be answered, "" for the only one.
func (j *Job) asked(name string) (*Approval, error) {
	waiting := j.approvals()
	if name == "" {
		switch len(waiting) {
		case 0:
			return nil, fmt.Errorf("%w: no step of job %s waits for approval", ErrRefused, j.Name)
		case 1:
			return &waiting[0], nil
		}
		names := make([]string, len(waiting))
		for i := range waiting {
			names[i] = waiting[i].Step
		}
		return nil, fmt.Errorf("%w: several steps of job %s wait for approval, name one of %s", ErrRefused, j.Name, strings.Join(names, ", "))
	}
	step := j.Plan.Step(name)
	if step == nil {
		return nil, fmt.Errorf("%w %q in job %s", ErrNoStep, name, j.Name)
	}
	state := j.step(name)
	switch {
	case step.Kind != pipeline.ApprovalKind:
		return nil, fmt.Errorf("%w: step %s of job %s is no approval", ErrRefused, name, j.Name)
	case state.Question != nil && state.Question.Answer != nil:
		return nil, fmt.Errorf("%w: step %s of job %s has its answer: it %s", ErrRefused, name, j.Name, state.Question.Answer.Words())
	case j.Status.Ended():
		return nil, fmt.Errorf("job %s is %s: %w", j.Name, j.Status, ErrEnded)
	case state.Question == nil:
		return nil, fmt.Errorf("%w: step %s of job %s does not wait for approval yet", ErrRefused, name, j.Name)
	}
	a := j.approval(state)
	return &a, nil
}

// fewest is how many digits of a hash somebody has to give.
const fewest = 8

// means reports whether what somebody gave is a hash, or the beginning of it.
func means(given string, hash pipeline.Digest) bool {
	digits := strings.ToLower(strings.TrimPrefix(cmp.Or(given, string(hash)), pipeline.Blake3+":"))
	return len(digits) >= fewest && strings.HasPrefix(hash.Hex(), digits)
}
