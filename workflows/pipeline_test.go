package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// scripted stands in for the activities: every step is told how to behave.
type scripted struct {
	graph Graph
	// outcome tells a step how to end: "" completes, "hit" is found in the
	// cache, "busy" is computed elsewhere at first, "fail" fails, "hang" runs
	// until it is canceled. Resolve answers for all steps in ahead at once.
	outcome map[string]string
	keys    map[string]string
	ahead   []string
	// values are what the control outputs of a step hold.
	values map[string]map[string]string
	// environment names what a step asks for; what is in prepared need not be
	// made any more.
	environment map[string]string
	prepared    map[string]bool
	// carried is the input of a run that goes on where another one ended.
	carried PipelineInput

	mu        sync.Mutex
	ran       []string
	questions int
	inputs    map[string]map[string]pipeline.Value
	finished  activities.FinishInput
}

func (s *scripted) key(name string) string {
	if k := s.keys[name]; k != "" {
		return k
	}
	return "key of " + name
}

func output(name string) map[string]pipeline.Artifact {
	return map[string]pipeline.Artifact{"out": {Digest: pipeline.Digest("made by " + name)}}
}

func (s *scripted) resolve(_ context.Context, in activities.ResolveInput) (activities.ResolveResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.questions++
	var r activities.ResolveResult
	add := func(i int) {
		name := s.graph.Nodes[i].Name
		if e := s.environment[name]; e != "" && !s.prepared[e] {
			r.Steps = append(r.Steps, activities.Resolved{Step: i, Unprepared: e})
			return
		}
		answer := activities.Resolved{Step: i, Key: s.key(name)}
		if s.environment[name] == "substituted" {
			answer.Note = "it is another Python"
		}
		if s.outcome[name] == "hit" {
			answer.From, answer.Outputs = &pipeline.Origin{Job: "earlier", Step: name}, output(name)
		}
		r.Steps = append(r.Steps, answer)
	}
	for _, ready := range in.Ready {
		add(ready.Step)
	}
	for _, name := range s.ahead {
		i := slices.IndexFunc(s.graph.Nodes, func(n Node) bool { return n.Name == name })
		if !slices.ContainsFunc(r.Steps, func(r activities.Resolved) bool { return r.Step == i }) {
			add(i)
		}
	}
	return r, nil
}

func (s *scripted) step(ctx context.Context, in activities.StepInput) (activities.StepResult, error) {
	s.mu.Lock()
	s.inputs[in.Name] = in.Inputs
	outcome := s.outcome[in.Name]
	if outcome == "busy" {
		s.outcome[in.Name] = "hit"
		s.mu.Unlock()
		return activities.StepResult{Busy: &pipeline.Origin{Job: "other", Step: in.Name}}, nil
	}
	s.ran = append(s.ran, in.Name)
	s.mu.Unlock()
	code := 0
	switch outcome {
	case "fail":
		code = 3
		failure := pipeline.Failure{Kind: pipeline.UserFailure, Message: "exit code 3", ExitCode: &code, LogTail: []string{"1", "2", "epoch 9", "no such column"}}
		return activities.StepResult{}, temporal.NewNonRetryableApplicationError(failure.Message, "user", nil,
			activities.StepFailed{Failure: failure, Attempt: activities.Attempt{ExitCode: &code, Number: 1}})
	case "hang":
		<-ctx.Done()
		return activities.StepResult{}, temporal.NewCanceledError()
	}
	return activities.StepResult{Outputs: output(in.Name), Reported: activities.Reported{Values: s.values[in.Name]}, Attempt: activities.Attempt{Number: 1, ExitCode: &code}}, nil
}

