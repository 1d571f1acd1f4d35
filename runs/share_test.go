package runs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// registry is the registry team in a folder that others may name, too.
func (w workspace) registry(folder string) *asset.Catalog {
	w.Helper()
	if _, err := w.CreateRegistry(w.Context(), runs.Registry{Name: "team", URL: "file://" + folder}); err != nil {
		w.Fatal(err)
	}
	c, err := w.Catalog(w.Context(), "team")
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w workspace) share(kind pipeline.AssetKind, name string) asset.Version {
	w.Helper()
	v, err := w.Share(w.Context(), pipeline.AssetRef{Kind: kind, Name: name}, pipeline.AssetRef{Registry: "team"})
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func TestSharingTakesDataAndModelsOfDefinitionsAlong(t *testing.T) {
	w := newWorkspace(t)
	team := w.registry(t.TempDir())
	at := filepath.Join(w.Store.Dir(), "datastores/workspaceblobstore/rows")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "a.csv"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write("net/weights", "0.5\n")
	w.write("net.yml", "name: net\ntype: custom_model\npath: net\n")
	w.write("rows.yml", "name: rows\npath: azureml://datastores/workspaceblobstore/paths/rows/\n")
	w.write("use.yml", `
name: use
type: pipeline
jobs:
  a:
    command: ls ${{inputs.net}} ${{inputs.rows}}
    environment: azureml:AzureML-sklearn-1.5@latest
    inputs: {net: {type: custom_model, path: "azureml:net"}, rows: {path: "azureml:rows:1"}}
`)
	w.create(pipeline.ModelAsset, "net.yml", "")
	w.create(pipeline.DataAsset, "rows.yml", "")
	w.create(pipeline.ComponentAsset, "use.yml", "")
	v := w.share(pipeline.ComponentAsset, "use")
	for _, part := range []string{"azureml://registries/team/models/net/versions/1", "azureml://registries/team/data/rows/versions/1", "AzureML-sklearn-1.5"} {
		if !strings.Contains(v.Definition, part) {
			t.Errorf("it does not refer to %s:\n%s", part, v.Definition)
		}
	}
	// A datastore of that name is another place elsewhere.
	rows, err := team.Find(t.Context(), pipeline.AssetRef{Kind: pipeline.DataAsset, Name: "rows"})
	if err != nil || rows.URI != "" || rows.Artifact == nil {
		t.Fatalf("shared %+v, %v", rows, err)
	}
	if have, err := team.Store().Has(t.Context(), *rows.Artifact); err != nil || !have {
		t.Errorf("the registry has the rows: %v, %v", have, err)
	}
	if again := w.share(pipeline.ComponentAsset, "use"); again.Definition != v.Definition || again.Version != v.Version {
		t.Errorf("shared again as version %s:\n%s", again.Version, again.Definition)
	}
}

func TestTeamsThatCountAlikeShareAlike(t *testing.T) {
	folder := t.TempDir()
	var definitions []string
	for _, image := range []string{"python:3.12", "python:3.13", "python:3.12"} {
		w := newWorkspace(t)
		w.registry(folder)
		w.write("environment.yml", "name: tools\nimage: "+image+"\n")
		w.create(pipeline.EnvironmentAsset, "environment.yml", "")
		w.create(pipeline.ComponentAsset, "component.yml", "")
		v, err := w.Share(t.Context(), pipeline.AssetRef{Kind: pipeline.ComponentAsset, Name: "greet"},
			pipeline.AssetRef{Registry: "team", Name: "greet_" + strings.ReplaceAll(image, ":", "_")})
		if err != nil {
			t.Fatal(err)
		}
		definitions = append(definitions, v.Definition)
	}
	for i, version := range []string{"1", "2", "1"} {
		if !strings.Contains(definitions[i], "environments/tools/versions/"+version) {
			t.Errorf("team %d has not version %s:\n%s", i, version, definitions[i])
		}
	}
}

func TestComponentsThatReferToThemselvesAreNotShared(t *testing.T) {
	w := newWorkspace(t)
	w.registry(t.TempDir())
	here, err := w.Catalog(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{"a": "b", "b": "a"} {
		if _, _, err := here.Create(t.Context(), asset.Version{
			Kind: pipeline.ComponentAsset, Name: name, Version: "1", Type: "pipeline", Definition: "type: pipeline\njobs: {x: {component: azureml:" + other + ":1}}\n",
		}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.Share(t.Context(), pipeline.AssetRef{Kind: pipeline.ComponentAsset, Name: "a"}, pipeline.AssetRef{Registry: "team"})
	if err == nil || !strings.Contains(err.Error(), "azureml:a:1 -> azureml:b:1 -> azureml:a:1") {
		t.Errorf("got %v", err)
	}
}

func TestARegistryWhoseFolderIsGoneIsNotEmpty(t *testing.T) {
	w := newWorkspace(t)
	folder := filepath.Join(t.TempDir(), "mnt")
	if _, err := w.CreateRegistry(t.Context(), runs.Registry{Name: "team", URL: "file://" + folder}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Catalog(t.Context(), "team"); !errors.Is(err, runs.ErrUnreachable) || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder was made")
	}
}

func TestCopiesAreNotCalledLikeLabels(t *testing.T) {
	w := newWorkspace(t)
	w.registry(t.TempDir())
	w.create(pipeline.EnvironmentAsset, "environment.yml", "")
	_, err := w.Share(t.Context(), pipeline.AssetRef{Kind: pipeline.EnvironmentAsset, Name: "tools"}, pipeline.AssetRef{Registry: "team", Version: "latest"})
	if !errors.Is(err, pipeline.ErrAssetName) || !strings.Contains(err.Error(), "is a label") {
		t.Errorf("got %v", err)
	}
}
