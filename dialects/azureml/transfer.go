package azureml

import "github.com/millrace-ml/millrace/dialects/azureml/yaml"

func (l *loader) transferNode(nd *node, _ *yaml.Node, at yaml.Pos) {
	l.laterNode(nd, "data_transfer", at)
}

func (l *loader) transferComponent(c *component, _ *yaml.Node, at yaml.Pos) bool {
	return l.laterComponent(c, "data_transfer", at)
}

func (l *loader) transferJob(_ *Job, _ *yaml.Node, at yaml.Pos) { l.laterJob("data_transfer", at) }
