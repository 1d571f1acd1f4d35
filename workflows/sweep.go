package workflows

import "github.com/millrace-ml/millrace/pipeline"

func (e *execution) sweep(i int) {
	e.fail(i, pipeline.Failure{Kind: pipeline.Invalid, Message: "sweep steps do not run yet"})
}
