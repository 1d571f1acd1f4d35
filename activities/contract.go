package activities

import (
	"encoding/json"
	"time"

	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/pipeline"
)

// The inputs and results of the activities. They travel through Temporal as
// readable JSON: digests and words, never data.

// Ready is a step whose inputs are known.
type Ready struct {
	// Step is the step's index in the plan.
	Step int `json:"step"`
	// Inputs are the ports that the plan leaves open: bound to other steps or
	// read from outside. An optional input that was not given is missing here.
	Inputs map[string]pipeline.Value `json:"inputs,omitempty"`
}

// ResolveInput asks the cache for steps.
type ResolveInput struct {
	Job   string          `json:"job"`
	Plan  pipeline.Digest `json:"plan"`
	Ready []Ready         `json:"ready"`
	// Values are the inputs of the loop whose iteration the job is.
	Values map[string]pipeline.Value `json:"values,omitempty"`
}

// Resolved is what the cache said of one step.
type Resolved struct {
	Step int    `json:"step"`
	Key  string `json:"key"`
	// From is set on a hit, with the outputs.
	From    *pipeline.Origin             `json:"from,omitempty"`
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Reported
	// Unprepared names the step's environment, and the key is missing, where it
	// is not known yet what that resolves to on the step's queue: Prepare finds
	// out, once for all steps of the queue with an environment of this name.
	Unprepared string `json:"unprepared,omitempty"`
	// Note says in words what of the step's environment is not as it was asked
	// for, short enough to stand at every step that has it.
	Note string `json:"note,omitempty"`
}

// PrepareInput has a worker of a step's queue resolve the step's environment
// and make it ready.
type PrepareInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	// Step is the index of one of the steps that ask for the environment.
	Step int `json:"step"`
}

// PrepareResult says in words what the environment resolved to.
type PrepareResult struct {
	Environment string `json:"environment"`
}

// ResolveResult answers for every step that was asked for and, beyond those,
// for steps that became ready through hits.
type ResolveResult struct {
	Steps []Resolved `json:"steps"`
}

// StepInput runs one step.
type StepInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	Ready
	// Name is the step's or, of a part of a step, a name of its own:
	// "train.3" is a trial of the sweep "train". Node names have no digits at
	// their beginning, so it is nobody else's.
	Name string `json:"name"`
	Key  string `json:"key"`
	// Root is the job that was submitted, where this one is a part of it.
	Root string `json:"root,omitempty"`
	// Tried is how many attempts there were before this activity: a failure of
	// the program was tried again.
	Tried int `json:"tried,omitempty"`
	// Timeout takes the place of the step's, where it is not 0; in seconds.
	Timeout int `json:"timeout,omitempty"`
	// Chunk is set where the program works on mini-batches of the step.
	Chunk *Chunk `json:"chunk,omitempty"`
	// Watch is set for a trial of a sweep, which keeps its own list of them.
	Watch *Watch `json:"watch,omitempty"`
	// Reusable steps run once at a time in all jobs.
	Reusable bool `json:"reusable"`
}

// StepResult is how a step ended that did not fail.
type StepResult struct {
	// Busy names the step that computes the same right now; nothing was run.
	Busy *pipeline.Origin `json:"busy,omitempty"`
	// From is set when the result appeared in the cache in the meantime.
	From    *pipeline.Origin             `json:"from,omitempty"`
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	// Summary is how a chunk of mini-batches went.
	Summary *Summary `json:"summary,omitempty"`
	// Notes say what is to be known of the outputs.
	Notes []string `json:"notes,omitempty"`
	Reported
	Attempt
}

// Reported is what a program has told of itself, besides its outputs.
type Reported struct {
	// Values are what its control outputs hold, by name.
	Values map[string]string `json:"values,omitempty"`
	// Metrics are the first [pipeline.MaxMetrics] of its metrics, by name.
	Metrics map[string]pipeline.Metric `json:"metrics,omitempty"`
	// Models are those that it has registered.
	Models []pipeline.Model `json:"models,omitempty"`
}

// InstanceInput runs one instance of a step that has several, which run at once.
type InstanceInput struct {
	StepInput
	// Instance is which of them, from 0.
	Instance  int `json:"instance"`
	Instances int `json:"instances"`
	// Try counts how often all of them were begun, from 1.
	Try int `json:"try"`
	// Since is when the job began: older ones get their slots first.
	Since time.Time `json:"since"`
}

// Beat is what an activity tells in its heartbeats.
type Beat struct {
	// Waiting says what an instance waits for, "" while its program runs; or
	// how far an environment has come.
	Waiting string `json:"waiting,omitempty"`
	// Worker is set where another worker goes on with the attempt than the one
	// that it was given to.
	Worker string `json:"worker,omitempty"`
	// Metrics are what the program has reported so far, the first
	// [pipeline.MaxMetrics] of them.
	Metrics map[string]pipeline.Metric `json:"metrics,omitempty"`
}

