package pipeline

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Trial is one run of a sweep's program.
type Trial struct {
	// Number counts the trials of a sweep from 1.
	Number int `json:"number"`
	// Values are the sampled values, by the name of the input.
	Values map[string]string `json:"values"`
	// At is where they lie in the search space, for samplers that learn.
	At     []float64 `json:"at,omitempty"`
	Status Status    `json:"status"`
	// Stopped says why the trial was ended early, where it was. It then is
	// Canceled, and its metrics are kept.
	Stopped string `json:"stopped,omitempty"`
	// Metric is the metric that trials are compared by; nil where the program
	// has not reported it.
	Metric *Metric `json:"metric,omitempty"`
	Key    string  `json:"key,omitempty"`
	Reused *Origin `json:"reused_from,omitempty"`
	Worker string  `json:"worker,omitempty"`
	// Attempts counts how often the program was started.
	Attempts int       `json:"attempts,omitempty"`
	Started  time.Time `json:"start_time,omitzero"`
	Ended    time.Time `json:"end_time,omitzero"`
	ExitCode *int      `json:"exit_code,omitempty"`
	// Error says in words why it failed.
	Error string `json:"error,omitempty"`
	// Artifacts are its logs, and what else it left.
	Artifacts *Artifact `json:"artifacts,omitempty"`
}

// Score is what the trial is compared by; ok is false where there is nothing to
// compare.
func (t *Trial) Score(minimise bool) (score float64, ok bool) {
	if t.Metric == nil || t.Metric.Count == 0 {
		return 0, false
	}
	score = t.Metric.Best(minimise)
	return score, !math.IsNaN(score)
}

// Compare orders trials, the better first. Those without a score come last, and
// equals by their numbers.
func (t *Trial) Compare(other *Trial, minimise bool) int {
	mine, ok := t.Score(minimise)
	theirs, has := other.Score(minimise)
	switch {
	case ok != has:
		if ok {
			return -1
		}
		return 1
	case !ok || mine == theirs:
		return t.Number - other.Number
	case (mine < theirs) == minimise:
		return -1
	}
	return 1
}

// TrialName is the name of a step's trial: "train.3".
func TrialName(step string, number int) string { return step + "." + strconv.Itoa(number) }

// TrialNumber is the number of the trial that a name is of; ok is false for a
// name that is no trial's of the step.
func TrialNumber(step, name string) (number int, ok bool) {
	rest, ok := strings.CutPrefix(name, step+".")
	if !ok {
		return 0, false
	}
	number, err := strconv.Atoi(rest)
	return number, err == nil && number > 0 && TrialName(step, number) == name
}
