package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// nearest says what Millrace does that comes nearest to a kind that it does not
// run; n is what was written, whose task may say more.
func nearest(kind string, n *yaml.Node) string {
	task := ""
	if t := n.Get("task"); t != nil && t.IsScalar() {
		task = strings.ToLower(t.Text)
	}
	const over = "the nearest is \"type: sweep\" over a component of yours that trains "
	switch {
	case kind == "import":
		return "the nearest is \"type: data_transfer\" with \"task: import_data\": the same source, and an output called sink"
	case kind == "finetuning":
		return "the nearest is a command that trains further from a model given as an input of the type mlflow_model or custom_model"
	case kind == "distillation":
		return "the nearest is a pipeline of commands: one asks the teacher for answers, the next trains the student on them"
	case task == "forecasting":
		return over + "a forecaster, such as one of statsmodels or scikit-learn"
	case task == "regression":
		return over + "regressors of scikit-learn, with the choice of the model among its parameters"
	case strings.HasPrefix(task, "image_"):
		return over + "a model of torchvision further"
	case strings.HasPrefix(task, "text_"):
		return over + "a model of transformers further"
	}
	return over + "classifiers of scikit-learn, with the choice of the model among its parameters"
}

// refuseNode refuses a node of a kind that does not run.
func (l *loader) refuseNode(nd *node, n *yaml.Node, kind string, at yaml.Pos) {
	l.problems.errorf(at, nearest(kind, n), "node %s is %s node, which Millrace does not run", quote(nd.name), withArticle(kind))
}

// refuseComponent refuses a component of a kind that does not run.
func (l *loader) refuseComponent(c *component, n *yaml.Node, kind string, at yaml.Pos) {
	l.problems.errorf(at, nearest(kind, n), "component %s is %s component, which Millrace does not run", quote(c.name), withArticle(kind))
}

// refuseJob refuses a job of a kind that does not run.
func (l *loader) refuseJob(root *yaml.Node, kind string, at yaml.Pos) {
	l.problems.errorf(at, nearest(kind, root), "this is %s job, which Millrace does not run", withArticle(kind))
}
