package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/pipeline"
)

// ProgressQuery is the name of the query that tells how far a job is. Its
// argument is the version that the asker knows (0 for none); the answer is a
// [Progress].
const ProgressQuery = "progress"

// Progress is what changed since the asker's version.
type Progress struct {
	// Version is what to ask with next.
	Version int `json:"version"`
	// Steps are the states that changed, oldest change first. Where More is
	// set there are further ones; ask again.
	Steps []pipeline.StepState `json:"steps,omitempty"`
	More  bool                 `json:"more,omitempty"`
}

// maxAnswer bounds the steps of one answer: a message may have 4 MB.
const maxAnswer = 1000

func (e *execution) touch(i int) {
	e.version++
	e.changed[i] = e.version
	if len(e.nodes) <= maxDetails {
		workflow.SetCurrentDetails(e.ctx, e.details()+e.questions())
	}
}

func (e *execution) progress(since int) (Progress, error) {
	p := Progress{Version: e.version}
	at := make(map[int]int) // version -> node
	var versions []int
	for i, v := range e.changed {
		if v > since {
			at[v] = i
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	if len(versions) > maxAnswer {
		versions = versions[:maxAnswer]
		p.Version, p.More = versions[maxAnswer-1], true
	}
	for _, v := range versions {
		p.Steps = append(p.Steps, e.steps[at[v]])
	}
	return p, nil
}

// maxDetails is the number of steps up to which the Temporal UI shows a table.
const maxDetails = 60

// details is what the Temporal UI shows of a job without opening a payload.
func (e *execution) details() string {
	var b strings.Builder
	b.WriteString("| step | state | queue | |\n|---|---|---|---|\n")
	for _, s := range e.steps {
		state, note := shown(s)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Name, state, s.Queue, cell(note))
	}
	return b.String()
}

// shown is a step's state in a word, and what there is to say of it.
func shown(s pipeline.StepState) (state, note string) {
	state, note = string(s.Status), s.Waiting
	switch {
	case s.Skipped != "":
		return "Skipped", s.Skipped
	case s.Reused != nil:
		state, note = "Reused", "from "+s.Reused.Job+"."+s.Reused.Step
	case s.Failure != nil:
		note = s.Failure.Message
	case s.Status == pipeline.Queued && note == "" && s.Parts == nil:
		// Whether a worker has taken it is not told to the workflow.
		state = "Queued or running"
	}
	if s.Parts != nil && (s.Status != pipeline.Running || note == "") { // else the note says it in words
		note = joined(s.Parts.String(), note)
	}
	return state, joined(note, measures(s.Metrics))
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// maxMeasures is how many metrics of a step the table has room for.
const maxMeasures = 4

// measures lists the last values of a step's metrics, by name.
func measures(metrics map[string]pipeline.Metric) string {
	names := workflow.DeterministicKeys(metrics)
	var parts []string
	for i, name := range names {
		if i == maxMeasures {
			parts = append(parts, fmt.Sprintf("%d more", len(names)-maxMeasures))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %.4g", name, float64(metrics[name].Last)))
	}
	return strings.Join(parts, ", ")
}

// cell makes text fit to stand in a row of a table.
func cell(text string) string {
	return strings.NewReplacer("\n", " ", "|", "/").Replace(text)
}
