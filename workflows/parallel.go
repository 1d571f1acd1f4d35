package workflows

import "github.com/millrace-ml/millrace/pipeline"

func (e *execution) parallel(i int) {
	e.fail(i, pipeline.Failure{Kind: pipeline.Invalid, Message: "parallel steps do not run yet"})
}
