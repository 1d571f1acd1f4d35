package workflows

import (
	"unicode/utf8"

	"github.com/millrace-ml/millrace/pipeline"
)

// Graph is what the workflow has to know of a plan to walk it: small enough to
// travel as its input, where the plan itself may be megabytes and stays in the
// store. Nodes stand in the order of the plan's steps.
type Graph struct {
	Nodes []Node `json:"nodes"`
	// ContinueOnFailure lets steps that do not depend on a failed one go on.
	ContinueOnFailure bool `json:"continue_on_step_failure"`
	// Registers is set where outputs become assets when the job has completed.
	Registers bool `json:"registers,omitempty"`
	// Outputs are those of the body of a loop.
	Outputs []Made `json:"outputs,omitempty"`
}

// Node is one step.
type Node struct {
	Name  string        `json:"name"`
	Queue string        `json:"queue"`
	Role  pipeline.Role `json:"role,omitempty"`
	// Edges are the inputs that are bound to outputs of earlier nodes.
	Edges []Edge `json:"edges,omitempty"`
	// Given are the inputs that take their values from those of a loop.
	Given []Given `json:"given,omitempty"`
	// Sources are the inputs that are read from outside when the step starts.
	Sources []string `json:"sources,omitempty"`
	// Reusable steps are looked up in the cache, and run once at a time.
	Reusable bool `json:"reusable"`
	// Publishes is set where outputs are written to datastore paths.
	Publishes bool `json:"publishes,omitempty"`
	// Registers are the outputs that become assets.
	Registers []string `json:"registers,omitempty"`
	// Summary is one line for people.
	Summary string `json:"summary,omitempty"`
	// Instances is how many run at once, where there are several.
	Instances int `json:"instances,omitempty"`
	// GPUs is how many the step asks for, where it asks for several.
	GPUs int `json:"gpus,omitempty"`
	// Kind is there where the node is not just a program, as the plan has it.
	Kind pipeline.Kind `json:"kind,omitempty"`
	// Sweep is what is known of a sweep, but for its search space, and Sampled
	// are the inputs that each trial has its own of.
	Sweep   *pipeline.Sweep `json:"sweep,omitempty"`
	Sampled []string        `json:"sampled,omitempty"`
	// Slots is on how many a node that works on mini-batches runs at once.
	Slots int `json:"slots,omitempty"`
	// Loop is there where the node is one.
	Loop *LoopGraph `json:"loop,omitempty"`
	// Retry says which failures of the node's program are tried again.
	Retry *pipeline.Retry `json:"retry,omitempty"`
	// Guards must all hold for the node to run.
	Guards []Guard `json:"guards,omitempty"`
	// Priority is that of the step's task, 1 the highest; 0 for Temporal's own.
	Priority int `json:"priority,omitempty"`
}

// Edge is an input bound to an earlier node's output.
type Edge struct {
	Input    string `json:"input"`
	Node     int    `json:"node"`
	Output   string `json:"output"`
	Optional bool   `json:"optional,omitempty"`
	// Literal inputs take the value of a control output, not its file.
	Literal bool `json:"literal,omitempty"`
}

// Given is an input that takes its value from inputs of the loop whose iteration
// the job is.
type Given struct {
	Input string `json:"input"`
	// Fetched inputs are data: where the value is the address of some, that is
	// read when the step starts.
	Fetched bool `json:"fetched,omitempty"`
	pipeline.Binding
}

// Guard is a condition: what an earlier node's control output holds, or a value
// that is known. See [pipeline.Guard].
type Guard struct {
	// Node is the node with the output, -1 where Value is the condition.
	Node   int    `json:"node"`
	Output string `json:"output,omitempty"`
	Value  bool   `json:"value,omitempty"`
	// Parameter is the input of a loop that is the condition, if one is.
	Parameter string `json:"parameter,omitempty"`
	Want      bool   `json:"want"`
	// Of is the name of the if_else node.
	Of string `json:"of"`
}

// maxInstances bounds how many tasks a step becomes. One with more runs as one,
// which says that they are too many.
const maxInstances = 256

// NewGraph makes the graph of a pinned plan.
func NewGraph(plan *pipeline.Plan) Graph {
	g := Graph{ContinueOnFailure: plan.Settings.ContinueOnStepFailure, Nodes: make([]Node, len(plan.Steps))}
	index := make(map[string]int, len(plan.Steps))
	for i := range plan.Steps {
		step := &plan.Steps[i]
		index[step.Name] = i
		n := Node{
			Name:     step.Name,
			Queue:    step.Queue,
			Role:     step.Role,
			Reusable: step.Deterministic && !plan.Settings.ForceRerun,
			Summary:  summary(step),
			Kind:     step.Kind,
			Sweep:    sweepOf(step),
			Sampled:  sampledOf(step),
			Retry:    step.Retry,
			Priority: priority(step.Priority),
			Guards:   newGuards(step.Guards, index),
			Loop:     newLoopGraph(step.Loop),
		}
		// Without a distribution there is one, as in Azure ML.
		if count := step.Resources.InstanceCount; step.Distribution != nil && count > 1 && count <= maxInstances {
			n.Instances = count
		}
		if step.Parallel != nil {
			n.Slots = min(max(1, step.Resources.InstanceCount), maxInstances)
		}
		if step.Resources.GPUs > 1 {
			n.GPUs = step.Resources.GPUs
		}
		for _, in := range step.Inputs {
			switch b := in.Binding; {
			case b.Step != nil:
				n.Edges = append(n.Edges, Edge{Input: in.Name, Node: index[b.Step.Step], Output: b.Step.Output, Optional: in.Optional, Literal: in.Type.IsLiteral()})
			case b.Parameter != "" || b.Joined != nil:
				n.Given = append(n.Given, Given{Input: in.Name, Fetched: !in.Type.IsLiteral() && in.Mode != pipeline.Direct, Binding: b})
			case b.Source != nil && b.Source.Artifact == nil && in.Mode != pipeline.Direct:
				n.Sources = append(n.Sources, in.Name)
			}
		}
		for _, out := range step.Outputs {
			n.Publishes = n.Publishes || out.Path != ""
			if out.Asset != nil {
				n.Registers = append(n.Registers, out.Name)
				g.Registers = true
			}
		}
		g.Nodes[i] = n
	}
	return g
}

// summary says which step it is and where it runs. Commands do not belong here:
// the Temporal UI takes the dollar signs in them for mathematics.
func summary(step *pipeline.Step) string {
	text := step.Name + " on " + step.Queue
	if step.DisplayName != "" && step.DisplayName != step.Name {
		text += " (" + step.DisplayName + ")"
	}
	const most = 200 // Temporal's bound is 400 bytes
	if len(text) <= most {
		return text
	}
	return cut(text, most) + "..."
}

// cut is what a text begins with, at most so many bytes of it.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
