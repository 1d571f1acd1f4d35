package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/pipeline"
)

// Receivers says who is to be told of something: the names of notifications in this
// process's configuration that ask for it.
type Receivers struct {
	Notify []string `json:"notify,omitempty"`
}

// Notice is an event that people are told of.
type Notice struct {
	// ID is the same however often a message about the event goes out.
	ID    string         `json:"id"`
	Job   string         `json:"job"`
	Event pipeline.Event `json:"event"`
	Time  time.Time      `json:"time"`
	// Step and Question are those of an approval.
	Step     string             `json:"step,omitempty"`
	Question *pipeline.Question `json:"approval,omitempty"`
}

// NotifyInput tells one notification of an event.
type NotifyInput struct {
	Notice
	// Name is that of the notification in the configuration.
	Name string `json:"name"`
}

// receivers are the notifications that an event of a job is for.
func (a *Activities) receivers(ctx context.Context, job string, event pipeline.Event) Receivers {
	if !a.Notifier.Any(event) {
		return Receivers{}
	}
	submitted, err := a.Records.Submitted(ctx, job)
	if err != nil {
		// Rather one message too many than one that nobody gets.
		return Receivers{Notify: a.Notifier.Names(event, "")}
	}
	return Receivers{Notify: a.Notifier.Names(event, submitted.Experiment)}
}

// Notify sends one message. What it sends to, and with which secrets, stands in
// the configuration of the process that runs it, and nowhere in Temporal.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) error {
	m, err := a.message(ctx, in.Notice)
	if err != nil {
		return err
	}
	m.ID = in.ID + "/" + in.Name
	err = a.Notifier.Send(ctx, in.Name, m)
	if notify.Final(err) {
		return temporal.NewNonRetryableApplicationError(err.Error(), string(pipeline.UserFailure), nil)
	}
	return err
}

// message is what is to be said of an event.
func (a *Activities) message(ctx context.Context, in Notice) (notify.Message, error) {
	m := notify.Message{Event: in.Event, Job: in.Job, Time: in.Time, Step: in.Step, Question: in.Question, Page: a.page(in.Job)}
	submitted, err := a.Records.Submitted(ctx, in.Job)
	if err != nil {
		return m, err
	}
	m.DisplayName, m.Experiment, m.CreatedBy, m.Schedule = submitted.DisplayName, submitted.Experiment, submitted.CreatedBy, submitted.Schedule
	if in.Question != nil {
		return m, nil
	}
	ended, err := a.Records.Ended(ctx, in.Job)
	if err != nil {
		return m, err
	}
	m.Status, m.Started, m.Ended, m.Step, m.Failure = ended.Status, ended.Started, ended.Ended, ended.Step, ended.Failure
	return m, nil
}

// page is where a job is seen, or "".
func (a *Activities) page(job string) string {
	if a.Page == nil {
		return ""
	}
	return a.Page(job)
}
