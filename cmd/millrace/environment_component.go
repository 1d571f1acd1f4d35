package main

import (
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// componentEnvironment is the environment of a command component's file, with
// its paths made absolute; false for other files. What it holds is for the job
// that asks for it to check.
func componentEnvironment(file string, data []byte) (environment any, ok bool) {
	var c struct {
		Schema      string `yaml:"$schema"`
		Version     any    `yaml:"version"`
		Command     any    `yaml:"command"`
		Environment any    `yaml:"environment"`
	}
	// A job has no version.
	if yaml.Unmarshal(data, &c) != nil || c.Command == nil || c.Version == nil && !strings.Contains(c.Schema, "commandComponent") {
		return nil, false
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, false
	}
	absolute := func(value any) any {
		path, isText := value.(string)
		if !isText || strings.HasPrefix(path, "azureml:") {
			return value
		}
		path = strings.TrimPrefix(strings.TrimPrefix(path, "file:"), "//")
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(folder, path)
	}
	at := func(m map[string]any, key string) {
		if value, given := m[key]; given {
			m[key] = absolute(value)
		}
	}
	if m, isMap := c.Environment.(map[string]any); isMap {
		at(m, "conda_file")
		if build, isMap := m["build"].(map[string]any); isMap {
			at(build, "path")
		}
		return m, true
	}
	return absolute(c.Environment), true
}
