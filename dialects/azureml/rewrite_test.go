package azureml_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

// moving refers to copies in a registry, and notes what it is asked for.
type moving struct{ asked []string }

func (m *moving) Asset(ref pipeline.AssetRef) (pipeline.AssetRef, error) {
	m.asked = append(m.asked, string(ref.Kind)+" "+ref.String())
	if ref.Registry == "" {
		ref.Registry, ref.Version = "team", "9"
	}
	return ref, nil
}

func (m *moving) Output(job, output, path string) (pipeline.Artifact, error) {
	m.asked = append(m.asked, job+" "+output+" "+path)
	return pipeline.Artifact{Digest: "blake3:00"}, nil
}

func TestReferencesOfDefinitionsAreRewritten(t *testing.T) {
	const definition = `type: pipeline
inputs:
  path:
    type: string
    default: "azureml:no:1"
jobs:
  environment:
    component: azureml:train:1
    environment: azureml:tools:2
    inputs:
      path: "azureml:literal:1"
      component: azureml:literal
      inputs:
        type: uri_folder
        path: azureml:rows:3
      net:
        type: mlflow_model
        path: azureml:net:4
      made:
        path: azureml://jobs/j/outputs/o/paths/a/b
      mine:
        path: azureml://registries/mine/models/m/versions/1
      place:
        path: azureml://datastores/d/paths/p
      kept:
        path: azureml://artifacts/blake3:11
      open:
        path: ${{parent.inputs.path}}
    environment_variables:
      path: azureml:literal:1
`
	const want = `type: pipeline
inputs:
  path:
    type: string
    default: "azureml:no:1"
jobs:
  environment:
    component: "azureml://registries/team/components/train/versions/9"
    environment: "azureml://registries/team/environments/tools/versions/9"
    inputs:
      path: "azureml:literal:1"
      component: "azureml:literal"
      inputs:
        type: uri_folder
        path: "azureml://registries/team/data/rows/versions/9"
      net:
        type: mlflow_model
        path: "azureml://registries/team/models/net/versions/9"
      made:
        path: "azureml://artifacts/blake3:00"
      mine:
        path: "azureml://registries/mine/models/m/versions/1"
      place:
        path: "azureml://datastores/d/paths/p"
      kept:
        path: "azureml://artifacts/blake3:11"
      open:
        path: "${{parent.inputs.path}}"
    environment_variables:
      path: "azureml:literal:1"
`
	m := &moving{}
	got, err := azureml.Rewrite(definition, m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	asked := []string{"component azureml:train:1", "environment azureml:tools:2", "data azureml:rows:3", "model azureml:net:4", "j o a/b",
		"model azureml://registries/mine/models/m/versions/1"}
	if diff := cmp.Diff(asked, m.asked); diff != "" {
		t.Error(diff)
	}
}
