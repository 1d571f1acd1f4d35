package workflows

import (
	"testing"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// A sweep with a best trial says of the others that they failed.
func TestASweepWarnsOfTrialsThatFailed(t *testing.T) {
	crash := &pipeline.Failure{Message: "the program ended with exit code 4"}
	for _, test := range []struct {
		name  string
		state activities.SweepState
		want  string
	}{
		{"none failed", activities.SweepState{Parts: pipeline.Parts{Total: 3}}, ""},
		{"one failed", activities.SweepState{Parts: pipeline.Parts{Total: 3, Failed: 1}, Failure: crash},
			"1 of 3 trials failed; the first: the program ended with exit code 4"},
		{"and the environment is another", activities.SweepState{Parts: pipeline.Parts{Total: 3, Failed: 2}, Failure: crash, Warning: "no such image"},
			"2 of 3 trials failed; the first: the program ended with exit code 4; no such image"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &sweeping{state: test.state}
			if got := s.warning(test.state.Parts); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
