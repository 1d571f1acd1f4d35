package activities

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// uv stands in for the real one: everything resolves to the same package.
const uv = `#!/bin/sh
case "$1 $2" in
"--version "*) echo uv 0.13.9 ;;
"pip compile")
	if grep -q nosuch; then echo 'error: No solution found
  cause: Because nosuch was not found in the package registry' >&2; exit 1; fi
	echo 'tool==1.0 \'; echo '    --hash=sha256:00' ;;
venv*) for last; do :; done; exec python3 -m venv --without-pip "$last" ;;
esac
`

// furnish has the activities make environments, and counts what is read of
// their locks.
func furnish(t *testing.T, a *Activities) *reads {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "bin", "uv"), []byte(uv), 0o755); err != nil {
		t.Fatal(err)
	}
	counted := &reads{Records: a.Store}
	folder, tools := environment.Places(home)
	a.Environments = &environment.Manager{
		Folder: folder, Tools: tools, Locks: &environment.Locks{Store: counted},
		Environ: []string{"PATH=" + filepath.Join(home, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")},
	}
	a.Runner.Environments = a.Environments
	return counted
}

type reads struct {
	environment.Records
	n atomic.Int64
}

func (r *reads) ReadRecord(ctx context.Context, key string) ([]byte, error) {
	r.n.Add(1)
	return r.Records.ReadRecord(ctx, key)
}

// wide is a plan of steps that ask for the environments of conda files.
func wide(n int, dependency string) *pipeline.Plan {
	plan := &pipeline.Plan{Schema: pipeline.PlanSchema, Type: pipeline.PipelineJob, Name: "job"}
	for range n {
		plan.Steps = append(plan.Steps, pipeline.Step{
			Name: "s", Deterministic: true, Queue: "cpu", Command: pipeline.Template{{Text: "true"}},
			Environment: pipeline.Environment{Image: "ubuntu", Conda: "name: tools\ndependencies:\n  - " + dependency + "\n"},
		})
	}
	return plan
}

func ready(n int) []Ready {
	var all []Ready
	for i := range n {
		all = append(all, Ready{Step: i})
	}
	return all
}

// prepare runs the activity Prepare as Temporal would.
func (a *Activities) prepare(t *testing.T, plan *pipeline.Plan) (PrepareResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.Prepare, activity.RegisterOptions{Name: "Prepare"})
	value, err := env.ExecuteActivity("Prepare", PrepareInput{Job: "job", Plan: a.keep(t, plan), Step: 0})
	var result PrepareResult
	if err == nil {
		err = value.Get(&result)
	}
	return result, err
}

func TestStepsHaveNoKeyUntilTheirEnvironmentIsKnown(t *testing.T) {
	a, plan := newActivities(t), wide(3, "tool")
	furnish(t, a)
	host := "one machine"
	a.Host = func() []cache.Ingredient { return []cache.Ingredient{{Label: "host packages", Text: host}} }
	resolve := func() []Resolved {
		t.Helper()
		got, err := a.Resolve(t.Context(), ResolveInput{Job: "job", Plan: a.keep(t, plan), Ready: ready(3)})
		if err != nil || len(got.Steps) != 3 {
			t.Fatal(got, err)
		}
		return got.Steps
	}
	for _, r := range resolve() {
		if r.Key != "" || !strings.HasPrefix(r.Unprepared, "tools (") || r.Unprepared != resolve()[0].Unprepared {
			t.Errorf("got %+v", r)
		}
	}
	result, err := a.prepare(t, plan)
	if err != nil || !strings.Contains(result.Environment, "tools: Python 3.") || !strings.HasSuffix(result.Environment, ", 1 package") {
		t.Fatalf("prepared %+v, %v", result, err)
	}
	known := resolve()
	if known[0].Key == "" || known[0].Unprepared != "" {
		t.Fatalf("got %+v", known[0])
	}
	// What the machine has beside it does not matter, nor what the file calls it.
	host = "another machine"
	plan.Steps[0].Environment = pipeline.Environment{Image: "debian", Conda: "name: other\ndependencies:\n  - tool\n"}
	if again := resolve(); again[0].Key != known[0].Key {
		t.Error("the key holds more than the packages")
	}
}

