package azureml

import "github.com/millrace-ml/millrace/dialects/azureml/yaml"

func (l *loader) approvalNode(nd *node, _ *yaml.Node, at yaml.Pos) { l.laterNode(nd, "approval", at) }
