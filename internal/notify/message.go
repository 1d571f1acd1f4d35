package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/millrace-ml/millrace/pipeline"
)

// Message is what is told of an event.
type Message struct {
	// ID is the same when the message is sent again: nobody need act twice on it.
	ID    string
	Event pipeline.Event
	Time  time.Time
	Job   string
	// These describe the job, as far as they are known.
	DisplayName, Experiment, CreatedBy, Schedule string
	Status                                       pipeline.Status
	Started, Ended                               time.Time
	// Step is the one that failed first, or the one that asks for approval.
	Step     string
	Failure  *pipeline.Failure
	Question *pipeline.Question
	// Page is the URL of the job's page in the Temporal UI, or "".
	Page string
}

// payload is a message as programs read it.
type payload struct {
	ID          string             `json:"id"`
	Event       pipeline.Event     `json:"event"`
	Time        time.Time          `json:"time"`
	Job         string             `json:"job"`
	DisplayName string             `json:"display_name,omitempty"`
	Experiment  string             `json:"experiment_name,omitempty"`
	CreatedBy   string             `json:"created_by,omitempty"`
	Schedule    string             `json:"schedule,omitempty"`
	Status      pipeline.Status    `json:"status,omitempty"`
	Started     time.Time          `json:"start_time,omitzero"`
	Ended       time.Time          `json:"end_time,omitzero"`
	Step        string             `json:"step,omitempty"`
	Failure     *pipeline.Failure  `json:"error,omitempty"`
	Question    *pipeline.Question `json:"approval,omitempty"`
	Page        string             `json:"url,omitempty"`
	// Text is all of it in words, under the name that chat services read.
	Text string `json:"text"`
}

func (m *Message) json() ([]byte, error) {
	return json.Marshal(payload{
		ID: m.ID, Event: m.Event, Time: m.Time, Job: m.Job, DisplayName: m.DisplayName, Experiment: m.Experiment, CreatedBy: m.CreatedBy,
		Schedule: m.Schedule, Status: m.Status, Started: m.Started, Ended: m.Ended, Step: m.Step, Failure: m.Failure, Question: m.Question,
		Page: m.Page, Text: m.Text(),
	})
}

// Subject is the message in one line.
func (m *Message) Subject() string {
	job := "job " + m.Job
	switch m.Event {
	case pipeline.JobCompleted:
		return job + " has completed" + m.took()
	case pipeline.JobCanceled:
		return job + " was canceled" + m.took()
	case pipeline.JobFailed:
		if m.Step != "" {
			return fmt.Sprintf("%s failed%s: step %s", job, m.took(), m.Step)
		}
		return job + " failed" + m.took()
	case pipeline.ApprovalWaiting:
		return fmt.Sprintf("%s waits for approval of step %s", job, m.Step)
	case pipeline.ApprovalAnswered:
		if m.Question != nil && m.Question.Answer != nil {
			return line(fmt.Sprintf("step %s of %s %s", m.Step, job, m.Question.Answer.Words()))
		}
	}
	return fmt.Sprintf("%s: %s", job, m.Event)
}

func (m *Message) took() string {
	if m.Started.IsZero() || m.Ended.IsZero() {
		return ""
	}
	unit := time.Second
	if m.Ended.Sub(m.Started) < 10*time.Second {
		unit = 100 * time.Millisecond
	}
	return " after " + m.Ended.Sub(m.Started).Round(unit).String()
}

// line is a text in one line, without what moves cursors.
func line(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) }), " ")
}

// logLines is how much of a failed step's log goes into a message.
const logLines = 15

// Text is the whole message for people.
func (m *Message) Text() string {
	var b strings.Builder
	b.WriteString(m.Subject())
	b.WriteString("\n")
	var about []string
	if m.DisplayName != "" && m.DisplayName != m.Job {
		about = append(about, line(m.DisplayName))
	}
	if m.Experiment != "" {
		about = append(about, "experiment "+line(m.Experiment))
	}
	switch {
	case m.Schedule != "":
		about = append(about, "made by schedule "+line(m.Schedule))
	case m.CreatedBy != "":
		about = append(about, "submitted by "+line(m.CreatedBy))
	}
	if len(about) > 0 {
		b.WriteString(strings.Join(about, ", ") + "\n")
	}
	if f := m.Failure; f != nil {
		fmt.Fprintf(&b, "\n%s\n", f.Message)
		if tail := f.LogTail[max(0, len(f.LogTail)-logLines):]; len(tail) > 0 {
			b.WriteString("it last printed:\n")
			for _, l := range tail {
				b.WriteString("  | " + line(l) + "\n")
			}
		}
		if f.Hint != "" {
			b.WriteString("hint: " + f.Hint + "\n")
		}
	}
	if m.Event == pipeline.ApprovalWaiting && m.Question != nil {
		m.ask(&b)
	}
	if m.Page != "" {
		b.WriteString("\n" + m.Page + "\n")
	}
	return b.String()
}

// ask says what there is to approve, and how.
func (m *Message) ask(b *strings.Builder) {
	q := m.Question
	if q.Message != "" {
		fmt.Fprintf(b, "\n%s\n", q.Message)
	}
	fmt.Fprintf(b, "\napprove: millrace job approve %s %s --hash %s\n", m.Job, m.Step, q.Hash.Short())
	fmt.Fprintf(b, "reject:  millrace job reject %s %s --comment WHY\n", m.Job, m.Step)
	if len(q.Approvers) > 0 {
		fmt.Fprintf(b, "approvers: %s\n", strings.Join(q.Approvers, ", "))
	}
	if !q.Until.IsZero() {
		counts := "rejected"
		if q.Approves {
			counts = "approved"
		}
		fmt.Fprintf(b, "it counts as %s at %s\n", counts, q.Until.UTC().Format(time.RFC3339))
	}
}
