package azureml

import (
	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// The types of this file are what the author wrote, read and typed, before any
// node is connected to another: a component with its ports; the graph of a
// pipeline; a node with what it is given. Every part knows its place in the
// file.

// component is what a node runs: a program, or a graph of further nodes.
type component struct {
	// kind is that of a component with rules of its own, one of [ownKinds]; ""
	// of commands and pipelines.
	kind string
	// name is how messages call it; file components without a name go by the
	// name of their file.
	name string
	// inline components are written in the node itself: their ports have no
	// declared types.
	inline bool
	// ofJob is the inline component that a command job is.
	ofJob bool
	// swept are the hyperparameters that the command of a sweep job may name; nil
	// for all others.
	swept         map[string]bool
	inputs        table[*port]
	outputs       table[*result]
	batches       *batches  // of what works on small parts of an input
	program       *program  // of a command
	transfer      *transfer // of a data transfer
	spark         *spark    // of a Spark application
	graph         *graph    // of a pipeline
	deterministic bool
	// asset is the pinned reference to a registered component.
	asset string
}

func (c *component) label() string {
	switch {
	case c.ofJob:
		return "this job"
	case c.inline:
		return "this node"
	}
	return "component " + quote(c.name)
}

// port is a declared input.
type port struct {
	name string
	at   yaml.Pos // the key
	// kind is "" where no type is declared.
	kind     pipeline.PortType
	mode     pipeline.Mode
	optional bool
	fallback *literal // the default
	min, max *bound
	enum     []string
	// broken ports take anything, since their own mistake is reported.
	broken bool
}

func (p *port) key() string { return p.name }

// isData tells whether the port is declared to take files.
func (p *port) isData() bool { return p.kind != "" && !p.kind.IsLiteral() }

// required tells whether the port has to be given a value.
func (p *port) required() bool { return !p.optional && p.fallback == nil }

// bound is an end of the range a number may have.
type bound struct {
	value float64
	text  string
}

// literal is a value that is text.
type literal struct {
	text string
	// kind is the type the value has by its own look.
	kind pipeline.PortType
	at   yaml.Pos
}

// program is what a command component runs.
type program struct {
	command     pipeline.Template
	code        *pipeline.Code
	environment *pipeline.Environment
	resources   resources
	distributed *distribution
	// guarded are the inputs that the command uses in optional groups only.
	guarded map[string]bool
}

type variable struct {
	name  string
	value *text
}

// resources are texts, since they may be bound to inputs of the pipeline.
type resources struct {
	instanceCount, instanceType, sharedMemory, dockerArgs, gpus, memory *text
}

func (r resources) texts() []*text {
	return []*text{r.instanceCount, r.instanceType, r.sharedMemory, r.dockerArgs, r.gpus, r.memory}
}

type distribution struct {
	kind                        string
	processes, workers, servers *text
}

func (d *distribution) texts() []*text {
	if d == nil {
		return nil
	}
	return []*text{d.processes, d.workers, d.servers}
}

// graph is the inside of a pipeline job or pipeline component.
type graph struct {
	// label is how messages call it.
	label   string
	inputs  table[*port]
	outputs table[*result]
	nodes   table[*node]
	// writers are the nodes that write the outputs, by the output's name.
	writers map[string]writer
	// incomplete graphs have nodes or bindings that could not be read: who
	// writes an output is then not known.
	incomplete bool
	// lostBody graphs have a loop whose body is not known: any of the nodes may be
	// the body, and be given its inputs by the loop.
	lostBody bool
	// ofCommand marks the graph that a command job is wrapped in.
	ofCommand bool
	// leftOut are inputs that the job's file has, and a schedule leaves out.
	leftOut *leftOut
}

// writer is an output of a node that becomes one of the graph around it.
type writer struct {
	node   *node
	output string
}

// node is an entry under jobs.
type node struct {
	name string
	at   yaml.Pos // the key
	// runs is nil for a node whose own mistake makes checks on it noise, and
	// for kinds that do not run yet.
	runs        *component
	displayName string
	description string
	inputs      table[*argument]
	inputsAt    yaml.Pos
	dropped     []*argument // given, but not declared
	outputs     table[*result]
	compute     *text
	priority    *text
	// These override what the component says.
	environment *pipeline.Environment
	variables   []variable
	timeout     *text
	resources   resources
	distributed *distribution
	role        pipeline.Role
	// fill adds to the step of a leaf what only its kind has; nil for commands.
	fill func(*flattener, *unit, *pipeline.Step)
	// through finds what an output of a node holds that runs nothing and passes
	// its inputs on; nil for all others.
	through func(f *flattener, u *unit, output string) value
	// control is what a node says that decides over others; nil for those that
	// run something of their own.
	control *control
	// guard is the if_else in whose block the node stands, if any; loopOf the loop
	// whose body it is.
	guard  *guard
	loopOf *node
	// own are the fields of its kind that may hold expressions.
	own []*text
	// retry says which failures of its program are tried again.
	retry *retry
}

func (n *node) key() string { return n.name }

// settings are the fields of a node that may hold expressions of the pipeline.
func (n *node) settings() []*text {
	all := append(n.resources.texts(), n.distributed.texts()...)
	all = append(all, n.compute, n.timeout, n.priority)
	all = append(all, n.own...)
	all = append(all, n.retry.texts()...)
	for _, v := range n.variables {
		all = append(all, v.value)
	}
	return all
}

// argument is what an input is given.
type argument struct {
	name string
	at   yaml.Pos // the key
	kind argumentKind
	node *yaml.Node
	// text is the literal, the binding or the mixture of both, or the path of
	// data that holds expressions.
	text *text
	// dataType and mode are what a data object says; "" where it does not.
	dataType pipeline.PortType
	mode     pipeline.Mode
	source   *pipeline.Source
	// meant is the missing input that an undeclared one was probably meant for.
	meant *port
}

func (a *argument) key() string { return a.name }

type argumentKind int

const (
	givenNothing argumentKind = iota
	givenText                 // a literal, possibly with expressions in it
	givenData                 // a data object with a path of its own
	givenWrong                // a mistake that is reported
)

// result is a declared output, or what a node says about one.
type result struct {
	name string
	at   yaml.Pos // the key
	kind pipeline.PortType
	mode pipeline.Mode
	path *text
	// asset is what the output is registered as.
	asset *pipeline.AssetName
	// control is set where the output is said to hold a value.
	control bool
	// promoted is the output of the pipeline around that the output becomes.
	promoted *reference
	// said is the text that promoted stands in.
	said   *text
	broken bool
}

func (r *result) key() string { return r.name }

func quote(name string) string { return `"` + clip(name) + `"` }
