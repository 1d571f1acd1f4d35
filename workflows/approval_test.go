package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// office is a job with an approval "check" between "train" and "release", and
// the people around it.
type office struct {
	scripted
	asked activities.AskResult
	// kept is what was answered, and told are the notices that went out.
	kept []activities.AnswerInput
	told []NoticeInput
	// refused is why answers did not count, in order.
	refused []string
	env     *testsuite.TestWorkflowEnvironment
}

const theHash = pipeline.Digest("blake3:1111111111111111")

func newOffice() *office {
	o := &office{asked: activities.AskResult{Question: pipeline.Question{Message: "Go?", Hash: theHash}}}
	o.graph = graph("train", "check < train", "release < check", "clean")
	o.graph.Nodes[1].Kind, o.graph.Nodes[1].Reusable = pipeline.ApprovalKind, false
	o.graph.Nodes[3].Role = pipeline.Finalize
	return o
}

func (o *office) begin(t *testing.T, prepare ...func()) error {
	t.Helper()
	return o.run(t, func(env *testsuite.TestWorkflowEnvironment) {
		o.env = env
		env.RegisterActivityWithOptions(func(context.Context, activities.AskInput) (activities.AskResult, error) { return o.asked, nil },
			activity.RegisterOptions{Name: "Ask"})
		env.RegisterActivityWithOptions(func(_ context.Context, in activities.AnswerInput) (activities.AnswerResult, error) {
			o.kept = append(o.kept, in)
			result := activities.AnswerResult{Outputs: output("check")}
			result.Notify = o.asked.Notify
			return result, nil
		}, activity.RegisterOptions{Name: "Answer"})
		env.RegisterWorkflowWithOptions(func(_ workflow.Context, in NoticeInput) (*NoticeOutcome, error) {
			o.told = append(o.told, in)
			return nil, errors.New("nobody is there")
		}, workflow.RegisterOptions{Name: NoticeType})
		for _, p := range prepare {
			p()
		}
	})
}

// says has somebody answer after a while.
func (o *office) says(after time.Duration, a Answer) func() {
	return func() {
		o.env.RegisterDelayedCallback(func() {
			o.env.UpdateWorkflow(AnswerUpdate, "", &testsuite.TestUpdateCallback{
				OnAccept: func() {},
				OnReject: func(err error) { o.refused = append(o.refused, err.Error()) },
				OnComplete: func(_ any, err error) {
					if err != nil {
						o.refused = append(o.refused, err.Error())
					}
				},
			}, a)
		}, after)
	}
}

func TestAnApprovalHoldsWhatComesAfterIt(t *testing.T) {
	o := newOffice()
	waits := func() {
		o.env.RegisterDelayedCallback(func() {
			var p Progress
			answer, err := o.env.QueryWorkflow(ProgressQuery, 0)
			if err != nil || answer.Get(&p) != nil {
				t.Fatal(err)
			}
			for _, s := range p.Steps {
				if s.Name == "check" && (s.Status != pipeline.Queued || s.Waiting != "waits for approval: `millrace job approve job check`" || !s.Question.Open()) {
					t.Errorf("while it waits, the step is %s: %s", s.Status, s.Waiting)
				}
				if s.Name == "release" {
					t.Errorf("release is %s before anybody has approved", s.Status)
				}
			}
		}, time.Hour)
	}
	if err := o.begin(t, waits, o.says(2*time.Hour, Answer{Step: "check", Approved: true, Hash: theHash, By: "alice", Comment: " fine "})); err != nil {
		t.Fatal(err)
	}
	o.want(t, pipeline.Completed, map[string]string{"train": "Completed", "check": "Completed", "release": "Completed", "clean": "Completed"})
	q := o.finished.Steps[1].Question
	if q == nil || q.Answer == nil || q.Answer.By != "alice" || q.Answer.Comment != "fine" || !q.Answer.Approved || q.Answer.Hash != theHash {
		t.Errorf("what is kept of the answer is %+v", q)
	}
	if got := q.Answer.Time.Sub(q.Asked); got < 119*time.Minute {
		t.Errorf("it was answered %s after it was asked", got)
	}
	if got := o.inputs["release"]["in0"].Artifact.Digest; got != "made by check" {
		t.Errorf("release got %q", got)
	}
}

func TestARejectionFailsTheStepAndWhatFinalizesRuns(t *testing.T) {
	o := newOffice()
	err := o.begin(t, o.says(time.Hour, Answer{Step: "check", Hash: theHash, By: "bob", Comment: "too slow"}))
	if err == nil || !strings.Contains(err.Error(), "rejected by bob: too slow") {
		t.Errorf("the job ended with %v", err)
	}
	o.want(t, pipeline.Failed, map[string]string{"train": "Completed", "check": "Failed", "release": "NotStarted", "clean": "Completed"})
	if f := o.finished.Failure; f.Kind != pipeline.UserFailure || o.finished.Step != "check" {
		t.Errorf("the failure is %+v of %s", f, o.finished.Step)
	}
}

