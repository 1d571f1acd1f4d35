package workflows

import "github.com/millrace-ml/millrace/pipeline"

func (e *execution) loop(i int) {
	e.fail(i, pipeline.Failure{Kind: pipeline.Invalid, Message: "loop steps do not run yet"})
}
