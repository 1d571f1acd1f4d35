package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/millrace-ml/millrace/pipeline"
)

// AskInput asks what an approval is about.
type AskInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	Ready
}

// AskResult is the question, and who is to be told of it.
type AskResult struct {
	// Question lacks the times, which are the workflow's to say.
	Question pipeline.Question `json:"question"`
	// Timeout is how long it stands, in seconds; 0 for ever.
	Timeout int `json:"timeout,omitempty"`
	Receivers
}

// AnswerInput settles an approval: its question has an answer.
type AnswerInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	Ready
	Question pipeline.Question `json:"question"`
}

// AnswerResult is what the approval leaves: the inputs that are data, and a
// record of the answer.
type AnswerResult struct {
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Receivers
}

// maxMessage bounds what is asked, in bytes: it travels through Temporal and
// stands in its UI.
const maxMessage = 4 << 10

// Ask makes the question of an approval.
func (a *Activities) Ask(ctx context.Context, in AskInput) (AskResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return AskResult{}, err
	}
	step := &plan.Steps[in.Step]
	if step.Approval == nil {
		return AskResult{}, invalid("step %s is no approval", step.Name)
	}
	given := values(step, in.Inputs)
	message := step.Approval.Message.Render(func(name string) (string, bool) { return inWords(step, name, given[name]) }, nothing)
	message = pipeline.WithoutSecrets(message)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "..."
	}
	return AskResult{
		Question: pipeline.Question{
			Message: message, Hash: hashOf(step, given), Approvers: step.Approval.Approvers, Approves: step.Approval.Approves,
		},
		Timeout:   step.Approval.Timeout,
		Receivers: a.receivers(ctx, in.Job, pipeline.ApprovalWaiting),
	}, nil
}

func nothing(string) (string, bool) { return "", false }

// inWords is the value of an input as a question shows it: data by the name of the
// input, the output that it comes from, and the beginning of its digest.
func inWords(step *pipeline.Step, name string, v pipeline.Value) (string, bool) {
	switch {
	case v.Literal != nil:
		return *v.Literal, true
	case v.Artifact != nil:
		digest := pipeline.Blake3 + ":" + v.Artifact.Digest.Short()
		if from := originOf(step, name); from != "" {
			return fmt.Sprintf("%s (%s, %s)", name, from, digest), true
		}
		return fmt.Sprintf("%s (%s)", name, digest), true
	}
	return v.URI, v.URI != ""
}

// originOf is where the data of an input comes from: the output of a step, or what
// the file calls it; "" where neither says anything to people.
func originOf(step *pipeline.Step, name string) string {
	i := slices.IndexFunc(step.Inputs, func(in pipeline.Input) bool { return in.Name == name })
	if i < 0 {
		return ""
	}
	switch b := step.Inputs[i].Binding; {
	case b.Step != nil:
		return b.Step.Step + "." + b.Step.Output
	case b.Source != nil && b.Source.Asset != "":
		return b.Source.Asset
	}
	return ""
}

// hashOf stands for what is approved: the question, and what all inputs hold.
func hashOf(step *pipeline.Step, given map[string]pipeline.Value) pipeline.Digest {
	h := blake3.New()
	line := func(label, name, text string) { fmt.Fprintf(h, "%s %q %q\n", label, name, text) }
	line("approval", step.Name, step.Approval.Message.String())
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch v := given[name]; {
		case v.Literal != nil:
			line("literal", name, *v.Literal)
		case v.Artifact != nil:
			line("data", name, string(v.Artifact.Digest))
		default:
			line("uri", name, v.URI)
		}
	}
	return pipeline.NewDigest(h.Sum(nil))
}

// approvalRecord is the file that says who approved what.
type approvalRecord struct {
	Job      string            `json:"job"`
	Step     string            `json:"step"`
	Message  string            `json:"message,omitempty"`
	Hash     pipeline.Digest   `json:"hash"`
	Inputs   map[string]string `json:"inputs"`
	Approved bool              `json:"approved"`
	By       string            `json:"by,omitempty"`
	Comment  string            `json:"comment,omitempty"`
	Time     time.Time         `json:"time"`
	TimedOut bool              `json:"timed_out"`
}

// Answer keeps the answer to an approval, and notes how its step has ended.
func (a *Activities) Answer(ctx context.Context, in AnswerInput) (AnswerResult, error) {
	plan, err := a.planOf(ctx, in.Plan, in.Job, "")
	if err != nil {
		return AnswerResult{}, err
	}
	answer := in.Question.Answer
	if answer == nil {
		return AnswerResult{}, invalid("step %d has no answer", in.Step)
	}
	step := &plan.Steps[in.Step]
	given := values(step, in.Inputs)
	record := approvalRecord{
		Job: in.Job, Step: step.Name, Message: in.Question.Message, Hash: answer.Hash, Inputs: make(map[string]string, len(given)),
		Approved: answer.Approved, By: answer.By, Comment: answer.Comment, Time: answer.Time, TimedOut: answer.TimedOut,
	}
	outputs := make(map[string]pipeline.Artifact, len(step.Outputs))
	for name, v := range given {
		switch {
		case v.Artifact != nil:
			record.Inputs[name] = string(v.Artifact.Digest)
			if step.Output(name) != nil {
				outputs[name] = *v.Artifact
			}
		case v.Literal != nil:
			record.Inputs[name] = pipeline.WithoutSecrets(*v.Literal)
		default:
			record.Inputs[name] = pipeline.WithoutSecrets(v.URI)
		}
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return AnswerResult{}, invalid("keep the answer to %s: %v", step.Name, err)
	}
	kept, err := a.Store.PutBytes(ctx, append(text, '\n'))
	if err != nil {
		return AnswerResult{}, fmt.Errorf("keep the answer to %s: %w", step.Name, err)
	}
	kept.Name = pipeline.ApprovalRecord + ".json"
	outputs[pipeline.ApprovalRecord] = kept
	return AnswerResult{Outputs: outputs, Receivers: a.receivers(ctx, in.Job, pipeline.ApprovalAnswered)}, nil
}
