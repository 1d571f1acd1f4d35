package pipeline

// Kind says what becomes of a step when it has its inputs.
type Kind string

// The kinds of steps. A program is run once; the others run one many times, or
// none.
const (
	// Program runs the step's program, once.
	Program Kind = ""
	// SweepKind runs it many times, with sampled inputs, and keeps the best.
	SweepKind Kind = "sweep"
	// ParallelKind runs it on many small parts of one input.
	ParallelKind Kind = "parallel"
	// DoWhile runs a body again and again, while a condition holds.
	DoWhile Kind = "do_while"
	// ParallelFor runs a body once for every item of a list.
	ParallelFor Kind = "parallel_for"
	// ApprovalKind waits for somebody's word.
	ApprovalKind Kind = "approval"
	// TransferKind moves data between places outside, in the worker itself.
	TransferKind Kind = "data_transfer"
)

// Sweep says how the inputs of a step's program are sampled, and which trial is
// the best. The sampled inputs are among those of the step, bound to nothing:
// each trial is given its own.
type Sweep struct {
	Sampling  Sampling          `json:"sampling_algorithm"`
	Space     []Dimension       `json:"search_space"`
	Objective Objective         `json:"objective"`
	Limits    SweepLimits       `json:"limits"`
	Early     *EarlyTermination `json:"early_termination,omitempty"`
}

// Sampling is how points of a search space are chosen.
type Sampling struct {
	// Type is "random", "grid" or "bayesian".
	Type string `json:"type"`
	// Seed makes random sampling repeat itself; nil leaves it to the job.
	Seed *int64 `json:"seed,omitempty"`
	// Rule is "random" or "sobol", of random sampling.
	Rule string `json:"rule,omitempty"`
	// LogBase is the base whose exponents the ends of logarithmic distributions
	// are, of random sampling; 0 is e.
	LogBase float64 `json:"logbase,omitempty"`
}

// Dimension is one hyperparameter, or a choice among several sets of them.
type Dimension struct {
	Name string `json:"name"`
	Domain
}

// Domain is how a hyperparameter is distributed, in Azure ML's words.
type Domain struct {
	// Type is "choice", "randint", "uniform", "quniform", "loguniform",
	// "qloguniform", "normal", "qnormal", "lognormal" or "qlognormal".
	Type string `json:"type"`
	// Values are those of a choice, as the command sees them.
	Values []Choice `json:"values,omitempty"`
	// Upper is that of randint: 0 <= x < Upper.
	Upper int64 `json:"upper,omitempty"`
	// Min and Max are the ends of the uniform kinds; those of the logarithmic
	// ones are exponents: exp(Min) to exp(Max).
	Min float64 `json:"min_value,omitempty"`
	Max float64 `json:"max_value,omitempty"`
	// Mu and Sigma are those of the normal kinds.
	Mu    float64 `json:"mu,omitempty"`
	Sigma float64 `json:"sigma,omitempty"`
	// Q is the step of the quantised kinds.
	Q float64 `json:"q,omitempty"`
}

// Choice is one value of a choice: text, or further dimensions that exist only
// where it is chosen.
type Choice struct {
	Text   string      `json:"text,omitempty"`
	Nested []Dimension `json:"nested,omitempty"`
}

// Objective is the metric that trials are compared by.
type Objective struct {
	Metric string `json:"primary_metric"`
	// Minimise is set where less is better.
	Minimise bool `json:"minimise,omitempty"`
}

// SweepLimits bound a sweep. Times are in seconds; 0 means none.
type SweepLimits struct {
	MaxTrials     int `json:"max_total_trials"`
	MaxConcurrent int `json:"max_concurrent_trials,omitempty"`
	Timeout       int `json:"timeout,omitempty"`
	TrialTimeout  int `json:"trial_timeout,omitempty"`
}

// EarlyTermination says when a trial that does badly is ended.
type EarlyTermination struct {
	// Type is "bandit", "median_stopping" or "truncation_selection".
	Type string `json:"type"`
	// Interval is how many reports of the metric lie between two judgements;
	// the first Delay reports are not judged.
	Interval int `json:"evaluation_interval"`
	Delay    int `json:"delay_evaluation,omitempty"`
	// SlackFactor or SlackAmount is how much worse than the best bandit allows.
	SlackFactor float64 `json:"slack_factor,omitempty"`
	SlackAmount float64 `json:"slack_amount,omitempty"`
	// Percentage is how many of the trials truncation selection ends, 1 to 99.
	Percentage int `json:"truncation_percentage,omitempty"`
	// ExcludeFinished has truncation selection compare with trials that go on
	// only.
	ExcludeFinished bool `json:"exclude_finished_jobs,omitempty"`
}

