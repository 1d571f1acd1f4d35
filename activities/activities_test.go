package activities

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

func newActivities(t *testing.T) *Activities {
	t.Helper()
	dir := t.TempDir()
	store, err := artifact.Open(context.Background(), "file://"+filepath.ToSlash(filepath.Join(dir, "store")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return New(Activities{
		Store: store, Cache: cache.New(store), Records: record.New(store),
		Runner: &step.Runner{Store: store, Executor: new(process.Executor), Work: filepath.Join(dir, "work"), Environ: []string{"PATH=/usr/bin:/bin"}},
		Host:   func() []cache.Ingredient { return nil },
	})
}

// chain is a plan of steps of which each reads what the one before wrote.
func chain(names ...string) *pipeline.Plan {
	plan := &pipeline.Plan{Schema: pipeline.PlanSchema, Type: pipeline.PipelineJob, Name: "job"}
	for i, name := range names {
		s := pipeline.Step{
			Name: name, Deterministic: true, Queue: "cpu",
			Command: pipeline.Template{{Text: "echo " + name + " > "}, {Output: "o"}, {Text: "/file"}},
			Outputs: []pipeline.Output{{Name: "o", Type: pipeline.URIFolder}},
		}
		if i > 0 {
			s.Inputs = []pipeline.Input{{Name: "i", Type: pipeline.URIFolder, Binding: pipeline.Binding{Step: &pipeline.OutputRef{Step: names[i-1], Output: "o"}}}}
		}
		plan.Steps = append(plan.Steps, s)
	}
	return plan
}

func (a *Activities) keep(t *testing.T, plan *pipeline.Plan) pipeline.Digest {
	t.Helper()
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := a.Store.PutBytes(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	return stored.Digest
}

// remember records what a step made, as if it had run in another job.
func (a *Activities) remember(t *testing.T, s *pipeline.Step, inputs map[string]pipeline.Value) map[string]pipeline.Artifact {
	t.Helper()
	made, err := a.Store.PutBytes(context.Background(), []byte("made by "+s.Name))
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]pipeline.Artifact{"o": made}
	ingredients := cache.Ingredients(s, inputs, nil)
	err = a.Cache.Record(context.Background(), cache.Entry{
		Key: cache.KeyOf(ingredients), Outputs: outputs, Ingredients: ingredients, Job: "earlier", Step: s.Name, Created: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// rememberAll records the first n steps of a chain.
func (a *Activities) rememberAll(t *testing.T, plan *pipeline.Plan, n int) {
	inputs := map[string]pipeline.Value{}
	for i := range n {
		outputs := a.remember(t, &plan.Steps[i], inputs)
		inputs = map[string]pipeline.Value{"i": pipeline.Content(outputs["o"])}
	}
}

// answers says of each step in the answer whether it is a hit.
func answers(plan *pipeline.Plan, r ResolveResult) map[string]bool {
	hits := make(map[string]bool)
	for _, s := range r.Steps {
		hits[plan.Steps[s.Step].Name] = s.From != nil
	}
	return hits
}

func TestOneQuestionWalksThroughAllHits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		known  int
		change func(*pipeline.Plan)
		want   map[string]bool
	}{
		{"nothing is known", 0, nil, map[string]bool{"a": false}},
		{"the beginning is known", 2, nil, map[string]bool{"a": true, "b": true, "c": false}},
		{"all is known", 4, nil, map[string]bool{"a": true, "b": true, "c": true, "d": true}},
		{"force_rerun", 4, func(p *pipeline.Plan) { p.Settings.ForceRerun = true }, map[string]bool{"a": false}},
		{"b is not deterministic", 4, func(p *pipeline.Plan) { p.Steps[1].Deterministic = false }, map[string]bool{"a": true, "b": false}},
		{"b reads from outside", 4, func(p *pipeline.Plan) {
			p.Steps[1].Inputs = append(p.Steps[1].Inputs, pipeline.Input{Name: "x", Type: pipeline.URIFile,
				Binding: pipeline.Binding{Source: &pipeline.Source{URI: "https://host/x"}}})
		}, map[string]bool{"a": true}},
		{"something else comes first", 4, func(p *pipeline.Plan) { p.Steps[3].Role = pipeline.Init }, map[string]bool{"a": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, plan := newActivities(t), chain("a", "b", "c", "d")
			a.rememberAll(t, plan, tt.known)
			if tt.change != nil {
				tt.change(plan)
			}
			got, err := a.Resolve(context.Background(), ResolveInput{Job: "job", Plan: a.keep(t, plan), Ready: []Ready{{Step: 0}}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, answers(plan, got)); diff != "" {
				t.Errorf("hits (-want +got):\n%s", diff)
			}
		})
	}
}

// Another worker, with the right store, may find it.
func TestAJobOfAnotherStoreIsLeftToOtherWorkersFirst(t *testing.T) {
	a := newActivities(t)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.Step, activity.RegisterOptions{Name: "Step"})
	_, err := env.ExecuteActivity("Step", StepInput{Job: "job", Plan: pipeline.NewDigest(make([]byte, 32))})
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || application.NonRetryable() || !strings.Contains(err.Error(), "MILLRACE_STORE") {
		t.Errorf("got %v, want an error that is retried, and names the setting", err)
	}
}

// execute runs the activity Step for the first step of a plan as Temporal would.
func (a *Activities) execute(t *testing.T, plan *pipeline.Plan) (StepResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.Step, activity.RegisterOptions{Name: "Step"})
	s := &plan.Steps[0]
	in := StepInput{
		Job: plan.Name, Plan: a.keep(t, plan), Name: s.Name, Reusable: s.Deterministic, Ready: Ready{Step: 0},
		Key: string(cache.KeyOf(cache.Ingredients(s, nil, nil))),
	}
	value, err := env.ExecuteActivity("Step", in)
	if err != nil {
		return StepResult{}, err
	}
	var result StepResult
	if err := value.Get(&result); err != nil {
		t.Fatal(err)
	}
	return result, nil
}

func TestAStepThatRanIsRemembered(t *testing.T) {
	a, plan := newActivities(t), chain("a")
	first, err := a.execute(t, plan)
	if err != nil {
		t.Fatal(err)
	}
	if first.From != nil || first.Outputs["o"].Files != 1 || *first.ExitCode != 0 {
		t.Fatalf("first run: %+v", first)
	}
	again, err := a.execute(t, plan)
	if err != nil {
		t.Fatal(err)
	}
	if again.From != nil || !again.Started.Equal(first.Started) {
		t.Errorf("a second attempt of the same step ran it again: %+v", again)
	}
	plan.Name = "other"
	reused, err := a.execute(t, plan)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&pipeline.Origin{Job: "job", Step: "a"}, reused.From); diff != "" {
		t.Errorf("in another job: %s", diff)
	}
	if diff := cmp.Diff(first.Outputs["o"], reused.Outputs["o"]); diff != "" {
		t.Errorf("outputs in another job: %s", diff)
	}
}

func TestAFailedStepSaysHowAndIsNotRetried(t *testing.T) {
	a, plan := newActivities(t), chain("a")
	plan.Steps[0].Command = pipeline.Template{{Text: "echo about to fail; exit 7"}}
	_, err := a.execute(t, plan)
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || !application.NonRetryable() || application.Type() != string(pipeline.UserFailure) {
		t.Fatalf("got %v, want a user failure that is not retried", err)
	}
	var details StepFailed
	if err := application.Details(&details); err != nil {
		t.Fatal(err)
	}
	if *details.Failure.ExitCode != 7 || len(details.Failure.LogTail) != 1 || details.Outputs[pipeline.Artifacts].IsZero() {
		t.Errorf("details %+v", details)
	}
	// The claim is free again, and the ingredients are known.
	plan.Name = "other"
	if _, err := a.execute(t, plan); !errors.As(err, &application) {
		t.Errorf("the next job got %v", err)
	}
	key := cache.KeyOf(cache.Ingredients(&plan.Steps[0], nil, nil))
	if known, err := a.Cache.IngredientsOf(context.Background(), key); err != nil || known == nil {
		t.Errorf("the ingredients of the failed step: %v, %v", known, err)
	}
}

func TestWhatIsNotDeterministicIsNotRemembered(t *testing.T) {
	a, plan := newActivities(t), chain("a")
	plan.Steps[0].Deterministic = false
	for range 2 {
		result, err := a.execute(t, plan)
		if err != nil {
			t.Fatal(err)
		}
		if result.From != nil {
			t.Errorf("reused from %+v", result.From)
		}
	}
}
