package runs_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// workspace is a service with a store of its own, and the folder of its files.
type workspace struct {
	*testing.T
	*runs.Service
	dir string
}

func newWorkspace(t *testing.T) workspace {
	t.Helper()
	store, err := artifact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := workspace{t, runs.New(runs.Options{Store: store, Registries: t.TempDir()}), t.TempDir()}
	w.write("src/main.py", "print('hello')\n")
	w.write("environment.yml", "name: tools\nimage: python:3.12\n")
	w.write("component.yml", "name: greet\ncommand: python main.py\ncode: ./src\nenvironment: azureml:tools@latest\n")
	w.write("both.yml", "type: pipeline\nname: both\njobs:\n  a: {component: azureml:greet@latest}\n  b: {component: azureml:greet@latest}\n")
	return w
}

func (w workspace) write(name, text string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w workspace) library() *runs.Library {
	return &runs.Library{Context: w.Context(), Program: "millrace", Service: func() (*runs.Service, error) { return w.Service, nil }}
}

func (w workspace) create(kind pipeline.AssetKind, file, registry string) asset.Version {
	w.Helper()
	f, err := azureml.LoadAsset(kind, filepath.Join(w.dir, file), azureml.LoadOptions{Assets: w.library()})
	if err != nil {
		w.Fatal(err)
	}
	v, err := w.CreateAsset(w.Context(), f, registry)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// code is what the program of a component says.
func (w workspace) code(c *asset.Catalog, v asset.Version) string {
	w.Helper()
	tree, err := c.Store().Manifest(w.Context(), v.Artifacts[0].Digest)
	if err != nil {
		w.Fatal(err)
	}
	r, err := c.Store().Open(w.Context(), tree.Entries[0].Digest)
	if err != nil {
		w.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func TestACreatedComponentNeedsItsFilesNoMore(t *testing.T) {
	w := newWorkspace(t)
	w.create(pipeline.EnvironmentAsset, "environment.yml", "")
	v := w.create(pipeline.ComponentAsset, "component.yml", "")
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	c, err := w.Catalog(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if v.Version != "1" || w.code(c, v) != "print('hello')\n" {
		t.Errorf("version %q with %q", v.Version, w.code(c, v))
	}
	if !strings.Contains(v.Definition, "azureml:tools:1") {
		t.Errorf("the environment is not pinned:\n%s", v.Definition)
	}
}

func TestSharingTakesAlongWhatAnAssetRefersTo(t *testing.T) {
	w := newWorkspace(t)
	shared := "file://" + t.TempDir()
	if _, err := w.CreateRegistry(t.Context(), runs.Registry{Name: "team", URL: shared}); err != nil {
		t.Fatal(err)
	}
	w.create(pipeline.EnvironmentAsset, "environment.yml", "")
	w.create(pipeline.ComponentAsset, "component.yml", "")
	w.create(pipeline.ComponentAsset, "both.yml", "")
	v, err := w.Share(t.Context(), pipeline.AssetRef{Kind: pipeline.ComponentAsset, Name: "both"}, pipeline.AssetRef{Registry: "team", Version: "5"})
	if err != nil {
		t.Fatal(err)
	}
	if v.Version != "5" || v.Origin == nil || v.Origin.Asset != "azureml:both:1" {
		t.Errorf("shared as version %s from %+v", v.Version, v.Origin)
	}

	// Another team, with another store, runs it.
	other := newWorkspace(t)
	if _, err := other.CreateRegistry(t.Context(), runs.Registry{Name: "team", URL: shared}); err != nil {
		t.Fatal(err)
	}
	other.write("job.yml", "type: pipeline\ncompute: cpu\njobs:\n  x: {type: pipeline, component: azureml://registries/team/components/both/labels/latest}\n")
	job, err := azureml.Load(filepath.Join(other.dir, "job.yml"), azureml.LoadOptions{Assets: other.library()})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"})
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Step("x.a").Environment; got.Image != "python:3.12" || got.Asset != "azureml://registries/team/environments/tools/versions/1" {
		t.Errorf("its environment is %+v", got)
	}
	if got := plan.Step("x.b").ComponentAsset; got != "azureml://registries/team/components/greet/versions/1" {
		t.Errorf("its component is %s", got)
	}
}

func TestCreatingInARegistry(t *testing.T) {
	w := newWorkspace(t)
	if _, err := w.CreateRegistry(t.Context(), runs.Registry{Name: "team"}); err != nil {
		t.Fatal(err)
	}
	w.create(pipeline.EnvironmentAsset, "environment.yml", "")
	v := w.create(pipeline.ComponentAsset, "component.yml", "team")
	c, err := w.Catalog(t.Context(), "team")
	if err != nil {
		t.Fatal(err)
	}
	if w.code(c, v) != "print('hello')\n" || !strings.Contains(v.Definition, "azureml://registries/team/environments/tools/versions/1") {
		t.Errorf("kept:\n%s", v.Definition)
	}
}

func TestStockComponentsAndCuratedEnvironmentsAreThere(t *testing.T) {
	w := newWorkspace(t)
	c, err := w.Catalog(t.Context(), runs.StockRegistry)
	if err != nil {
		t.Fatal(err)
	}
	names, err := c.Names(t.Context(), pipeline.ComponentAsset)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Error("there are no stock components")
	}
	curated, err := w.Catalog(t.Context(), "azureml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := curated.Find(t.Context(), pipeline.AssetRef{Kind: pipeline.EnvironmentAsset, Name: "sklearn-1.5"}); err != nil {
		t.Error(err)
	}
}

func TestMissingAssetsSayWhatThereIs(t *testing.T) {
	w := newWorkspace(t)
	w.create(pipeline.EnvironmentAsset, "environment.yml", "")
	w.create(pipeline.ComponentAsset, "component.yml", "")
	w.write("net.yml", "name: net\npath: src\n")
	w.create(pipeline.ModelAsset, "net.yml", "")
	for _, tt := range []struct {
		name          string
		ref           pipeline.AssetRef
		message, hint string
	}{
		{"a typo", pipeline.AssetRef{Kind: pipeline.ComponentAsset, Name: "gret", Label: "latest"},
			`there is no component "gret"`, `did you mean "azureml:greet@latest"?`},
		{"a version", pipeline.AssetRef{Kind: pipeline.ComponentAsset, Name: "greet", Version: "7"},
			`component "greet" has no version 7`, "its versions are 1 (the newest first)"},
		{"nothing like it", pipeline.AssetRef{Kind: pipeline.DataAsset, Name: "rows"},
			`there is no data asset "rows"`, "create it with `millrace data create -f FILE`; `millrace data list` shows those there are"},
		{"a model for data", pipeline.AssetRef{Kind: pipeline.DataAsset, Name: "net", Label: "latest"},
			`there is no data asset "net"`, `there is a model of that name: write "type: custom_model" beside the path`},
		{"a registry", pipeline.AssetRef{Kind: pipeline.ModelAsset, Registry: "milrace", Name: "net"},
			`there is no registry "milrace"`, `did you mean "millrace"?`},
		{"a curated environment", pipeline.AssetRef{Kind: pipeline.EnvironmentAsset, Registry: "azureml", Name: "sklearn-1.55"},
			`"sklearn-1.55" is none of the curated environments that are known here; the packages of sklearn-1.5 stand for it`, `did you mean "sklearn-1.5"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.library().Find(tt.ref)
			unknown, ok := errors.AsType[*azureml.Unknown](err)
			if !ok || unknown.Message != tt.message || unknown.Hint != tt.hint {
				t.Errorf("got %v\n%+v", err, unknown)
			}
		})
	}
}