// Parallel says how an input is cut into mini-batches, and what becomes of those
// that fail. The step's command is not used: Entry is what runs.
type Parallel struct {
	// Input is the input that is cut.
	Input string `json:"input_data"`
	// Files or Bytes is the size of a mini-batch, both 0 where the file does not
	// say; PartitionKeys win over both.
	Files         int      `json:"files,omitempty"`
	Bytes         int64    `json:"bytes,omitempty"`
	PartitionKeys []string `json:"partition_keys,omitempty"`
	// Entry is the path of the entry script in the code.
	Entry string `json:"entry_script"`
	// Arguments are those of the entry script.
	Arguments Template `json:"program_arguments,omitempty"`
	// AppendRowTo is the output that returned rows are appended to, if any.
	AppendRowTo string `json:"append_row_to,omitempty"`
	// Processes is how many run on an instance at once; 0 is one a CPU, or one
	// a GPU.
	Processes int `json:"max_concurrency_per_instance,omitempty"`
	// MaxFailedBatches and MaxFailedItems are how many may fail; -1 is any
	// number.
	MaxFailedBatches int `json:"mini_batch_error_threshold"`
	MaxFailedItems   int `json:"error_threshold"`
	// MaxFailedPercent is how many of a hundred mini-batches may fail.
	MaxFailedPercent int `json:"allowed_failed_percent"`
	// Retries is how often a mini-batch is tried again; Timeout is that of one
	// try, in seconds.
	Retries int `json:"max_retries"`
	Timeout int `json:"timeout"`
	// LogLevel is "DEBUG", "INFO" or "WARNING".
	LogLevel string `json:"logging_level,omitempty"`
}

// Loop is how the body of a DoWhile or ParallelFor step is run: as a job of its
// own for each iteration, whose inputs are those of the step.
type Loop struct {
	// Body is the plan of an iteration. Its inputs are named as those of the
	// step, and steps in it bind to them with [Binding.Parameter].
	Body *Plan `json:"body"`
	// Content is the digest of the pinned body in the store.
	Content Digest `json:"content,omitempty"`
	// Condition is the output of the body that says whether to go on; "" where
	// it always does. Of DoWhile.
	Condition string `json:"condition,omitempty"`
	// Mapping says which output of an iteration becomes which input of the
	// next. Of DoWhile.
	Mapping []Carry `json:"mapping,omitempty"`
	// Most is the largest number of iterations. Of DoWhile.
	Most int `json:"max_iteration_count,omitempty"`
	// Items are what ParallelFor runs the body with; where Items is nil,
	// ItemsInput is the input of the step that holds them, as JSON.
	Items      []Item `json:"items,omitempty"`
	ItemsInput string `json:"items_input,omitempty"`
	// AtOnce is how many iterations run at the same time; 0 is any number. Of
	// ParallelFor.
	AtOnce int `json:"max_concurrency,omitempty"`
}

// Carry is an output of one iteration that becomes an input of the next.
type Carry struct {
	Output string `json:"output"`
	Input  string `json:"input"`
}

// Item is one iteration of a ParallelFor: its name, and the inputs that it sets.
type Item struct {
	Name   string  `json:"name"`
	Inputs []Input `json:"inputs,omitempty"`
}

// Guard lets a step run only where a condition has come out as wanted.
type Guard struct {
	// Node is the name of the if_else node, to be shown.
	Node string `json:"node"`
	// From is the output that holds the condition; where it is zero, Value is
	// the condition.
	From  OutputRef `json:"from,omitzero"`
	Value bool      `json:"value,omitempty"`
	// Parameter is the input of the loop whose body the step stands in that is
	// the condition, if one is.
	Parameter string `json:"parameter,omitempty"`
	// Want is what lets the step run.
	Want bool `json:"want"`
}

// Approval holds a job until somebody approves or rejects it.
type Approval struct {
	// Message is what is asked.
	Message Template `json:"message,omitempty"`
	// Approvers are who may answer; empty lets anybody.
	Approvers []string `json:"approvers,omitempty"`
	// Timeout is in seconds, 0 for none. Then the step fails, or is taken as
	// approved where Approves is set.
	Timeout  int  `json:"timeout,omitempty"`
	Approves bool `json:"approve_on_timeout,omitempty"`
}

// Retry says which failures of a step's program are tried again.
type Retry struct {
	// Attempts is how often the program is run at most, 1 or more.
	Attempts int `json:"attempts"`
	// Delay is the time before the second attempt, in seconds; each further one
	// is Factor times as long, and none longer than MaxDelay.
	Delay    float64 `json:"delay,omitempty"`
	Factor   float64 `json:"backoff,omitempty"`
	MaxDelay float64 `json:"max_delay,omitempty"`
	// ExitCodes are those that are tried again; empty is all but 0. A time-out
	// is tried again where OnTimeout is set.
	ExitCodes []int `json:"exit_codes,omitempty"`
	OnTimeout bool  `json:"on_timeout,omitempty"`
}

// Transfer is what a TransferKind step does.
type Transfer struct {
	// Task is "copy_data", "import_data" or "export_data".
	Task string `json:"task"`
	// Merge overwrites what is there; without it a conflict is a failure. Of
	// copy_data.
	Merge bool `json:"merge,omitempty"`
	// External is the place that data is imported from or exported to.
	External *External `json:"external,omitempty"`
}

// External is a place outside that is no datastore.
type External struct {
	// Type is "database" or "file_system".
	Type string `json:"type"`
	// Connection names where it is: the name of a connection, a URL, or a
	// reference to a secret; see the documentation of data transfers.
	Connection string `json:"connection"`
	Path       string `json:"path,omitempty"`
	Query      string `json:"query,omitempty"`
	Table      string `json:"table_name,omitempty"`
	Procedure  string `json:"stored_procedure,omitempty"`
	// Parameters are those of the stored procedure.
	Parameters []Parameter `json:"stored_procedure_params,omitempty"`
	// Format is "parquet" or "csv", of what is imported from a database; ""
	// leaves it to the output.
	Format string `json:"format,omitempty"`
	// Mode is "append", "replace", "merge" or "fail_if_exists", of an export to
	// a database; "" is "append".
	Mode string `json:"mode,omitempty"`
}

// Parameter is one of a stored procedure's.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type,omitempty"`
}
