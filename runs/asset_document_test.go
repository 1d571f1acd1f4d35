package runs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAssetsAreShownAsAzShowsThem(t *testing.T) {
	const hex = "9727c41399aa05a300395edb839a1aaa5369d11c8f5a5753fe0e0bad182234ad"
	const uploads = "azureml://datastores/workspaceblobstore/paths/LocalUpload/" + hex
	made := asset.Version{Name: "x", Version: "3", Created: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), CreatedBy: "ada"}
	with := func(change func(*asset.Version)) asset.Version {
		v := made
		change(&v)
		return v
	}
	for name, test := range map[string]struct {
		v        asset.Version
		registry string
		want     map[string]any
	}{
		"a component": {with(func(v *asset.Version) {
			v.Kind, v.Type = pipeline.ComponentAsset, "command"
			v.Definition = "name: x\ntype: command\ncommand: run\ncode: azureml://artifacts/blake3:" + hex + "\nenvironment: azureml:tools:2\ninputs:\n  a: {type: integer, default: 3}\n"
			v.Notes = asset.Notes{DisplayName: "X", Tags: map[string]string{"a": "b"}}
		}), "", map[string]any{
			"id":   "azureml:" + WorkspaceID + "/components/x/versions/3",
			"code": "azureml:" + WorkspaceID + "/codes/" + hex + "/versions/1", "environment": "azureml:" + WorkspaceID + "/environments/tools/versions/2",
			"type": "command", "command": "run", "display_name": "X", "tags": map[string]string{"a": "b"}, "is_deterministic": true,
			"inputs": map[string]any{"a": map[string]any{"type": "integer", "default": int64(3)}}, "outputs": map[string]any{},
		}},
		"a pipeline in a registry": {with(func(v *asset.Version) {
			v.Kind, v.Type = pipeline.ComponentAsset, "pipeline"
			v.Definition = "type: pipeline\njobs:\n  a:\n    component: azureml://registries/r/components/b/versions/1\n  b:\n    component: {command: x, code: azureml://artifacts/blake3:" + hex + "}\n"
		}), "r", map[string]any{
			"id": "azureml://registries/r/components/x/versions/3", "type": "pipeline", "display_name": "x",
			"jobs": map[string]any{
				"a": map[string]any{"component": "azureml://registries/r/components/b/versions/1"},
				"b": map[string]any{"component": map[string]any{"command": "x", "code": "azureml://registries/r/codes/" + hex + "/versions/1"}},
			},
		}},
		"data in the store": {with(func(v *asset.Version) {
			v.Kind, v.Type = pipeline.DataAsset, "uri_file"
			v.Artifact = &pipeline.Artifact{Digest: "blake3:" + hex, Name: "table.csv"}
		}), "", map[string]any{"type": "uri_file", "path": uploads + "/table.csv", "version": "3"}},
		"data elsewhere": {with(func(v *asset.Version) {
			v.Kind, v.Type, v.URI = pipeline.DataAsset, "uri_folder", "https://example.com/x/"
			v.Notes.Archived = true
		}), "", map[string]any{"path": "https://example.com/x/", "archived": true}},
		"a model that a job made": {with(func(v *asset.Version) {
			v.Kind, v.Type = pipeline.ModelAsset, "mlflow_model"
			v.Artifact = &pipeline.Artifact{Digest: "blake3:" + hex, Tree: true}
			v.Origin = &asset.Origin{Job: "calm_river", Step: "train", Output: "model"}
			v.Flavors, v.Notes.Stage = map[string]any{"sklearn": nil}, "testing"
		}), "", map[string]any{"path": uploads + "/", "job_name": "calm_river", "stage": "testing", "flavors": map[string]any{"sklearn": nil}}},
		"an environment": {with(func(v *asset.Version) {
			v.Kind, v.Definition = pipeline.EnvironmentAsset, "image: python\nconda_file: {name: c}\n"
		}), "", map[string]any{"image": "python", "conda_file": map[string]any{"name": "c"}, "os_type": "linux"}},
	} {
		got := AssetDocument(test.v, test.registry)
		for key, want := range test.want {
			if diff := cmp.Diff(want, got[key]); diff != "" {
				t.Errorf("%s: %s: %s", name, key, diff)
			}
		}
		for _, key := range []string{"id", "name", "version", "creation_context", "tags", "properties", "description", "archived"} {
			if _, ok := got[key]; !ok {
				t.Errorf("%s: there is no %s", name, key)
			}
		}
	}
}

func TestModelsAreDownloadedBesideWhatIsThere(t *testing.T) {
	p := newPast(t)
	c, err := p.Catalog(t.Context(), "")
	p.must(err)
	tree := p.tree(map[string]string{"model/weights": "1", "card.md": "m"})
	_, _, err = c.Create(t.Context(), asset.Version{Kind: pipeline.ModelAsset, Name: "best", Version: "1", Artifact: &tree})
	p.must(err)
	dir := t.TempDir()
	p.must(os.MkdirAll(filepath.Join(dir, "best", "model"), 0o755))
	p.must(os.WriteFile(filepath.Join(dir, "best", "mine.txt"), []byte("mine"), 0o600))
	p.must(os.WriteFile(filepath.Join(dir, "best", "model", "old"), nil, 0o600))
	ref := pipeline.AssetRef{Kind: pipeline.ModelAsset, Name: "best"}
	for range 2 {
		to, err := p.DownloadAsset(t.Context(), ref, dir)
		if err != nil || to != filepath.Join(dir, "best") {
			t.Fatalf("%q, %v", to, err)
		}
	}
	var got []string
	p.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); err == nil && !d.IsDir() {
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	}))
	if diff := cmp.Diff([]string{"best/card.md", "best/mine.txt", "best/model/weights"}, got); diff != "" {
		t.Error(diff)
	}
	ref.Name = "bset"
	if _, err := p.DownloadAsset(t.Context(), ref, dir); err == nil {
		t.Error("downloaded what is not there")
	}
}

func TestDocumentsShowNoSecrets(t *testing.T) {
	const address = "https://host/x.csv?sv=1&sig=HIDDEN"
	for _, v := range []asset.Version{
		{Kind: pipeline.DataAsset, Name: "x", Version: "1", Type: "uri_file", URI: address},
		{Kind: pipeline.ComponentAsset, Name: "x", Version: "1", Type: "command", Definition: "inputs: {x: {type: uri_file, path: '" + address + "'}}\n"},
	} {
		text, err := json.Marshal(AssetDocument(v, ""))
		if err != nil || strings.Contains(string(text), "HIDDEN") || !strings.Contains(string(text), "https://host/x.csv?sv=1") {
			t.Errorf("%s, %v", text, err)
		}
	}
	source := pipeline.Input{Name: "x", Binding: pipeline.Binding{Source: &pipeline.Source{URI: address}}}
	text := address
	literal := pipeline.Input{Name: "y", Binding: pipeline.Binding{Literal: &text}}
	job := Job{Plan: &pipeline.Plan{Inputs: []pipeline.Input{source, literal}, Steps: []pipeline.Step{{Name: "main", Inputs: []pipeline.Input{source}}}},
		Steps: []pipeline.StepState{{Name: "main"}}}
	if text, err := json.Marshal(job.Document()); err != nil || strings.Contains(string(text), "HIDDEN") {
		t.Errorf("%s, %v", text, err)
	}
}
