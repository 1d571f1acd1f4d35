package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// AnswerUpdate is the name of the update by which somebody answers an approval.
// Its argument is an [Answer]; it returns when the answer counts.
const AnswerUpdate = "answer"

// Answer is what somebody says to the approval of a step.
type Answer struct {
	Step     string `json:"step"`
	Approved bool   `json:"approved"`
	// Hash is that of the question that is answered.
	Hash    pipeline.Digest `json:"hash"`
	By      string          `json:"by,omitempty"`
	Comment string          `json:"comment,omitempty"`
}

// AnswerRefused is the type of the error with which an answer is refused.
const AnswerRefused = "answer refused"

// maxComment bounds a comment, in bytes.
const maxComment = 4 << 10

// gate is an approval that waits.
type gate struct {
	word workflow.Settable
	said bool
}

// verdict is what ends the wait of a gate: an answer, the end of the job, or the
// need to go on in a new run of the workflow.
type verdict struct {
	answer  *pipeline.Answer
	carried bool
}

// say ends the wait, once.
func (g *gate) say(v verdict) {
	if !g.said {
		g.said = true
		g.word.SetValue(v)
	}
}

// approve asks for somebody's word on what a node is given.
func (e *execution) approve(i int) {
	state := &e.steps[i]
	state.Status, state.Waiting = pipeline.Queued, "asks for approval"
	e.touch(i)
	in := activities.AskInput{Job: e.in.Job, Plan: e.in.Plan, Ready: activities.Ready{Step: i, Inputs: state.Inputs}}
	ctx := local(e.running, "ask for approval of "+state.Name)
	e.later(workflow.ExecuteLocalActivity(ctx, do.Ask, in), func(f workflow.Future) {
		var asked activities.AskResult
		if err := f.Get(e.ctx, &asked); err != nil {
			e.ended(i, err)
			return
		}
		e.ask(i, asked)
	})
}

// ask puts the question, unless it stands already: an earlier run of the
// workflow has then put it, and its time goes on.
func (e *execution) ask(i int, asked activities.AskResult) {
	state := &e.steps[i]
	if earlier := state.Question; !earlier.Open() || earlier.Hash != asked.Question.Hash {
		q := asked.Question
		q.Asked = workflow.Now(e.ctx)
		if asked.Timeout > 0 {
			q.Until = q.Asked.Add(time.Duration(asked.Timeout) * time.Second)
		}
		state.Question = &q
	} else {
		asked.Notify = nil
	}
	state.Waiting = "waits for approval: `millrace job approve " + e.in.Job + " " + state.Name + "`"
	e.awaitWord(i)
	e.touch(i)
	e.tellWaiting()
	e.notify(pipeline.ApprovalWaiting, i, asked.Notify)
}

// awaitWord waits for the answer to the question of a node.
func (e *execution) awaitWord(i int) {
	q := e.steps[i].Question
	ctx, stop := workflow.WithCancel(e.running)
	word, settable := workflow.NewFuture(e.ctx)
	g := &gate{word: settable}
	e.gates[i] = g
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		g.say(verdict{})
	})
	if !q.Until.IsZero() {
		summary := workflow.TimerOptions{Summary: "the approval of " + e.nodes[i].Name + " times out"}
		timer := workflow.NewTimerWithOptions(ctx, q.Until.Sub(workflow.Now(e.ctx)), summary)
		e.selector.AddFuture(timer, func(f workflow.Future) {
			if f.Get(e.ctx, nil) == nil {
				g.say(verdict{answer: &pipeline.Answer{Approved: q.Approves, Hash: q.Hash, Time: workflow.Now(e.ctx), TimedOut: true}})
			}
		})
	}
	e.later(word, func(f workflow.Future) {
		var v verdict
		_ = f.Get(e.ctx, &v)
		delete(e.gates, i)
		stop()
		switch {
		case v.carried: // asked again by the next run
		case v.answer == nil:
			e.ended(i, temporal.NewCanceledError())
		default:
			e.answered(i, *v.answer)
		}
	})
}

// carryGates has approvals wait on in the next run of the workflow, once nothing
// else is on its way in this one.
func (e *execution) carryGates() {
	if !e.mustContinue || e.inFlight > len(e.gates) {
		return
	}
	for i := range e.nodes {
		if g := e.gates[i]; g != nil {
			g.say(verdict{carried: true})
		}
	}
}

// answered moves a node on whose question has an answer.
func (e *execution) answered(i int, answer pipeline.Answer) {
	state := &e.steps[i]
	q := *state.Question // what others were told does not change
	q.Answer = &answer
	state.Question, state.Waiting = &q, ""
	state.Started, state.Ended = q.Asked, answer.Time
	e.touch(i)
	e.tellWaiting()
	in := activities.AnswerInput{
		Job: e.in.Job, Plan: e.in.Plan, Ready: activities.Ready{Step: i, Inputs: state.Inputs}, Question: q,
	}
	ctx := local(e.running, "keep the answer to "+state.Name)
	e.later(workflow.ExecuteLocalActivity(ctx, do.Answer, in), func(f workflow.Future) {
		var kept activities.AnswerResult
		if err := f.Get(e.ctx, &kept); err != nil {
			e.ended(i, err)
			return
		}
		e.notify(pipeline.ApprovalAnswered, i, kept.Notify)
		if answer.Approved {
			e.publish(i, kept.Outputs)
			return
		}
		state.Outputs = kept.Outputs
		e.fail(i, rejection(answer, q))
	})
}

