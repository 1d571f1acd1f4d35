package azureml

import (
	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// singleJob makes the draft of a job that is one node of a kind of its own, as
// a command job is one command; nil where that is a mistake. read is given the
// node with its inputs and outputs.
func (l *loader) singleJob(root *yaml.Node, keys keySet, what string, read func(nd *node)) *draft {
	l.checkKeys(root, keys)
	nd := &node{name: pipeline.MainStep, at: root.Pos(), inputsAt: root.Pos()}
	nd.inputs = l.arguments(root, false)
	l.jobArguments(nd.inputs)
	nd.outputs = l.results(root, outputKeys)
	l.noPromotions(nd.outputs, "an output of "+what)
	nd.priority = l.priority(root)
	if read(nd); nd.runs == nil {
		return nil
	}
	l.constants(nd.settings(), what)
	s := pipeline.Settings{ContinueOnStepFailure: true, DefaultCompute: l.computeName(root, "compute")}
	g := &graph{label: "this job", ofCommand: true}
	g.nodes.add(nd)
	return l.draft(&scope{graph: g}, s)
}

// inlineComponent is what a node of a kind of its own is that names no
// component: one with the ports that the node gives.
func (l *loader) inlineComponent(nd *node, n *yaml.Node, kind string) *component {
	c := &component{kind: kind, name: nd.name, inline: true, ofJob: n.KeyPos().IsZero(), program: &program{}}
	for _, a := range nd.inputs.list {
		c.inputs.add(&port{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	for _, r := range nd.outputs.list {
		c.outputs.add(&result{name: r.name, at: r.at, broken: r.broken})
	}
	return c
}

// portsFit counts the ports of another node, and reports whether there is room
// for them.
func (l *loader) portsFit(nd *node, c *component) bool {
	fits := l.portCount <= maxPorts
	if l.portCount += len(c.inputs.list) + len(c.outputs.list); l.portCount <= maxPorts {
		return true
	}
	if fits {
		l.problems.errorf(nd.at, "", "the nodes up to here have more than %d inputs and outputs", maxPorts)
	}
	return false
}
