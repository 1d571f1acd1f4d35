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
	// name is how messages call it; file components without a name go by the
	// name of their file.
	name string
	// inline components are written in the node itself: their ports have no
	// declared types.
	inline  bool
	node    *yaml.Node
	inputs  []*port
	outputs []*result
	program *program // of a command
	graph   *graph   // of a pipeline
	// broken components had mistakes that make checks on their ports noise.
	broken        bool
	deterministic bool
}

func (c *component) input(name string) *port    { return findPort(c.inputs, name) }
func (c *component) output(name string) *result { return findResult(c.outputs, name) }
func (c *component) label() string {
	if c.inline {
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
	instanceCount, instanceType, sharedMemory, dockerArgs *text
}

type distribution struct {
	kind                       string
	processes, workers, server *text
}

// graph is the inside of a pipeline job or pipeline component.
type graph struct {
	// label is how messages call it.
	label  string
	inputs []*port
	// given are the values of a job's own inputs; nil in a component.
	given   []*argument
	outputs []*result
	nodes   []*node
	// command marks the graph that a command job is wrapped in.
	command bool
	// cyclic graphs cannot be put in order.
	cyclic bool
}

func (g *graph) input(name string) *port    { return findPort(g.inputs, name) }
func (g *graph) output(name string) *result { return findResult(g.outputs, name) }
func (g *graph) node(name string) *node {
	for _, n := range g.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// node is an entry under jobs.
type node struct {
	name string
	at   yaml.Pos // the key
	body *yaml.Node
	// runs is nil for a node with mistakes that make further checks noise, and
	// for kinds that do not run yet.
	runs        *component
	displayName string
	description string
	inputs      []*argument
	inputsAt    yaml.Pos
	dropped     []*argument // given, but not declared
	outputs     []*result
	compute     *text
	// These override what the component says.
	environment *pipeline.Environment
	variables   []variable
	timeout     *text
	resources   resources
	distributed *distribution
	role        pipeline.Role
}

func (n *node) argument(name string) *argument {
	for _, a := range n.inputs {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (n *node) result(name string) *result { return findResult(n.outputs, name) }

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
	// taken is the missing input that an undeclared one was probably meant for.
	taken *port
}

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
	// promoted is the output of the pipeline around that the output becomes.
	promoted   *reference
	promotedAt yaml.Pos
	broken     bool
}

func findPort(list []*port, name string) *port {
	for _, p := range list {
		if p.name == name {
			return p
		}
	}
	return nil
}

func findResult(list []*result, name string) *result {
	for _, r := range list {
		if r.name == name {
			return r
		}
	}
	return nil
}

func portNames(list []*port) []string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.name
	}
	return names
}

func resultNames(list []*result) []string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.name
	}
	return names
}

func quote(name string) string { return `"` + clip(name) + `"` }