// rejection is the failure of a step that was not approved.
func rejection(answer pipeline.Answer, q pipeline.Question) pipeline.Failure {
	if answer.TimedOut {
		return pipeline.Failure{Kind: pipeline.Timeout, Message: fmt.Sprintf("nobody approved it within %s", q.Until.Sub(q.Asked))}
	}
	message := "rejected"
	if answer.By != "" {
		message += " by " + answer.By
	}
	if answer.Comment != "" {
		message += ": " + answer.Comment
	}
	return pipeline.Failure{Kind: pipeline.UserFailure, Message: message}
}

// answer takes somebody's word; checkAnswer has let it pass.
func (e *execution) answer(ctx workflow.Context, a Answer) error {
	g := e.gates[e.find(a.Step)]
	if g == nil || g.said {
		return refuse("step %s does not wait any more", a.Step)
	}
	g.say(verdict{answer: &pipeline.Answer{
		Approved: a.Approved, By: a.By, Comment: strings.TrimSpace(a.Comment), Hash: a.Hash, Time: workflow.Now(ctx),
	}})
	return nil
}

// checkAnswer says why an answer does not count, before anything changes.
func (e *execution) checkAnswer(a Answer) error {
	i := e.find(a.Step)
	switch {
	case i < 0:
		return refuse("job %s has no step %q", e.in.Job, a.Step)
	case e.nodes[i].Kind != pipeline.ApprovalKind:
		return refuse("step %s is no approval", a.Step)
	case len(a.Comment) > maxComment:
		return refuse("the comment has more than %d bytes", maxComment)
	}
	q := e.steps[i].Question
	g := e.gates[i]
	switch {
	case q != nil && q.Answer != nil:
		return refuse("step %s has its answer: it %s", a.Step, q.Answer.Words())
	case e.steps[i].Status.Ended():
		return refuse("step %s is %s", a.Step, e.steps[i].Status)
	case g == nil:
		return refuse("step %s does not wait for approval yet", a.Step)
	case g.said:
		return refuse("step %s does not wait any more", a.Step)
	case a.Hash != q.Hash:
		return refuse("what step %s asks about is not what you have seen: its hash is %s, not %s", a.Step, q.Hash.Short(), a.Hash.Short())
	case len(q.Approvers) > 0 && !slices.Contains(q.Approvers, a.By):
		return refuse("%q may not answer step %s: its approvers are %s", a.By, a.Step, strings.Join(q.Approvers, ", "))
	}
	return nil
}

func refuse(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), AnswerRefused, nil)
}

// find is the index of a node, or -1.
func (e *execution) find(name string) int {
	return slices.IndexFunc(e.nodes, func(n Node) bool { return n.Name == name })
}

// MemoApprovals is the entry of a job's memo that names the steps which wait for
// approval, with commas between them.
const MemoApprovals = "approvals"

// tellWaiting has lists of jobs show which approvals wait.
func (e *execution) tellWaiting() {
	if err := workflow.UpsertMemo(e.ctx, map[string]any{MemoApprovals: strings.Join(e.waiting(), ", ")}); err != nil {
		workflow.GetLogger(e.ctx).Warn("could not list what waits for approval", "error", err)
	}
	if len(e.nodes) > maxDetails { // touch says nothing
		workflow.SetCurrentDetails(e.ctx, e.questions())
	}
}

// waiting are the nodes that wait for approval, in order.
func (e *execution) waiting() (list []string) {
	for i := range e.nodes {
		if g := e.gates[i]; g != nil && !g.said {
			list = append(list, e.nodes[i].Name)
		}
	}
	return list
}

// questions is what the Temporal UI says of approvals that wait: Markdown.
func (e *execution) questions() string {
	var b strings.Builder
	for i := range e.nodes {
		if g := e.gates[i]; g == nil || g.said {
			continue
		}
		q := e.steps[i].Question
		fmt.Fprintf(&b, "\n**%s waits for approval**", e.nodes[i].Name)
		if q.Message != "" {
			fmt.Fprintf(&b, ": %s", strings.ReplaceAll(q.Message, "\n", " "))
		}
		fmt.Fprintf(&b, "\n\n- approve: `millrace job approve %s %s --hash %s`", e.in.Job, e.nodes[i].Name, q.Hash.Short())
		fmt.Fprintf(&b, "\n- reject: `millrace job reject %s %s --comment WHY`", e.in.Job, e.nodes[i].Name)
		if len(q.Approvers) > 0 {
			fmt.Fprintf(&b, "\n- approvers: %s", strings.Join(q.Approvers, ", "))
		}
		if !q.Until.IsZero() {
			what := "rejected"
			if q.Approves {
				what = "approved"
			}
			fmt.Fprintf(&b, "\n- counts as %s at %s", what, q.Until.UTC().Format(time.RFC3339))
		}
		b.WriteString("\n")
	}
	return b.String()
}
