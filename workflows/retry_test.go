package workflows

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// flaky is a job of one step, whose attempts end one after the other as they are
// told: with an exit code, or because of the time-out.
type flaky struct {
	scripted
	ends  []any // int, or pipeline.FailureKind
	began []activities.StepInput
	at    []time.Time
	env   *testsuite.TestWorkflowEnvironment
}

func (f *flaky) attempt(_ context.Context, in activities.StepInput) (activities.StepResult, error) {
	n := len(f.began)
	f.began = append(f.began, in)
	f.at = append(f.at, f.env.Now())
	number := activities.Attempt{Number: in.Tried + 1, Worker: "w"}
	failure := pipeline.Failure{Kind: pipeline.UserFailure}
	switch end := f.ends[n].(type) {
	case int:
		number.ExitCode = &end
		if end == 0 {
			return activities.StepResult{Outputs: output(in.Name), Attempt: number}, nil
		}
		failure.ExitCode, failure.Message = &end, fmt.Sprintf("exit code %d", end)
	case pipeline.FailureKind:
		failure.Kind, failure.Message = end, string(end)
	}
	return activities.StepResult{}, temporal.NewNonRetryableApplicationError(failure.Message, string(failure.Kind), nil, activities.StepFailed{
		Failure: failure, Attempt: number, Outputs: map[string]pipeline.Artifact{pipeline.Artifacts: {Digest: pipeline.Digest(fmt.Sprint("log of ", n+1))}},
	})
}

func (f *flaky) begin(t *testing.T, r *pipeline.Retry, prepare ...func()) error {
	t.Helper()
	f.graph = graph("train")
	f.graph.Nodes[0].Retry = r
	return f.run(t, func(env *testsuite.TestWorkflowEnvironment) {
		f.env = env
		env.RegisterActivityWithOptions(f.attempt, activity.RegisterOptions{Name: "Step", DisableAlreadyRegisteredCheck: true})
		for _, p := range prepare {
			p()
		}
	})
}

func TestAFailureThatTheFileNamesIsTriedAgain(t *testing.T) {
	const limit = pipeline.Timeout
	for _, c := range []struct {
		name     string
		retry    *pipeline.Retry
		ends     []any
		attempts int
		message  string // of the failure, if it is one
	}{
		{"no retry", nil, []any{1}, 1, "exit code 1"},
		{"any exit code", &pipeline.Retry{Attempts: 3}, []any{1, 2, 0}, 3, ""},
		{"until the attempts are used up", &pipeline.Retry{Attempts: 3}, []any{1, 2, 3}, 3, "exit code 3 (attempt 3 of 3)"},
		{"one attempt", &pipeline.Retry{Attempts: 1}, []any{1}, 1, "exit code 1"},
		{"some exit codes", &pipeline.Retry{Attempts: 3, ExitCodes: []int{75, 137}}, []any{75, 137, 0}, 3, ""},
		{"another exit code", &pipeline.Retry{Attempts: 3, ExitCodes: []int{75}}, []any{75, 1}, 2, "exit code 1"},
		{"a time-out", &pipeline.Retry{Attempts: 3}, []any{limit}, 1, "timeout"},
		{"a time-out that is named", &pipeline.Retry{Attempts: 3, OnTimeout: true}, []any{limit, 0}, 2, ""},
		{"a step that cannot run", &pipeline.Retry{Attempts: 3, OnTimeout: true}, []any{pipeline.Invalid}, 1, "invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &flaky{ends: c.ends}
			err := f.begin(t, c.retry)
			if (err == nil) != (c.message == "") {
				t.Errorf("the job ended with %v", err)
			}
			state := f.finished.Steps[0]
			if len(f.began) != c.attempts || state.Attempts != c.attempts || len(state.Tries) != min(c.attempts-1, len(c.ends)-1) {
				t.Errorf("%d attempts were begun; the step has %d, and keeps %d earlier ones", len(f.began), state.Attempts, len(state.Tries))
			}
			if c.message != "" && state.Failure.Message != c.message {
				t.Errorf("the failure is %q, want %q", state.Failure.Message, c.message)
			}
			for n, in := range f.began {
				if in.Tried != n {
					t.Errorf("attempt %d was begun as if there had been %d", n+1, in.Tried)
				}
			}
		})
	}
}

func TestThePauseBetweenAttemptsGrows(t *testing.T) {
	f := &flaky{ends: []any{1, 1, 1, 1, 0}}
	var waiting string
	err := f.begin(t, &pipeline.Retry{Attempts: 5, Delay: 10, Factor: 3, MaxDelay: 60}, func() {
		f.env.RegisterDelayedCallback(func() {
			var p Progress
			if answer, err := f.env.QueryWorkflow(ProgressQuery, 0); err == nil && answer.Get(&p) == nil {
				waiting = p.Steps[0].Waiting
			}
		}, 5*time.Second)
	})
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	for i := 1; i < len(f.at); i++ {
		pauses = append(pauses, f.at[i].Sub(f.at[i-1]).Round(time.Second))
	}
	if diff := cmp.Diff([]time.Duration{10 * time.Second, 30 * time.Second, time.Minute, time.Minute}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	if waiting != "attempt 2 of 5 in 10s: exit code 1" {
		t.Errorf("meanwhile the step says %q", waiting)
	}
	if first := f.finished.Steps[0].Tries[0]; first.Number != 1 || *first.ExitCode != 1 || first.Artifacts.Digest != "log of 1" {
		t.Errorf("the first attempt is kept as %+v", first)
	}
}

func TestACancelEndsThePauseBetweenAttempts(t *testing.T) {
	f := &flaky{ends: []any{1}}
	err := f.begin(t, &pipeline.Retry{Attempts: 5, Delay: 3600}, func() { f.env.RegisterDelayedCallback(f.env.CancelWorkflow, time.Minute) })
	if !temporal.IsCanceledError(err) {
		t.Errorf("the job ended with %v", err)
	}
	if state := f.finished.Steps[0]; state.Status != pipeline.Canceled || state.Attempts != 1 || len(f.began) != 1 {
		t.Errorf("the step is %s after %d attempts", state.Status, len(f.began))
	}
}