func (s *scripted) run(t *testing.T, prepare ...func(*testsuite.TestWorkflowEnvironment)) error {
	t.Helper()
	s.inputs = make(map[string]map[string]pipeline.Value)
	if s.outcome == nil {
		s.outcome = make(map[string]string)
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	env.RegisterWorkflowWithOptions(Pipeline, workflow.RegisterOptions{Name: PipelineType})
	for name, f := range map[string]any{
		"Resolve": s.resolve, "Step": s.step,
		"Await":   func(context.Context, activities.AwaitInput) error { return nil },
		"Publish": func(context.Context, activities.PublishInput) error { return nil },
		"Fetch": func(_ context.Context, in activities.FetchInput) (activities.FetchResult, error) {
			return activities.FetchResult{Values: map[string]pipeline.Value{in.Inputs[0]: pipeline.Text("fetched")}}, nil
		},
		"Prepare": s.prepare,
		"Finish":  func(_ context.Context, in activities.FinishInput) error { s.finished = in; return nil },
	} {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	for _, p := range prepare {
		p(env)
	}
	in := s.carried
	if in.Job == "" {
		in = PipelineInput{Job: "job", Plan: "plan", Graph: s.graph}
	}
	env.ExecuteWorkflow(PipelineType, in)
	if !env.IsWorkflowCompleted() {
		t.Fatal("the workflow did not end")
	}
	return env.GetWorkflowError()
}

// graph is written as "name < upstream upstream?", a question mark making the
// input optional.
func graph(lines ...string) Graph {
	g := Graph{ContinueOnFailure: true}
	at := make(map[string]int)
	for i, line := range lines {
		name, after, _ := strings.Cut(line, "<")
		n := Node{Name: strings.TrimSpace(name), Queue: CPUQueue, Reusable: true}
		for k, from := range strings.Fields(after) {
			up, optional := strings.CutSuffix(from, "?")
			n.Edges = append(n.Edges, Edge{Input: fmt.Sprintf("in%d", k), Node: at[up], Output: "out", Optional: optional})
		}
		at[n.Name] = i
		g.Nodes = append(g.Nodes, n)
	}
	return g
}

func (s *scripted) statuses() map[string]string {
	m := make(map[string]string)
	for _, state := range s.finished.Steps {
		m[state.Name] = string(state.Status)
		if state.Reused != nil {
			m[state.Name] = "reused"
		}
	}
	return m
}

func (s *scripted) want(t *testing.T, status pipeline.Status, steps map[string]string) {
	t.Helper()
	if s.finished.Status != status {
		t.Errorf("the job ended %s, want %s", s.finished.Status, status)
	}
	if diff := cmp.Diff(steps, s.statuses()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestAStepStartsWhenItsOwnInputsExist(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a", "c < a b", "d")}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "Completed", "b": "Completed", "c": "Completed", "d": "Completed"})
	if slices.Index(s.ran, "a") > slices.Index(s.ran, "b") || slices.Index(s.ran, "b") > slices.Index(s.ran, "c") {
		t.Errorf("ran in the order %v", s.ran)
	}
	if got := s.inputs["c"]["in1"].Artifact.Digest; got != "made by b" {
		t.Errorf("c got %q as its second input", got)
	}
}

func TestAWhollyReusedPipelineIsOneQuestion(t *testing.T) {
	s := &scripted{
		graph:   graph("a", "b < a", "c < b"),
		outcome: map[string]string{"a": "hit", "b": "hit", "c": "hit"},
		ahead:   []string{"b", "c"},
	}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "reused", "b": "reused", "c": "reused"})
	if s.questions != 1 || len(s.ran) != 0 {
		t.Errorf("%d questions, ran %v; want 1 and none", s.questions, s.ran)
	}
}

func TestAMissFoundAheadIsNotAskedForAgain(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a"), outcome: map[string]string{"a": "hit"}, ahead: []string{"b"}}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "reused", "b": "Completed"})
	if s.questions != 1 {
		t.Errorf("%d questions, want 1", s.questions)
	}
}

func TestAFailureStopsOnlyWhatDependsOnIt(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a", "c < b", "d", "e < d"), outcome: map[string]string{"a": "fail"}}
	err := s.run(t)
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || application.Message() != "step a failed: exit code 3; it last printed:\n2\nepoch 9\nno such column" {
		t.Errorf("the workflow ended with %v", err)
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed", "b": "NotStarted", "c": "NotStarted", "d": "Completed", "e": "Completed"})
	if s.finished.Step != "a" || *s.finished.Failure.ExitCode != 3 {
		t.Errorf("recorded failure %q %+v", s.finished.Step, s.finished.Failure)
	}
}

func TestAFailureStopsEverythingWhereTheSettingsSaySo(t *testing.T) {
	s := &scripted{graph: graph("a", "slow", "after < slow"), outcome: map[string]string{"a": "fail", "slow": "hang"}}
	s.graph.ContinueOnFailure = false
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed", "slow": "Canceled", "after": "NotStarted"})
}

func TestAnOptionalInputDoesNotTieAStepToAFailedOne(t *testing.T) {
	s := &scripted{graph: graph("a", "b", "c < a? b"), outcome: map[string]string{"a": "fail"}}
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed", "b": "Completed", "c": "Completed"})
	if _, ok := s.inputs["c"]["in0"]; ok {
		t.Error("c was given the output of a step that failed")
	}
}

func TestTheSameWorkInOneJobRunsOnce(t *testing.T) {
	s := &scripted{graph: graph("a", "b"), keys: map[string]string{"a": "same", "b": "same"}}
	found := func(env *testsuite.TestWorkflowEnvironment) {
		env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
			if info.ActivityType.Name == "Step" {
				s.mu.Lock()
				s.outcome["b"] = "hit"
				s.mu.Unlock()
			}
		})
	}
	if err := s.run(t, found); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "Completed", "b": "reused"})
}

