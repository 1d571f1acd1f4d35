package transfer

import (
	"context"
	"fmt"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// The tasks, in Azure ML's words.
const (
	copyData   = "copy_data"
	importData = "import_data"
	exportData = "export_data"
)

// Mover moves data.
type Mover struct {
	Store       *artifact.Store
	Places      *datastore.Resolver
	Connections connection.Shelf
}

// Task is what to move.
type Task struct {
	Job, Step string
	Attempt   int
	Transfer  *pipeline.Transfer
	// Inputs are what is copied or exported, in the order of the file.
	Inputs []Input
	// Output is where it goes; nil of an export.
	Output *pipeline.Output
	// Kept is set where something in the job reads the output: then it has to be
	// in the store.
	Kept bool
}

// Input is what an input of the step holds: an artifact, or an address.
type Input struct {
	Name  string
	Type  pipeline.PortType
	Value pipeline.Value
}

// Result is what was moved.
type Result struct {
	// Outputs is the output, where it is in the store. It is then still to be
	// published.
	Outputs map[string]pipeline.Artifact `json:"outputs,omitempty"`
	Metrics map[string]pipeline.Metric   `json:"metrics,omitempty"`
}

// Run moves the data, or what an earlier attempt has left of it. The progress
// may be read meanwhile.
func (m *Mover) Run(ctx context.Context, t Task, p *Progress) (Result, error) {
	j, err := openJournal(ctx, m.Store, t)
	if err != nil {
		return Result{}, err
	}
	if j.result != nil {
		return *j.result, nil
	}
	var r Result
	switch x := t.Transfer.External; {
	case t.Transfer.Task == copyData:
		r, err = m.copy(ctx, t, j, p)
	case x == nil:
		return Result{}, invalid("", "the step does not say what is moved")
	case t.Transfer.Task == importData && x.Type == "database":
		r, err = m.importRows(ctx, t, p)
	case t.Transfer.Task == importData:
		r, err = m.importFiles(ctx, t, j, p)
	case t.Transfer.Task == exportData && x.Type == "database":
		r, err = m.exportRows(ctx, t, j, p)
	case t.Transfer.Task == exportData:
		r, err = m.exportFiles(ctx, t, j, p)
	default:
		return Result{}, invalid("", "%q is not a task of a data transfer", t.Transfer.Task)
	}
	if err != nil {
		return Result{}, err
	}
	return r, j.finish(ctx, r)
}

// metrics tell how much was moved.
func metrics(of map[string]int64) map[string]pipeline.Metric {
	all := make(map[string]pipeline.Metric, len(of))
	for name, n := range of {
		all[name] = pipeline.Metric{}.Add(0, float64(n))
	}
	return all
}

func failure(kind pipeline.FailureKind, hint, format string, args ...any) error {
	return &pipeline.Failure{Kind: kind, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// wrong is for what the user has to put right.
func wrong(hint, format string, args ...any) error {
	return failure(pipeline.UserFailure, hint, format, args...)
}

// invalid is for what can never be done as it is written.
func invalid(hint, format string, args ...any) error {
	return failure(pipeline.Invalid, hint, format, args...)
}

// unreachable is for what another try may mend.
func unreachable(format string, args ...any) error {
	return failure(pipeline.Infrastructure, "", format, args...)
}
