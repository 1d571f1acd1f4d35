package pipeline

import "time"

// ApprovalRecord is the output that every approval has without declaring it: a
// file that says who approved what, and when.
const ApprovalRecord = "approval"

// Question is what an approval step asks of people.
type Question struct {
	// Message is what is asked, with the step's inputs in it.
	Message string `json:"message,omitempty"`
	// Hash stands for what is approved: an answer to another one does not count.
	Hash Digest `json:"hash"`
	// Approvers are who may answer; empty lets anybody.
	Approvers []string  `json:"approvers,omitempty"`
	Asked     time.Time `json:"asked_time"`
	// Until is when nobody need answer any more; zero for never. Approves says
	// what counts then.
	Until    time.Time `json:"until,omitzero"`
	Approves bool      `json:"approve_on_timeout,omitempty"`
	// Answer is nil until there is one.
	Answer *Answer `json:"answer,omitempty"`
}

// Open reports whether somebody can answer.
func (q *Question) Open() bool { return q != nil && q.Answer == nil }

// Answer is what somebody has said to a [Question].
type Answer struct {
	Approved bool      `json:"approved"`
	By       string    `json:"by,omitempty"`
	Comment  string    `json:"comment,omitempty"`
	Hash     Digest    `json:"hash"`
	Time     time.Time `json:"time"`
	// TimedOut is set where nobody has said anything.
	TimedOut bool `json:"timed_out,omitempty"`
}

// Try is an attempt at a step that failed and was tried again.
type Try struct {
	Number   int       `json:"attempt"`
	Worker   string    `json:"worker,omitempty"`
	Started  time.Time `json:"start_time,omitzero"`
	Ended    time.Time `json:"end_time,omitzero"`
	ExitCode *int      `json:"exit_code,omitempty"`
	Message  string    `json:"message,omitempty"`
	// Artifacts is what it left, its log among it.
	Artifacts *Artifact `json:"artifacts,omitempty"`
}

// MaxTries bounds the earlier attempts that are kept beside the state of a step:
// the latest ones.
const MaxTries = 20

// Words says how an answer went: "was approved by alice: looks good".
func (a *Answer) Words() string {
	words := "was rejected"
	if a.Approved {
		words = "was approved"
	}
	switch {
	case a.TimedOut:
		return words + ", since nobody answered in time"
	case a.By != "":
		words += " by " + a.By
	}
	if a.Comment != "" {
		words += ": " + a.Comment
	}
	return words
}
