package main

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAComponentHasItsEnvironmentMade(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "component.yml")
	const schema = "$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json\n"
	for name, c := range map[string]struct {
		text string
		want any
		ok   bool
	}{
		"a conda file":  {schema + "command: x\nenvironment: {image: u, conda_file: ../c.yml}", map[string]any{"image": "u", "conda_file": filepath.Join(filepath.Dir(folder), "c.yml")}, true},
		"packages":      {"version: 1\ncommand: x\nenvironment: {conda_file: {dependencies: [a]}}", map[string]any{"conda_file": map[string]any{"dependencies": []any{"a"}}}, true},
		"a build":       {schema + "command: x\nenvironment: {build: {path: docker}}", map[string]any{"build": map[string]any{"path": filepath.Join(folder, "docker")}}, true},
		"a name":        {schema + "command: x\nenvironment: azureml:tools@latest", "azureml:tools@latest", true},
		"a file":        {schema + "command: x\nenvironment: file:./env.yml", filepath.Join(folder, "env.yml"), true},
		"none":          {schema + "command: x", nil, true},
		"a job":         {"type: command\ncommand: x\nenvironment: azureml:tools@latest", nil, false},
		"a pipeline":    {"type: pipeline\nversion: 1\njobs: {}", nil, false},
		"not yaml":      {"command: [", nil, false},
		"another shape": {"- version: 1", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := componentEnvironment(file, []byte(c.text))
			if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
				t.Errorf("a component's: %v; (-want +got):\n%s", ok, diff)
			}
		})
	}
}
