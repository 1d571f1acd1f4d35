package azureml

import "github.com/millrace-ml/millrace/dialects/azureml/yaml"

func (l *loader) ifElse(nd *node, _ *yaml.Node, at yaml.Pos)  { l.laterNode(nd, "if_else", at) }
func (l *loader) doWhile(nd *node, _ *yaml.Node, at yaml.Pos) { l.laterNode(nd, "do_while", at) }
func (l *loader) parallelFor(nd *node, _ *yaml.Node, at yaml.Pos) {
	l.laterNode(nd, "parallel_for", at)
}