func TestTheSecondOfTwoEqualStepsRunsWhenTheFirstFails(t *testing.T) {
	s := &scripted{graph: graph("a", "b"), keys: map[string]string{"a": "same", "b": "same"}, outcome: map[string]string{"a": "fail"}}
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"a": "Failed", "b": "Completed"})
}

func TestAStepThatAnotherJobComputesIsAwaited(t *testing.T) {
	s := &scripted{graph: graph("a"), outcome: map[string]string{"a": "busy"}}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	s.want(t, pipeline.Completed, map[string]string{"a": "reused"})
	if len(s.ran) != 0 {
		t.Errorf("ran %v, want none", s.ran)
	}
}

func TestSourcesAreFetchedBeforeTheStep(t *testing.T) {
	s := &scripted{graph: graph("a")}
	s.graph.Nodes[0].Sources = []string{"data"}
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	if v := s.inputs["a"]["data"]; v.Literal == nil || *v.Literal != "fetched" {
		t.Errorf("a got %+v as its input", v)
	}
}

func TestInitRunsFirstAndFinalizeLast(t *testing.T) {
	s := &scripted{graph: graph("clean", "work", "prepare"), outcome: map[string]string{"work": "fail"}}
	s.graph.Nodes[0].Role, s.graph.Nodes[2].Role = pipeline.Finalize, pipeline.Init
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	if diff := cmp.Diff([]string{"prepare", "work", "clean"}, s.ran); diff != "" {
		t.Error(diff)
	}
}

func TestNothingFollowsAFailedInit(t *testing.T) {
	s := &scripted{graph: graph("prepare", "work", "clean"), outcome: map[string]string{"prepare": "fail"}}
	s.graph.Nodes[0].Role, s.graph.Nodes[2].Role = pipeline.Init, pipeline.Finalize
	if err := s.run(t); err == nil {
		t.Fatal("the workflow completed")
	}
	s.want(t, pipeline.Failed, map[string]string{"prepare": "Failed", "work": "NotStarted", "clean": "Completed"})
}

func TestCancelEndsWhatRunsAndStartsNothing(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a", "c"), outcome: map[string]string{"a": "hang"}}
	err := s.run(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Second)
	})
	if !temporal.IsCanceledError(err) {
		t.Errorf("the workflow ended with %v, want a canceled error", err)
	}
	s.want(t, pipeline.Canceled, map[string]string{"a": "Canceled", "b": "Canceled", "c": "Completed"})
}

