package azureml

import "github.com/millrace-ml/millrace/dialects/azureml/yaml"

func (l *loader) sweepNode(nd *node, _ *yaml.Node, at yaml.Pos) { l.laterNode(nd, "sweep", at) }

func (l *loader) sweepJob(_ *Job, _ *yaml.Node, at yaml.Pos) { l.laterJob("sweep", at) }