// GatherInput joins what is kept of instances that were ended.
type GatherInput struct {
	Job string `json:"job"`
	// Parts are the artifacts of those that have any, in order.
	Parts []pipeline.Artifact `json:"parts"`
	// State is how the step ended.
	State pipeline.StepState `json:"state"`
}

// GatherResult is the artifacts of all.
type GatherResult struct {
	Artifacts pipeline.Artifact `json:"artifacts"`
}

// Attempt is what is known of an attempt that ran the program.
type Attempt struct {
	Worker   string    `json:"worker,omitempty"`
	Number   int       `json:"attempt,omitempty"`
	Started  time.Time `json:"start_time,omitzero"`
	Ended    time.Time `json:"end_time,omitzero"`
	ExitCode *int      `json:"exit_code,omitempty"`
}

// StepFailed travels as the details of a failed step's error.
type StepFailed struct {
	Failure pipeline.Failure             `json:"failure"`
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Reported
	Attempt
}

// AwaitInput waits until the key is free or its result is in the cache.
type AwaitInput struct {
	Job  string `json:"job"`
	Name string `json:"name"`
	Key  string `json:"key"`
}

// FetchInput brings data from outside into the store.
type FetchInput struct {
	Job  string          `json:"job,omitempty"`
	Plan pipeline.Digest `json:"plan"`
	Step int             `json:"step"`
	// Inputs are the names of the step's inputs to fetch.
	Inputs []string `json:"inputs"`
	// Addresses are those of data that the plan does not name, by input.
	Addresses map[string]string `json:"addresses,omitempty"`
}

// FetchResult is what the inputs hold.
type FetchResult struct {
	Values map[string]pipeline.Value `json:"values"`
}

// PublishInput writes a finished step's outputs to their datastore paths.
type PublishInput struct {
	Job     string                       `json:"job,omitempty"`
	Plan    pipeline.Digest              `json:"plan"`
	Step    int                          `json:"step"`
	Outputs map[string]pipeline.Artifact `json:"outputs"`
}

// RegisterInput keeps outputs of a job as assets.
type RegisterInput struct {
	Job  string          `json:"job"`
	Plan pipeline.Digest `json:"plan"`
	// Outputs are what the steps made, by step and output.
	Outputs map[string]map[string]pipeline.Artifact `json:"outputs"`
	// Models are what the programs of steps have registered themselves.
	Models []StepModels `json:"models,omitempty"`
}

// StepModels are the models that the program of a step has registered.
type StepModels struct {
	Step      string            `json:"step"`
	Artifacts pipeline.Artifact `json:"artifacts"`
	Models    []pipeline.Model  `json:"models"`
}

// RegisterResult is which assets they have become, or why none did.
type RegisterResult struct {
	Assets  []Registered      `json:"assets,omitempty"`
	Failure *pipeline.Failure `json:"failure,omitempty"`
}

// Registered is an output that has become an asset.
type Registered = record.Registered

// FinishInput records how a job ended.
type FinishInput struct {
	Job     string               `json:"job"`
	Status  pipeline.Status      `json:"status"`
	Started time.Time            `json:"start_time"`
	Ended   time.Time            `json:"end_time"`
	Step    string               `json:"failed_step,omitempty"`
	Failure *pipeline.Failure    `json:"error,omitempty"`
	Steps   []pipeline.StepState `json:"steps"`
	// Assets are what outputs have become.
	Assets []Registered `json:"assets,omitempty"`
}

// States is a part of a job's steps, kept in the store while the job goes on in
// a new workflow run.
type States struct {
	Steps []pipeline.StepState `json:"steps"`
}

// TriggerInput asks for the job that a schedule makes for a time.
type TriggerInput struct {
	// Making is the digest of what the schedule makes.
	Making pipeline.Digest `json:"making"`
	Time   time.Time       `json:"time"`
}

// TriggerResult is that job.
type TriggerResult struct {
	// Pass says why there is no job to run; "" where there is one.
	Pass string `json:"pass,omitempty"`
	// Job is the name of the job, where there is or was one.
	Job string `json:"job,omitempty"`
	// Launch is what its workflow is started with, in words of the workflows.
	Launch json.RawMessage `json:"launch,omitempty"`
}

// The types of errors that are no failures: they have Temporal try again.
const (
	// WorkerLost: the worker was stopped or died; another one goes on.
	WorkerLost = "worker lost"
	// Waiting: the same step is running elsewhere, or not all of its instances
	// have a slot.
	Waiting = "waiting"
)