func TestProgressTellsOnlyWhatChanged(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a"), outcome: map[string]string{"a": "hit", "b": "hit"}}
	var all, none Progress
	err := s.run(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {}, time.Hour)
		t.Cleanup(func() {
			for since, into := range map[int]*Progress{0: &all, 1 << 20: &none} {
				v, err := env.QueryWorkflow(ProgressQuery, since)
				if err != nil {
					t.Fatal(err)
				}
				if err := v.Get(into); err != nil {
					t.Fatal(err)
				}
			}
			if len(all.Steps) != 2 || all.Steps[0].Name != "a" || len(none.Steps) != 0 {
				t.Errorf("from the beginning: %+v; from the end: %+v", all, none)
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A job whose history grows too long goes on in a new run of the workflow, with
// what is done already done.
func TestALongJobGoesOnInANewRun(t *testing.T) {
	s := &scripted{graph: graph("a", "b < a", "c < b", "d", "e < d"), outcome: map[string]string{"d": "fail"}}
	var next PipelineInput
	var kept []activities.States
	err := s.run(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterActivityWithOptions(func(_ context.Context, states activities.States) (pipeline.Digest, error) {
			kept = append(kept, states)
			return "kept", nil
		}, activity.RegisterOptions{Name: "Keep"})
		env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
			if info.ActivityID == "a" {
				env.SetCurrentHistoryLength(maxEvents + 1)
			}
		})
	})
	var again *workflow.ContinueAsNewError
	if !errors.As(err, &again) {
		t.Fatalf("the workflow ended with %v, want it to continue as new", err)
	}
	if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &next); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]pipeline.Digest{"kept"}, next.Carried); diff != "" {
		t.Fatal(diff)
	}

	second := &scripted{graph: s.graph, carried: next, outcome: map[string]string{}}
	err = second.run(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterActivityWithOptions(func(_ context.Context, _ pipeline.Digest) (activities.States, error) {
			return kept[0], nil
		}, activity.RegisterOptions{Name: "TakeUp"})
	})
	if err == nil {
		t.Error("the job completed, although d had failed")
	}
	second.want(t, pipeline.Failed, map[string]string{"a": "Completed", "b": "Completed", "c": "Completed", "d": "Failed", "e": "NotStarted"})
	if diff := cmp.Diff([]string{"b", "c"}, second.ran); diff != "" {
		t.Errorf("the second run ran (-want +got):\n%s", diff)
	}
	if !second.finished.Started.Equal(next.Started) {
		t.Errorf("the job is said to have started at %v, want %v", second.finished.Started, next.Started)
	}
}

func TestOutputsAreRegisteredWhenAllHasGoneWell(t *testing.T) {
	register := func(called *int, result activities.RegisterResult) func(*testsuite.TestWorkflowEnvironment) {
		return func(env *testsuite.TestWorkflowEnvironment) {
			env.RegisterActivityWithOptions(func(_ context.Context, in activities.RegisterInput) (activities.RegisterResult, error) {
				*called++
				if got := in.Outputs["a"]["out"].Digest; got != "made by a" {
					t.Errorf("registered %q", got)
				}
				return result, nil
			}, activity.RegisterOptions{Name: "Register"})
		}
	}
	registering := func(text ...string) Graph {
		g := graph(text...)
		g.Registers, g.Nodes[0].Registers = true, []string{"out"}
		return g
	}
	registered := activities.RegisterResult{Assets: []activities.Registered{{Step: "a", Output: "out", Asset: "azureml:net:1"}}}

	var called int
	s := scripted{graph: registering("a", "b < a")}
	if err := s.run(t, register(&called, registered)); err != nil || called != 1 || len(s.finished.Assets) != 1 {
		t.Errorf("registered %d times, recorded %v, error %v", called, s.finished.Assets, err)
	}

	called = 0
	s = scripted{graph: registering("a", "b < a"), outcome: map[string]string{"b": "fail"}}
	if err := s.run(t, register(&called, registered)); err == nil || called != 0 {
		t.Errorf("a failed job registered %d times, error %v", called, err)
	}

	s = scripted{graph: registering("a")}
	refused := activities.RegisterResult{Failure: &pipeline.Failure{Kind: pipeline.UserFailure, Message: "taken"}}
	if err := s.run(t, register(&called, refused)); err == nil || s.finished.Status != pipeline.Failed || s.finished.Failure.Message != "taken" {
		t.Errorf("a job whose outputs cannot be registered is %s: %v", s.finished.Status, err)
	}
}
