package environment_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAPythonThatIsNotThereIsSaid(t *testing.T) {
	m := newMachine(t, "python3", "python3.9", "python3.12")
	for _, tt := range []struct {
		wanted, got string
		changed     bool
	}{
		{"six", "3.11.5", false}, // the usual one
		{"python=3.9", "3.9.5", false},
		{"python=3.9.18", "3.9.5", false}, // a patch makes no difference
		{"python>=3.12", "3.12.5", false},
		{"python>=3.8,<3.10", "3.9.5", false},
		{"python=3", "3.11.5", false},
		{"python=3.8", "3.9.5", true},
		{"python=3.10", "3.11.5", true}, // of two as near the newer one
		{"python=2.7", "3.9.5", true},
	} {
		lock := m.prepare(tt.wanted)
		if lock.Python != tt.got || len(lock.Changed) > 0 != tt.changed {
			t.Errorf("%s: Python %s, changed %q", tt.wanted, lock.Python, lock.Changed)
		}
		if tt.changed && !strings.Contains(lock.Changed[0], "is asked for and is not on this machine; Python "+tt.got+" is taken") {
			t.Errorf("%s: %q", tt.wanted, lock.Changed)
		}
	}
	if !strings.Contains(m.saidText(), "warning: Python 3.8 is asked for") {
		t.Errorf("said:\n%s", m.saidText())
	}
}

func TestPinsGiveWayToTheNearestThatThereIs(t *testing.T) {
	m := newMachine(t)
	lock := m.prepare("python=3.8", "pandas=1.1", "numpy=1.19.5", "six=1.16", "pip:\n    - oldtool")
	if !has(lock, "pandas==1.5.0", "numpy==1.26.0", "six==1.16.0", "oldtool==0.1") {
		t.Errorf("packages: %q", lock.Packages())
	}
	changed := strings.Join(lock.Changed, "\n")
	for _, want := range []string{"Python 3.8 is asked for", "pandas==1.1.* has no build for Python 3.11, or none that goes with the others; 1.5.0 is taken", "numpy==1.19.5.*"} {
		if !strings.Contains(changed, want) {
			t.Errorf("%q is not said:\n%s", want, changed)
		}
	}
	if strings.Contains(changed, "six") || len(lock.Changed) != 3 {
		t.Errorf("too much is said:\n%s", changed)
	}
}

func TestWhatNoPythonHasIsNotRelaxed(t *testing.T) {
	m := newMachine(t)
	_, err := m.Prepare(t.Context(), conda("python=3.8", "six=99"), "cpu", false, m.watch())
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Kind != pipeline.UserFailure || !strings.Contains(failure.Message, "six==99.*") {
		t.Errorf("got %v", err)
	}
}

func TestPinsHoldWhereThePythonIsAsAskedFor(t *testing.T) {
	m := newMachine(t)
	_, err := m.Prepare(t.Context(), conda("python=3.11", "pandas=1.1"), "cpu", false, m.watch())
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Kind != pipeline.UserFailure || !strings.Contains(failure.Message, "pandas==1.1.*") {
		t.Errorf("got %v", err)
	}
}

func TestStrictTakesNothingElse(t *testing.T) {
	m := newMachine(t)
	m.Strict = true
	_, err := m.Prepare(t.Context(), conda("python=3.8", "six"), "cpu", false, m.watch())
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Kind != pipeline.Invalid || !strings.Contains(failure.Message, "asks for Python 3.8, which is not on this machine") {
		t.Errorf("got %v", err)
	}
	// Nor what somebody less strict has resolved before.
	m.Strict = false
	lock := m.prepare("python=3.8", "six")
	m.Strict = true
	if _, err := m.Resolve(t.Context(), conda("python=3.8", "six"), "cpu", false, m.watch()); err == nil {
		t.Error("a lock that differs is taken")
	}
	if err := m.Make(t.Context(), lock, m.watch()); err == nil {
		t.Error("a lock that differs is made")
	}
}