func TestStepsSayWhereTheirEnvironmentIsNotAsItWasAskedFor(t *testing.T) {
	a, plan := newActivities(t), wide(2, "python=2.1\n  - tool")
	furnish(t, a)
	if _, err := a.prepare(t, plan); err != nil {
		t.Fatal(err)
	}
	got, err := a.Resolve(t.Context(), ResolveInput{Job: "job", Plan: a.keep(t, plan), Ready: ready(2)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Steps {
		if !strings.HasPrefix(r.Note, "environment tools: Python 2.1 is asked for and is not on this machine; Python 3.") {
			t.Errorf("the note is %q", r.Note)
		}
	}
}

func TestANoteOnAnEnvironmentIsShort(t *testing.T) {
	long := strings.Repeat("ä", maxNote)
	for _, changed := range [][]string{{long}, {"a", long, "c"}, {long, "b"}} {
		if note := noteOn("tools", changed); len(note) > maxNote+20 || !utf8.ValidString(note) {
			t.Errorf("got %q", note)
		}
	}
	if got, want := noteOn("tools", []string{"a", "b", long}), "environment tools: a; b; and 1 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := noteOn("tools", nil); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}

func TestAStepIsRememberedByItsPackages(t *testing.T) {
	a, plan := newActivities(t), wide(1, "tool")
	furnish(t, a)
	if _, err := a.prepare(t, plan); err != nil {
		t.Fatal(err)
	}
	digest := a.keep(t, plan)
	first, err := a.Resolve(t.Context(), ResolveInput{Job: "job", Plan: digest, Ready: ready(1)})
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.Step, activity.RegisterOptions{Name: "Step"})
	if _, err := env.ExecuteActivity("Step", StepInput{Job: "job", Plan: digest, Name: "s", Key: first.Steps[0].Key, Reusable: true}); err != nil {
		t.Fatal(err)
	}
	again, err := a.Resolve(t.Context(), ResolveInput{Job: "other", Plan: digest, Ready: ready(1)})
	if err != nil || again.Steps[0].From == nil {
		t.Fatalf("not reused: %+v, %v", again, err)
	}
	ingredients, err := a.Cache.IngredientsOf(t.Context(), cache.Key(first.Steps[0].Key))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(ingredients)
	if !slices.Contains(ingredients, cache.Ingredient{Label: "environment packages", Text: "tool==1.0"}) || strings.Contains(string(text), "conda") {
		t.Errorf("ingredients: %s", text)
	}
	if key := cache.KeyOf(ingredients); string(key) != first.Steps[0].Key {
		t.Error("the ingredients are not those of the key")
	}
}

func TestManyStepsReadTheirLockOnce(t *testing.T) {
	a, plan := newActivities(t), wide(1000, "tool")
	counted := furnish(t, a)
	if _, err := a.prepare(t, plan); err != nil {
		t.Fatal(err)
	}
	a.Environments.Locks = &environment.Locks{Store: counted} // another process
	counted.n.Store(0)
	if _, err := a.Resolve(t.Context(), ResolveInput{Job: "job", Plan: a.keep(t, plan), Ready: ready(1000)}); err != nil {
		t.Fatal(err)
	}
	if n := counted.n.Load(); n != 1 {
		t.Errorf("the lock was read %d times", n)
	}
}

func TestAnEnvironmentThatCannotBeIsTheUsersFault(t *testing.T) {
	for _, dependency := range []string{"nosuch", "openjdk=11"} {
		a, plan := newActivities(t), wide(1, dependency)
		furnish(t, a)
		_, err := a.prepare(t, plan)
		var application *temporal.ApplicationError
		if !errors.As(err, &application) || !application.NonRetryable() || !strings.Contains(err.Error(), strings.TrimSuffix(dependency, "=11")) {
			t.Errorf("%s: got %v", dependency, err)
		}
	}
}

func TestAWorkerThatMakesNoEnvironmentsSaysSo(t *testing.T) {
	a, plan := newActivities(t), wide(1, "tool")
	got, err := a.Resolve(t.Context(), ResolveInput{Job: "job", Plan: a.keep(t, plan), Ready: ready(1)})
	if err != nil || got.Steps[0].Key == "" {
		t.Errorf("with the machine's own software: %+v, %v", got, err)
	}
	if _, err := a.prepare(t, plan); err == nil || !strings.Contains(err.Error(), "give both the same setting") {
		t.Errorf("got %v", err)
	}
}
