package azureml

import "github.com/millrace-ml/millrace/dialects/azureml/yaml"

func (l *loader) parallelNode(nd *node, _ *yaml.Node, at yaml.Pos) { l.laterNode(nd, "parallel", at) }

func (l *loader) parallelProgram(c *component, _ *yaml.Node, at yaml.Pos) bool {
	return l.laterComponent(c, "parallel", at)
}
