package azureml_test

import (
	"fmt"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

// shelf is a store with a few assets in it.
type shelf struct{}

const (
	sourceDigest = "blake3:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	rowsDigest   = "blake3:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func (shelf) Find(ref pipeline.AssetRef) (*azureml.Asset, error) {
	rows := &pipeline.Artifact{Digest: rowsDigest, Tree: true, Size: 10, Files: 2}
	all := map[string]*azureml.Asset{
		"component train": {
			Definition: "name: train\ncommand: python train.py ${{inputs.rows}} ${{inputs.rate}} ${{outputs.model}}\ncode: azureml://artifacts/" + sourceDigest + `
environment: azureml:tools:2
inputs: {rows: {type: uri_folder}, rate: {type: number, default: 0.1}}
outputs: {model: {type: custom_model}}
`,
			Artifacts: []pipeline.Artifact{{Digest: sourceDigest, Tree: true, Size: 3, Files: 1}},
		},
		"component twice": {Definition: `
type: pipeline
inputs: {rows: {type: uri_folder}}
outputs: {last: {}}
jobs:
  first: {component: "azureml:train:7", inputs: {rows: "${{parent.inputs.rows}}"}}
  second: {component: {command: "cp -r ${{inputs.x}} ${{outputs.y}}", environment: "azureml:tools:2",
    inputs: {x: {type: uri_folder}}, outputs: {y: {type: uri_folder}}},
    inputs: {x: "${{parent.jobs.first.outputs.model}}"}, outputs: {y: "${{parent.outputs.last}}"}}
`},
		"component outside": {Definition: "command: ls\ncode: ../src\nadditional_includes: [/etc/passwd]\nenvironment: azureml:tools:2\n"},
		"component circle":  {Definition: "type: pipeline\njobs: {a: {component: \"azureml:back:7\"}}\n"},
		"component back":    {Definition: "type: pipeline\njobs: {a: {component: \"azureml:circle@latest\"}}\n"},
		"component broken":  {Definition: "command: ls ${{inputs.x}}\nenvironment: azureml:tools:2\n"},
		"environment tools": {Definition: "image: python:3.12\nconda_file:\n  dependencies:\n    - pandas\n"},
		"data rows":         {Type: pipeline.URIFolder, URI: "azureml://datastores/workspaceblobstore/paths/LocalUpload/bb/rows/", Artifact: rows},
		"data remote":       {Type: pipeline.URIFile, URI: "https://example.com/rows.csv"},
		"model net":         {Type: pipeline.MLflowModel, URI: "azureml://datastores/workspaceblobstore/paths/LocalUpload/bb/net/", Artifact: rows},
	}
	a := all[string(ref.Kind)+" "+ref.Name]
	if a == nil && ref.Kind == pipeline.EnvironmentAsset && ref.Name != "tool" {
		return &azureml.Asset{Ref: ref}, nil // known by its name only
	}
	if a == nil || ref.Version == "404" {
		return nil, &azureml.Unknown{Message: fmt.Sprintf("there is no %s %q", ref.Kind, ref.Short()), Hint: "create it"}
	}
	a.Ref = ref
	if !ref.Pinned() {
		a.Ref.Version, a.Ref.Label = "7", ""
	}
	return a, nil
}

func (shelf) Place(uri string) error {
	if strings.Contains(uri, "/workspaceblobstor/") {
		return &azureml.Unknown{Message: "there is no datastore \"workspaceblobstor\"", Hint: "did you mean \"workspaceblobstore\"?"}
	}
	return nil
}

func (shelf) Connection(name string) error {
	if name == "shp" {
		return &azureml.Unknown{Message: "there is no connection \"shp\"", Hint: "did you mean \"shop\"?"}
	}
	return nil
}

func (shelf) Output(job, output, path string) (*azureml.Asset, error) {
	if job != "earlier" {
		return nil, &azureml.Unknown{Message: fmt.Sprintf("there is no job %q", job), Hint: "look at the list"}
	}
	return &azureml.Asset{Type: pipeline.URIFolder, URI: "azureml://datastores/workspaceblobstore/paths/LocalUpload/bb/" + output + "/" + path,
		Artifact: &pipeline.Artifact{Digest: rowsDigest, Tree: true, Size: 10, Files: 2}}, nil
}
