package pipeline

// Event is something that people may want to be told of.
type Event string

// The events, in the order in which they can happen.
const (
	ApprovalWaiting  Event = "approval_waiting"
	ApprovalAnswered Event = "approval_answered"
	JobCompleted     Event = "job_completed"
	JobFailed        Event = "job_failed"
	JobCanceled      Event = "job_canceled"
)

// Events are all of them.
func Events() []Event {
	return []Event{ApprovalWaiting, ApprovalAnswered, JobCompleted, JobFailed, JobCanceled}
}

// EventOf is the event of a job's end.
func EventOf(s Status) Event {
	switch s {
	case Completed:
		return JobCompleted
	case Canceled:
		return JobCanceled
	}
	return JobFailed
}
