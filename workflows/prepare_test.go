package workflows

import (
	"context"
	"slices"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// prepare makes the environment of a step, unless its name says otherwise:
// "broken" cannot be made, "fleeting" is gone as soon as it is made.
func (s *scripted) prepare(_ context.Context, in activities.PrepareInput) (activities.PrepareResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.graph.Nodes[in.Step].Name
	s.ran = append(s.ran, "prepare for "+name)
	switch e := s.environment[name]; e {
	case "broken":
		failure := pipeline.Failure{Kind: pipeline.UserFailure, Message: "no such package"}
		return activities.PrepareResult{}, temporal.NewNonRetryableApplicationError(failure.Message, "user", nil, activities.StepFailed{Failure: failure})
	case "fleeting":
	default:
		s.prepared = map[string]bool{e: true}
	}
	return activities.PrepareResult{Environment: "python 3.11"}, nil
}

func TestAnEnvironmentIsMadeOnceForAllWhoAskForIt(t *testing.T) {
	s := &scripted{graph: graph("a", "b", "c < a"), environment: map[string]string{"a": "tools", "b": "tools", "c": "tools"}}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "Completed", "b": "Completed", "c": "Completed"})
	if s.ran[0] != "prepare for a" || len(s.ran) != 4 {
		t.Errorf("ran %v", s.ran)
	}
}

func TestStepsWithoutTheEnvironmentDoNotWaitForIt(t *testing.T) {
	s := &scripted{graph: graph("a", "b"), environment: map[string]string{"a": "broken"}}
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed", "b": "Completed"})
	if s.finished.Failure.Message != "no such package" || slices.Contains(s.ran, "a") {
		t.Errorf("failed for %+v, ran %v", s.finished.Failure, s.ran)
	}
}

func TestAnEnvironmentThatDoesNotLastIsGivenUp(t *testing.T) {
	s := &scripted{graph: graph("a"), environment: map[string]string{"a": "fleeting"}}
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed"})
	if len(s.ran) != maxRounds {
		t.Errorf("ran %v", s.ran)
	}
}

func TestStepsCarryTheWarningOfTheirEnvironment(t *testing.T) {
	s := &scripted{
		graph: graph("a", "b < a", "c"), outcome: map[string]string{"a": "hit"},
		environment: map[string]string{"a": "substituted", "b": "substituted"},
	}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "reused", "b": "Completed", "c": "Completed"})
	for _, state := range s.finished.Steps {
		if warned := state.Warning == "it is another Python"; warned != (state.Name != "c") {
			t.Errorf("the warning of %s is %q", state.Name, state.Warning)
		}
	}
}

func TestAHitThatLiesAheadStillNeedsItsEnvironment(t *testing.T) {
	s := &scripted{
		graph: graph("a", "b < a"), outcome: map[string]string{"a": "hit", "b": "hit"}, ahead: []string{"b"},
		environment: map[string]string{"b": "tools"},
	}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "reused", "b": "reused"})
	if !slices.Equal(s.ran, []string{"prepare for b"}) {
		t.Errorf("ran %v", s.ran)
	}
}
