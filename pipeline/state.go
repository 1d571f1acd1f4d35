package pipeline

import "time"

// StepState is what has happened to a step so far.
type StepState struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Queue is the task queue that the step's attempts are taken from.
	Queue string `json:"queue,omitempty"`
	// Key is the hash of the step's ingredients, once its inputs are known.
	Key string `json:"key,omitempty"`
	// Reused is set when the outputs were taken from the cache.
	Reused *Origin `json:"reused_from,omitempty"`
	// Waiting says in words what a step that is ready to run waits for.
	Waiting string `json:"waiting,omitempty"`
	// Making says that Waiting tells how far the step's environment has come. It
	// is not kept either.
	Making bool `json:"-"`
	// Place says how many steps have their turn before this one, where it waits
	// for a slot. It changes all the time, and is not kept.
	Place string `json:"-"`
	// Warning says in words what of the step is not as it was asked for: its
	// environment, or parts that failed.
	Warning string `json:"warning,omitempty"`
	// Worker is the identity of the worker that ran the last attempt.
	Worker string `json:"worker,omitempty"`
	// Attempts counts how often the program was started.
	Attempts int `json:"attempts,omitempty"`
	// Started and Ended are those of the last attempt. For a reused step both
	// are the moment of reuse.
	Started time.Time `json:"start_time,omitzero"`
	Ended   time.Time `json:"end_time,omitzero"`
	// ExitCode is that of the last attempt's program.
	ExitCode *int     `json:"exit_code,omitempty"`
	Failure  *Failure `json:"error,omitempty"`
	// Inputs are the values of the ports that the plan leaves open: bound to
	// other steps, or read from outside when the step started.
	Inputs map[string]Value `json:"inputs,omitempty"`
	// Outputs are the artifacts by output name, Artifacts among them.
	Outputs map[string]Artifact `json:"outputs,omitempty"`
	// Values are what control outputs hold, by name.
	Values map[string]string `json:"values,omitempty"`
	// Metrics are what the program has reported, by name, the first
	// [MaxMetrics] of them.
	Metrics map[string]Metric `json:"metrics,omitempty"`
	// Models are those that the program has registered; they become assets when
	// the job has completed.
	Models []Model `json:"models,omitempty"`
	// Question is what an approval asks, with the answer once there is one.
	Question *Question `json:"approval,omitempty"`
	// Tries are earlier attempts that failed, and were tried again.
	Tries []Try `json:"earlier_attempts,omitempty"`
	// Skipped says why a step was left out on purpose: a condition came out the
	// other way. It then counts as Completed.
	Skipped string `json:"skipped,omitempty"`
	// Parts counts what a step of a kind of its own is made of: trials,
	// mini-batches, iterations.
	Parts *Parts `json:"parts,omitempty"`
}

// MaxMetrics bounds the metrics that are kept beside the state of a step. All
// are in its artifacts.
const MaxMetrics = 50

// Parts counts the parts of a step.
type Parts struct {
	// What is the plural of their name: "trials".
	What      string `json:"what"`
	Total     int    `json:"total,omitempty"` // 0 where it is not known yet
	Running   int    `json:"running,omitempty"`
	Completed int    `json:"completed,omitempty"`
	// Reused ones are among Completed.
	Reused int `json:"reused,omitempty"`
	Failed int `json:"failed,omitempty"`
	// Stopped ones were ended early, on purpose.
	Stopped int `json:"stopped,omitempty"`
	// Best is the name of the best one, where there is one.
	Best string `json:"best,omitempty"`
}

// Origin names the step whose outputs were reused.
type Origin struct {
	Job  string `json:"job"`
	Step string `json:"step"`
}