func TestWhatOnlyCondaHasIsRefusedByName(t *testing.T) {
	m := newMachine(t)
	_, err := m.Prepare(t.Context(), conda("r-base=4.1", "graphviz", "six"), "cpu", false, m.watch())
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Kind != pipeline.Invalid || !strings.Contains(failure.Message, "needs what only conda has: graphviz, r-base") {
		t.Errorf("got %v", err)
	}
}

func TestAllJobsAndWorkersHaveTheSameUntilItIsRenewed(t *testing.T) {
	one := newMachine(t)
	first := one.prepare("six")
	// Another worker, of another process, whose index has moved on: it still
	// finds what the first one resolved.
	other := managerAt(one.home, one.store)
	second, err := other.Resolve(t.Context(), conda("six"), "cpu", false, environment.Watch{})
	must(t, err)
	if first.Digest() != second.Digest() || one.asked("pip compile") != 1 {
		t.Errorf("resolved %d times: %s, %s", one.asked("pip compile"), first.Digest(), second.Digest())
	}
	// The same packages by another name, and in another order.
	same := pipeline.Environment{Conda: "name: other\nchannels:\n  - x\ndependencies:\n- pip\n- six\n"}
	if third, err := other.Resolve(t.Context(), same, "cpu", false, environment.Watch{}); err != nil || third.Digest() != first.Digest() {
		t.Errorf("another name has another lock: %v", err)
	}
	if one.asked("pip compile") != 1 {
		t.Error("another name was resolved anew")
	}
	// Another queue has machines of its own.
	if _, err := other.Resolve(t.Context(), conda("six"), "gpu", false, environment.Watch{}); err != nil || one.asked("pip compile") != 2 {
		t.Errorf("%v; resolved %d times", err, one.asked("pip compile"))
	}
	if _, err := other.Resolve(t.Context(), conda("six"), "cpu", true, environment.Watch{}); err != nil || one.asked("pip compile") != 3 {
		t.Errorf("%v; resolved %d times", err, one.asked("pip compile"))
	}
}

func TestOfTwoWhoResolveAtOnceTheFirstCounts(t *testing.T) {
	m := newMachine(t)
	spec, err := environment.Wanted(conda("six"))
	must(t, err)
	lock := func(n string) *environment.Lock {
		return &environment.Lock{Kind: environment.Venv, Name: "test", Python: "3.11.5", Requirements: "six==" + n + "\n"}
	}
	first, err := m.Locks.Keep(t.Context(), spec, "cpu", lock("1"), false)
	must(t, err)
	second, err := (&environment.Locks{Store: m.store}).Keep(t.Context(), spec, "cpu", lock("2"), false)
	must(t, err)
	if first.Digest() != second.Digest() || second.Requirements != "six==1\n" {
		t.Errorf("two locks: %+v, %+v", first, second)
	}
}

// counting counts what is read of a store.
type counting struct {
	environment.Records
	reads atomic.Int64
}

func (c *counting) ReadRecord(ctx context.Context, key string) ([]byte, error) {
	c.reads.Add(1)
	return c.Records.ReadRecord(ctx, key)
}

func TestALockIsNotReadForEveryStep(t *testing.T) {
	m := newMachine(t)
	m.prepare("six")
	records := &counting{Records: m.store}
	locks := &environment.Locks{Store: records}
	spec, err := environment.Wanted(conda("six"))
	must(t, err)
	for range 1000 {
		if lock, err := locks.Find(t.Context(), spec, "cpu"); lock == nil || err != nil {
			t.Fatal(lock, err)
		}
	}
	if n := records.reads.Load(); n > 3 { // a slow machine may need longer than it is remembered
		t.Errorf("read %d times", n)
	}
}

