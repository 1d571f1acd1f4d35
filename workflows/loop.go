package workflows

import "github.com/millrace-ml/millrace/pipeline"

// Iteration says which iteration of a loop a job is.
type Iteration struct {
	// Of is the name of the loop's own job, and Number counts from 1.
	Of     string `json:"of"`
	Number int    `json:"number"`
	// Root is the job that the user submitted.
	Root string `json:"root"`
}

func (e *execution) loop(i int) {
	e.fail(i, pipeline.Failure{Kind: pipeline.Invalid, Message: "loop steps do not run yet"})
}
