package azureml

import (
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// leftOut are the inputs of a job's file that a schedule leaves out: the inputs
// which it gives take the place of all of the file's, as in Azure ML. What then is
// wrong shows in the file, where nothing is wrong.
type leftOut struct {
	// at is where the inputs of the schedule stand.
	at    yaml.Pos
	names []string
	known map[string]bool
}

// leavesOut finds what of the inputs of a job is not among those that are put in
// their place; nil where nothing is.
func leavesOut(job, over *yaml.Node) *leftOut {
	before, after := job.Get("inputs"), over.Entry("inputs")
	if before == nil || after == nil {
		return nil
	}
	lo := &leftOut{at: after.Pos(), known: map[string]bool{}}
	for _, in := range before.Entries {
		if after.Value.Entry(in.Key) == nil {
			lo.known[in.Key] = true
			lo.names = append(lo.names, clip(in.Key))
		}
	}
	return lo
}

// hint says why a job has no input of that name, if that is why.
func (lo *leftOut) hint(name string) (string, bool) {
	if lo == nil || !lo.known[name] {
		return "", false
	}
	const most = 24
	list := strings.Join(lo.names[:min(len(lo.names), most)], ", ")
	if more := len(lo.names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("the inputs at %s:%d take the place of all inputs of the file, and leave out %s: give what is needed there, too",
		lo.at.Doc.Name, lo.at.Line, list), true
}
