package azureml

import (
	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// ownKinds are the kinds of nodes, components and jobs that have rules of their
// own, besides commands and pipelines.
var ownKinds = []string{"sweep", "parallel", "if_else", "do_while", "parallel_for", "spark", "data_transfer", "approval"}

// laterKinds are the kinds that do not run.
var laterKinds = []string{"automl", "import", "finetuning", "distillation"}

// ownNode reads a node of one of the ownKinds.
func (l *loader) ownNode(nd *node, n *yaml.Node, kind string, at yaml.Pos) {
	switch kind {
	case "sweep":
		l.sweepNode(nd, n, at)
	case "parallel":
		l.parallelNode(nd, n, at)
	case "if_else":
		l.ifElse(nd, n, at)
	case "do_while":
		l.doWhile(nd, n, at)
	case "parallel_for":
		l.parallelFor(nd, n, at)
	case "spark":
		l.sparkNode(nd, n, at)
	case "data_transfer":
		l.transferNode(nd, n, at)
	case "approval":
		l.approvalNode(nd, n, at)
	}
}

// ownComponent reads a component of one of the ownKinds, and reports whether it
// can be used.
func (l *loader) ownComponent(c *component, n *yaml.Node, kind string, at yaml.Pos) bool {
	switch kind {
	case "parallel":
		return l.parallelProgram(c, n, at)
	case "spark":
		return l.sparkComponent(c, n, at)
	case "data_transfer":
		return l.transferComponent(c, n, at)
	}
	l.problems.errorf(at, "write it as a node of a pipeline", "component %s has the type %s, of which there are no components", quote(c.name), kind)
	return false
}

// ownJob reads a job of one of the ownKinds.
func (l *loader) ownJob(job *Job, root *yaml.Node, kind string, at yaml.Pos) {
	switch kind {
	case "sweep":
		l.sweepJob(job, root, at)
	case "spark":
		l.sparkJob(job, root, at)
	case "data_transfer":
		l.transferJob(job, root, at)
	default:
		l.problems.errorf(at, "write it as a node of a pipeline", "there are no jobs of the type %s", kind)
	}
}
