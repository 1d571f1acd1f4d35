package azureml

import "github.com/millrace-ml/millrace/dialects/azureml/yaml"

func (l *loader) sparkNode(nd *node, _ *yaml.Node, at yaml.Pos) { l.laterNode(nd, "spark", at) }

func (l *loader) sparkComponent(c *component, _ *yaml.Node, at yaml.Pos) bool {
	return l.laterComponent(c, "spark", at)
}

func (l *loader) sparkJob(_ *Job, _ *yaml.Node, at yaml.Pos) { l.laterJob("spark", at) }