func TestAnApprovalTimesOut(t *testing.T) {
	for _, c := range []struct {
		name     string
		approves bool
		want     pipeline.Status
	}{{"rejected", false, pipeline.Failed}, {"approved", true, pipeline.Completed}} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice()
			o.asked.Timeout, o.asked.Question.Approves = 3600, c.approves
			err := o.begin(t)
			if (err == nil) != c.approves {
				t.Errorf("the job ended with %v", err)
			}
			if o.finished.Status != c.want || len(o.kept) != 1 || !o.kept[0].Question.Answer.TimedOut {
				t.Errorf("the job is %s, with %+v", o.finished.Status, o.kept)
			}
			if f := o.finished.Failure; !c.approves && (f.Kind != pipeline.Timeout || f.Message != "nobody approved it within 1h0m0s") {
				t.Errorf("the failure is %+v", f)
			}
		})
	}
}

func TestAnAnswerThatDoesNotCountIsRefused(t *testing.T) {
	o := newOffice()
	o.asked.Question.Approvers = []string{"alice", "bob"}
	good := Answer{Step: "check", Approved: true, Hash: theHash, By: "alice"}
	change := func(f func(*Answer)) Answer { a := good; f(&a); return a }
	wrong := []struct {
		answer Answer
		want   string
	}{
		{change(func(a *Answer) { a.Step = "chek" }), `job job has no step "chek"`},
		{change(func(a *Answer) { a.Step = "train" }), "step train is no approval"},
		{change(func(a *Answer) { a.Hash = "blake3:2222" }), "its hash is 111111111111, not 2222"},
		{change(func(a *Answer) { a.By = "carol" }), `"carol" may not answer step check: its approvers are alice, bob`},
		{change(func(a *Answer) { a.Comment = strings.Repeat("x", maxComment+1) }), "the comment has more than"},
		{good, ""},
		{change(func(a *Answer) { a.Approved = false }), "step check has its answer: it was approved by alice"},
	}
	var people []func()
	for i, w := range wrong {
		people = append(people, o.says(time.Duration(i+1)*time.Hour, w.answer))
	}
	// Somebody keeps the job going until all have spoken.
	o.outcome = map[string]string{"release": "fail"}
	o.graph.Nodes[2].Retry = &pipeline.Retry{Attempts: 2, Delay: 24 * 3600}
	_ = o.begin(t, people...)
	i := 0
	for _, w := range wrong {
		if w.want == "" {
			continue
		}
		if i >= len(o.refused) || !strings.Contains(o.refused[i], w.want) {
			t.Fatalf("refused were %q, want one with %q", o.refused, w.want)
		}
		i++
	}
	if len(o.kept) != 1 {
		t.Errorf("%d answers were kept", len(o.kept))
	}
}

func TestACancelEndsAnApproval(t *testing.T) {
	o := newOffice()
	err := o.begin(t, func() { o.env.RegisterDelayedCallback(o.env.CancelWorkflow, time.Hour) })
	if !temporal.IsCanceledError(err) {
		t.Errorf("the job ended with %v", err)
	}
	o.want(t, pipeline.Canceled, map[string]string{"train": "Completed", "check": "Canceled", "release": "Canceled", "clean": "Canceled"})
}

func TestAnApprovalGoesOnInTheNextRun(t *testing.T) {
	o := newOffice()
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o.asked.Timeout = 3600
	o.asked.Notify = []string{"team"}
	o.carried = PipelineInput{Job: "job", Plan: "plan", Graph: o.graph, Carried: []pipeline.Digest{"states"}}
	states := activities.States{Steps: []pipeline.StepState{
		{Name: "train", Status: pipeline.Completed, Outputs: output("train")},
		{Name: "check", Status: pipeline.Queued, Question: &pipeline.Question{Hash: theHash, Asked: asked, Until: asked.Add(time.Hour)}},
		{Name: "release", Status: pipeline.NotStarted}, {Name: "clean", Status: pipeline.NotStarted},
	}}
	err := o.begin(t, func() {
		o.env.SetStartTime(asked.Add(50 * time.Minute))
		o.env.RegisterActivityWithOptions(func(context.Context, pipeline.Digest) (activities.States, error) { return states, nil },
			activity.RegisterOptions{Name: "TakeUp"})
	})
	if err == nil || o.finished.Failure.Message != "nobody approved it within 1h0m0s" {
		t.Errorf("the job ended with %v", err)
	}
	if got := o.finished.Steps[1].Question.Answer.Time; !got.Equal(asked.Add(time.Hour)) {
		t.Errorf("it timed out at %s", got)
	}
	if len(o.told) != 1 || o.told[0].Event != pipeline.ApprovalAnswered {
		t.Errorf("people were told %+v", o.told)
	}
}

func TestWhetherAnybodyIsToldIsNothingToTheJob(t *testing.T) {
	o := newOffice()
	o.asked.Notify = []string{"team", "log"}
	if err := o.begin(t, o.says(time.Hour, Answer{Step: "check", Approved: true, Hash: theHash, By: "alice"})); err != nil {
		t.Fatal(err)
	}
	if len(o.told) != 2 || o.told[0].Event != pipeline.ApprovalWaiting || o.told[1].Question.Answer.By != "alice" {
		t.Fatalf("people were told %+v", o.told)
	}
	if o.told[0].Question.Answer != nil || len(o.told[0].Notify) != 2 || o.told[0].ID == o.told[1].ID {
		t.Errorf("first they were told %+v", o.told[0])
	}
}