func TestADamagedLockIsResolvedAnew(t *testing.T) {
	m := newMachine(t)
	m.prepare("six")
	keys, err := m.store.ListRecords(t.Context(), "environments/")
	must(t, err)
	if len(keys) != 1 {
		t.Fatal(keys)
	}
	must(t, m.store.WriteRecord(t.Context(), keys[0], []byte("{")))
	lock, err := managerAt(m.home, m.store).Resolve(t.Context(), conda("six"), "cpu", false, environment.Watch{})
	must(t, err)
	if !has(lock, "six==1.17.0") {
		t.Errorf("got %+v", lock)
	}
}

func TestEnvironmentsWithoutPackagesAreTheMachines(t *testing.T) {
	for _, e := range []pipeline.Environment{{}, {Image: "python:3.12"}, {Reference: "azureml:mine@latest"}, {Build: &pipeline.Build{Dockerfile: "Dockerfile"}}} {
		if spec, err := environment.Wanted(e); spec != nil || err != nil {
			t.Errorf("%+v wants %+v, %v", e, spec, err)
		}
	}
}

func TestCuratedNamesFindTheirPackages(t *testing.T) {
	for _, c := range environment.AllCurated() {
		spec := environment.CuratedSpec(c.Name)
		if spec == nil || spec.Python == "" || len(spec.Requirements) < 3 {
			t.Errorf("%s has no requirement set: %+v", c.Name, spec)
		}
	}
	for reference, want := range map[string]string{
		"azureml:AzureML-sklearn-0.24-ubuntu18.04-py37-cpu:1":                                 "scikit-learn~=1.0.0; python_version < \"3.11\"",
		"azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest":                             "scikit-learn~=1.0.0; python_version < \"3.11\"",
		"azureml:AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu@latest":                            "lightgbm~=3.2.0",
		"azureml:AzureML-pytorch-1.9-ubuntu18.04-py37-cuda11-gpu:19":                          "torch~=1.13.0; python_version < \"3.11\"",
		"azureml:AzureML-ACPT-pytorch-1.11-py38-cuda11.3-gpu@latest":                          "torch~=1.13.0; python_version < \"3.11\"",
		"azureml:AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu@latest":                   "tensorflow~=2.12.0",
		"azureml:AzureML-tensorflow-2.16-cuda12@latest":                                       "tensorflow~=2.16.0",
		"azureml:AzureML-responsibleai-0.20-ubuntu20.04-py38-cpu@latest":                      "responsibleai",
		"azureml:AzureML-minimal-ubuntu18.04-py37-cpu-inference@latest":                       "azureml-inference-server-http",
		"azureml://registries/azureml/environments/sklearn-1.5/labels/latest":                 "scikit-learn~=1.5.0",
		"azureml://registries/azureml/environments/acpt-pytorch-2.8-cuda12.6/versions/12":     "torch~=2.8.0",
		"azureml://registries/azureml/environments/ai-ml-automl-dnn-text-gpu/versions/1":      "transformers<5",
		"azureml://registries/azureml/environments/acft-hf-nlp-gpu/labels/latest":             "peft",
		"azureml://registries/azureml/environments/acpt-pytorch-2.99-cuda99/labels/latest":    "torch~=2.8.0",
		"azureml://registries/azureml/environments/foundation-model-inference/labels/default": "torch",
	} {
		spec, err := environment.Wanted(pipeline.Environment{Reference: reference})
		if err != nil || spec == nil || !slices.Contains(spec.Requirements, want) {
			t.Errorf("%s: %+v, %v", reference, spec, err)
		}
	}
	spec, err := environment.Wanted(pipeline.Environment{Image: "mcr.microsoft.com/azureml/curated/tensorflow-2.12-cuda11:latest"})
	if err != nil || spec == nil || !slices.Contains(spec.Requirements, "tensorflow~=2.12.0") {
		t.Errorf("the image of a curated one: %+v, %v", spec, err)
	}
	if spec := environment.CuratedSpec("nothing-1.0-like-it"); spec != nil {
		t.Errorf("found %+v", spec)
	}
}
