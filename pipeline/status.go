package pipeline

// Status is the state of a job or a step, in Azure ML's words. Scripts compare
// with these spellings.
type Status string

// The states that Millrace reports. A job whose process is gone, with no server
// to carry it on, is NotResponding until somebody resumes it.
const (
	NotStarted      Status = "NotStarted"
	Queued          Status = "Queued"
	Running         Status = "Running"
	CancelRequested Status = "CancelRequested"
	Finalizing      Status = "Finalizing"
	Completed       Status = "Completed"
	Failed          Status = "Failed"
	Canceled        Status = "Canceled"
	NotResponding   Status = "NotResponding"
)

// Ended reports whether the state is final.
func (s Status) Ended() bool {
	return s == Completed || s == Failed || s == Canceled
}

// FailureKind says who has to act on a failure.
type FailureKind string

// The kinds of failure. Only infrastructure failures are retried.
const (
	// UserFailure: the program exited non-zero, or left out an output.
	UserFailure FailureKind = "user"
	// Infrastructure: worker lost, store unreachable, disk full.
	Infrastructure FailureKind = "infrastructure"
	// Timeout: limits.timeout was exceeded.
	Timeout FailureKind = "timeout"
	// Cancelled: somebody asked for it.
	Cancelled FailureKind = "cancelled"
	// Invalid: the step cannot be run as it is written.
	Invalid FailureKind = "invalid"
)

// Failure is why a step did not complete.
type Failure struct {
	Kind    FailureKind `json:"kind"`
	Message string      `json:"message"`
	// ExitCode is the program's, where it ran and ended.
	ExitCode *int `json:"exit_code,omitempty"`
	// LogTail is the last lines of what the program printed.
	LogTail []string `json:"log_tail,omitempty"`
	// Hint is what to try next, where one is known.
	Hint string `json:"hint,omitempty"`
}

func (f *Failure) Error() string { return f.Message }
