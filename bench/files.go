package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pipeline is a pipeline file in the making.
type pipeline struct {
	nodes []string
}

// node is a step of a generated pipeline.
type node struct {
	name    string
	command string
	// from is the step whose output "out" is read as the input "in"; "" for none.
	from string
	// writes gives the step an output "out".
	writes bool
}

func (p *pipeline) add(n node) {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s:\n    type: command\n    command: >-\n      %s\n", n.name, n.command)
	fmt.Fprint(&b, "    environment:\n      image: docker.io/library/python:3.12-slim\n")
	if n.from != "" {
		fmt.Fprintf(&b, "    inputs:\n      in: ${{parent.jobs.%s.outputs.out}}\n", n.from)
	}
	if n.writes {
		fmt.Fprint(&b, "    outputs:\n      out:\n        type: uri_folder\n")
	}
	p.nodes = append(p.nodes, b.String())
}

// save writes the file and returns its path.
func (p *pipeline) save(dir, name string) (string, error) {
	path := filepath.Join(dir, name+".yml")
	head := "type: pipeline\nsettings:\n  default_compute: azureml:cpu-cluster\njobs:\n"
	text := head + strings.Join(p.nodes, "")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// chainOf is n steps that do nothing, each reading what the one before wrote.
// Two chains with different salts have no step in common.
func chainOf(n, salt int) *pipeline {
	p := &pipeline{}
	for i := range n {
		step := node{name: fmt.Sprintf("s%d", i), command: fmt.Sprintf("true %d %d", salt, i), writes: true}
		if i > 0 {
			step.from = fmt.Sprintf("s%d", i-1)
		}
		p.add(step)
	}
	return p
}

// fanOf is n steps that do nothing and depend on nothing.
func fanOf(n, salt int) *pipeline {
	p := &pipeline{}
	for i := range n {
		p.add(node{name: fmt.Sprintf("s%d", i), command: fmt.Sprintf("true %d %d", salt, i)})
	}
	return p
}
