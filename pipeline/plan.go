package pipeline

import "strings"

// PlanSchema is the version of the stored form of a [Plan].
const PlanSchema = 1

// JobType says what kind of job the user submitted.
type JobType string

// The kinds of job that have a plan.
const (
	PipelineJob JobType = "pipeline"
	CommandJob  JobType = "command"
	// SweepJob is a sweep by itself: its plan has one step, of SweepKind.
	SweepJob JobType = "sweep"
	// SparkJob and TransferJob are a step of those kinds by itself.
	SparkJob    JobType = "spark"
	TransferJob JobType = "data_transfer"
)

// Single reports whether a job of the type is one step, called [MainStep], whose
// inputs and outputs are the job's.
func (t JobType) Single() bool {
	switch t {
	case CommandJob, SweepJob, SparkJob, TransferJob:
		return true
	}
	return false
}

// Plan is the closed, dialect-free form of a job: what runs, in which order,
// and what is bound to what. Steps stand in an order in which every step comes
// after those it depends on; the same file always gives the same order.
type Plan struct {
	Schema int     `json:"schema"`
	Type   JobType `json:"type"`
	Name   string  `json:"name"`
	// Root is the job that was submitted, where this one is a part of it.
	Root        string            `json:"root,omitempty"`
	DisplayName string            `json:"display_name,omitempty"`
	Experiment  string            `json:"experiment_name,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Settings    Settings          `json:"settings"`
	Inputs      []Input           `json:"inputs,omitempty"`
	Outputs     []JobOutput       `json:"outputs,omitempty"`
	Steps       []Step            `json:"steps"`
}

// Settings are the pipeline-wide choices that execution obeys.
type Settings struct {
	// ContinueOnStepFailure lets steps that do not depend on a failed one go
	// on. Without it a failure cancels what runs, and nothing new starts.
	ContinueOnStepFailure bool `json:"continue_on_step_failure"`
	// ForceRerun runs every step even where the cache has its result.
	ForceRerun bool `json:"force_rerun,omitempty"`
	// DefaultCompute and DefaultDatastore are bare names, kept to be shown.
	DefaultCompute   string `json:"default_compute,omitempty"`
	DefaultDatastore string `json:"default_datastore,omitempty"`
}

// Role sets a step apart from the dataflow.
type Role string

// A step is part of the dataflow, runs before everything else, or after it
// (also when something failed).
const (
	Normal   Role = ""
	Init     Role = "init"
	Finalize Role = "finalize"
)

// Step is a node of the plan that runs a program.
type Step struct {
	// Name is the path of the node through nested pipelines, joined by dots:
	// "train_and_eval.train". The one step of a command job is called "main".
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Description string `json:"description,omitempty"`
	// Component is the name of the component the step was made from, if any.
	Component string `json:"component,omitempty"`
	// ComponentAsset is the pinned reference to that component, where it came
	// from a registry or the store: "azureml:train:3".
	ComponentAsset string `json:"component_asset,omitempty"`
	// Position is where the node stands, "pipeline.yml:12:3".
	Position string `json:"position,omitempty"`
	Role     Role   `json:"role,omitempty"`
	// Compute is the bare name from the file; "" asks for any.
	Compute string `json:"compute,omitempty"`
	// Queue is the task queue that Compute stands for, decided at submission.
	Queue       string      `json:"queue,omitempty"`
	Command     Template    `json:"command"`
	Code        *Code       `json:"code,omitempty"`
	Environment Environment `json:"environment"`
	// Variables are the environment variables that the file asks for.
	Variables map[string]string `json:"environment_variables,omitempty"`
	Inputs    []Input           `json:"inputs,omitempty"`
	Outputs   []Output          `json:"outputs,omitempty"`
	// Timeout is in seconds; 0 means none.
	Timeout      int           `json:"timeout,omitempty"`
	Resources    Resources     `json:"resources,omitzero"`
	Distribution *Distribution `json:"distribution,omitempty"`
	// Priority says which of the waiting steps are taken first.
	Priority Priority `json:"priority,omitempty"`
	// Kind says what the step is, where it is not just a program; the fields
	// below are there for the kinds that they belong to.
	Kind     Kind      `json:"kind,omitempty"`
	Sweep    *Sweep    `json:"sweep,omitempty"`
	Parallel *Parallel `json:"parallel,omitempty"`
	Loop     *Loop     `json:"loop,omitempty"`
	Approval *Approval `json:"approval,omitempty"`
	Transfer *Transfer `json:"transfer,omitempty"`
	// Retry says which failures of the program are tried again; nil none.
	Retry *Retry `json:"retry,omitempty"`
	// Guards must all hold for the step to run.
	Guards []Guard `json:"guards,omitempty"`
	// Deterministic is false where the component says that equal inputs may
	// give different outputs; such a step is never reused.
	Deterministic bool `json:"is_deterministic"`
}

// Input is a port that a step (or a whole job) reads from.
type Input struct {
	Name     string   `json:"name"`
	Type     PortType `json:"type"`
	Mode     Mode     `json:"mode,omitempty"`
	Optional bool     `json:"optional,omitempty"`
	Binding  Binding  `json:"binding,omitzero"`
}

// Binding is what an input is connected to. At most one field is set; the zero
// Binding is an optional input that was not given.
type Binding struct {
	// Literal is the text that the command sees: "True", "1e-3", "42".
	Literal *string `json:"literal,omitempty"`
	// Step is an output of an earlier step.
	Step *OutputRef `json:"step,omitempty"`
	// Source is data from outside the job.
	Source *Source `json:"source,omitempty"`
	// Parameter is an input of the loop whose body the step stands in: every
	// iteration has its own value.
	Parameter string `json:"parameter,omitempty"`
	// Joined is text with inputs of that loop in it.
	Joined *Template `json:"joined,omitempty"`
}

// OutputRef names an output of a step.
type OutputRef struct {
	Step   string `json:"step"`
	Output string `json:"output"`
}

// Source is data from outside the job. A local path is pinned to an artifact at
// submission; any other URI is read when its step starts.
type Source struct {
	// URI is where the data is: "file:///abs/path", "https://host/f.csv",
	// "azureml://datastores/NAME/paths/P".
	URI string `json:"uri"`
	// Local is the absolute path of a local file or folder; "" for others.
	Local string `json:"-"`
	// Position is where the URI stands in the file.
	Position string `json:"position,omitempty"`
	// Asset is the pinned reference to the asset that the data was given by:
	// "azureml:iris:3".
	Asset string `json:"asset,omitempty"`
	// Floating is the reference as the file has it, where that means another
	// version another day: "azureml:iris@latest".
	Floating string `json:"floating,omitempty"`
	// Artifact is the content, once pinned.
	Artifact *Artifact `json:"artifact,omitempty"`
}

// Output is a port that a step writes to.
type Output struct {
	Name string   `json:"name"`
	Type PortType `json:"type"`
	Mode Mode     `json:"mode,omitempty"`
	// File is the base name of the file to write; set for type uri_file only.
	File string `json:"file,omitempty"`
	// Path is the datastore URI the output is published to on success; ""
	// keeps it in the store only.
	Path string `json:"path,omitempty"`
	// Asset is what the output is registered as on success, if anything.
	Asset *AssetName `json:"asset,omitempty"`
	// Control outputs hold a value that the job itself reads: a condition, or a
	// literal input of a later step. Their type is a literal's.
	Control bool `json:"is_control,omitempty"`
}

// Artifacts is the name of the output that every step has without declaring
// it: the folder with its outputs/, logs/ and user_logs/.
const Artifacts = "artifacts"

// AssetName names a version of an asset; an empty Version asks for the next.
type AssetName struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// JobOutput is an output of the whole job: some step's output under a name.
type JobOutput struct {
	Name string   `json:"name"`
	Type PortType `json:"type"`
	Mode Mode     `json:"mode,omitempty"`
	Path string   `json:"path,omitempty"`
	// From is nil for an output that no step is bound to.
	From *OutputRef `json:"from,omitempty"`
}

// Code is the snapshot of files that a step's working directory begins with.
type Code struct {
	// Files are the local files of the snapshot, until it is pinned.
	Files []LocalFile `json:"-"`
	// Artifact is the snapshot's tree, once pinned.
	Artifact *Artifact `json:"artifact,omitempty"`
}

// LocalFile is one file of a snapshot that still has to be pinned.
type LocalFile struct {
	// Path is where the file stands in the snapshot, with slashes.
	Path string
	// Source is the absolute path of the file on this machine. Symbolic links
	// have been followed: it is a regular file.
	Source string
}

// Environment is the software that a step asks for, as the file puts it.
type Environment struct {
	// Reference is an environment that has a name only, as the curated ones do:
	// what is in it is known to whoever makes it ready.
	Reference string `json:"reference,omitempty"`
	// Asset is the pinned reference to the asset that the rest was taken from.
	Asset string `json:"asset,omitempty"`
	Image string `json:"image,omitempty"`
	// Conda is the text of the conda file.
	Conda string `json:"conda_file,omitempty"`
	// Build is the context that an image is to be built from.
	Build *Build `json:"build,omitempty"`
}

// Build is a docker build context.
type Build struct {
	Context    *Code  `json:"context,omitempty"`
	Dockerfile string `json:"dockerfile_path,omitempty"`
}

// Resources are what the step asks of the machine it runs on.
type Resources struct {
	InstanceCount int    `json:"instance_count,omitempty"`
	InstanceType  string `json:"instance_type,omitempty"`
	SharedMemory  string `json:"shm_size,omitempty"`
	DockerArgs    string `json:"docker_args,omitempty"`
	// GPUs is how many devices each instance gets to itself; 0 leaves the
	// number to the queue: one on a queue that has any.
	GPUs int `json:"gpus,omitempty"`
	// Memory is what each instance needs of the machine's memory, in bytes;
	// 0 where the file does not say.
	Memory int64 `json:"memory,omitempty"`
}

// Priority is an order among steps that wait for the same queue; "" is Medium.
type Priority string

// The priorities of Azure ML.
const (
	Low    Priority = "low"
	Medium Priority = "medium"
	High   Priority = "high"
)

// Distribution says how several processes of one step are started together.
type Distribution struct {
	// Type is "pytorch", "mpi", "tensorflow" or "ray".
	Type string `json:"type"`
	// ProcessesPerInstance, Workers and ParameterServers are 0 where not given.
	ProcessesPerInstance int `json:"process_count_per_instance,omitempty"`
	Workers              int `json:"worker_count,omitempty"`
	ParameterServers     int `json:"parameter_server_count,omitempty"`
}

// MainStep is the name of the one step of a command job.
const MainStep = "main"

// StepJobName is the name of the child job that a step is to the outside:
// AZUREML_RUN_ID, and ${{name}} in the path of an output. The one step of a
// command job is the job itself. Node names have no hyphen, so the name is
// unambiguous.
func (p *Plan) StepJobName(step string) string {
	if p.Type.Single() && (p.Type != SweepJob || step == MainStep) {
		return p.Name
	}
	return p.Name + "-" + strings.ReplaceAll(step, ".", "-")
}

// Input returns the step's input of that name, or nil.
func (s *Step) Input(name string) *Input {
	for i := range s.Inputs {
		if s.Inputs[i].Name == name {
			return &s.Inputs[i]
		}
	}
	return nil
}

// Output returns the step's output of that name, or nil.
func (s *Step) Output(name string) *Output {
	for i := range s.Outputs {
		if s.Outputs[i].Name == name {
			return &s.Outputs[i]
		}
	}
	return nil
}

// Step returns the step of that name, or nil.
func (p *Plan) Step(name string) *Step {
	for i := range p.Steps {
		if p.Steps[i].Name == name {
			return &p.Steps[i]
		}
	}
	return nil
}
