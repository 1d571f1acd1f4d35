package cache

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/millrace-ml/millrace/pipeline"
)

// schema is the first ingredient. It changes when the same lines come to mean
// something else, which makes every older entry a miss.
const schema = "1"

// Ingredients lists what decides a step's result, as labelled lines in a fixed
// order. The inputs are what the step's ports hold, with content pinned; host
// is what the executor adds about the machine, where that matters (the host's
// own interpreter, say).
//
// Not included, because they do not change what is made: the names,
// descriptions, tags and positions of the job, the step and its component; the
// asset that a component or an environment was taken from, since the step holds
// what it says; compute, queue, priority, instance type, memory and docker arguments,
// which say where and how roomily the step runs; the timeout, since a step that
// was cut short has no result; which failures are tried again, and under which
// conditions the step runs; what makes one step of many runs of its program
// (each run has its own inputs, and its own key); the mode of a port, which says how bytes are
// presented; the type of an input, since the command sees its value; and where
// outputs are published or registered, which happens again for a reused result.
func Ingredients(step *pipeline.Step, inputs map[string]pipeline.Value, host []Ingredient) []Ingredient {
	var asked []Ingredient
	add := func(label, text string) {
		if text != "" {
			asked = append(asked, Ingredient{label, text})
		}
	}
	e := step.Environment
	add("environment", e.Reference)
	add("environment image", e.Image)
	add("environment conda file", e.Conda)
	if e.Build != nil {
		add("environment build context", codeText(e.Build.Context))
		add("environment dockerfile", e.Build.Dockerfile)
	}
	return append(list(step, inputs, asked), host...)
}

// Resolved is Ingredients for a step whose environment is resolved: what it
// resolved to stands in place of what the file asks for and of the machine's own
// software.
func Resolved(step *pipeline.Step, inputs map[string]pipeline.Value, software []Ingredient) []Ingredient {
	return list(step, inputs, software)
}

// list lists everything but the machine, with the lines of the environment in
// their place.
func list(step *pipeline.Step, inputs map[string]pipeline.Value, software []Ingredient) []Ingredient {
	lines := []Ingredient{
		{"schema", schema},
		{"command", step.Command.String()}, // with its holes: what fills them stands below
	}
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, Ingredient{label, text})
		}
	}
	add("code", codeText(step.Code))
	lines = append(lines, inputLines(step, inputs)...)
	outputs := slices.Clone(step.Outputs)
	slices.SortFunc(outputs, func(a, b pipeline.Output) int { return strings.Compare(a.Name, b.Name) })
	for _, o := range outputs {
		// The base name is part of the path that the program is given.
		add("output "+o.Name, strings.TrimSpace(string(o.Type)+" "+o.File))
	}
	lines = append(lines, software...)
	for _, name := range slices.Sorted(maps.Keys(step.Variables)) {
		lines = append(lines, Ingredient{"variable " + name, variableText(name, step.Variables[name])})
	}
	if d := step.Distribution; d != nil {
		add("distribution", fmt.Sprintf("%s, %d processes per instance, %d workers, %d parameter servers",
			d.Type, d.ProcessesPerInstance, d.Workers, d.ParameterServers))
	}
	if p := step.Parallel; p != nil {
		lines = append(lines, parallelLines(p)...)
	}
	if n := step.Resources.InstanceCount; n > 1 && step.Parallel == nil {
		add("instances", fmt.Sprint(n)) // how many there are changes what each of them does
	}
	if n := step.Resources.GPUs; n > 0 {
		add("GPUs", fmt.Sprint(n)) // programs split their batches by it
	}
	return lines
}

// parallelLines say what decides the result of a step that works on mini-batches:
// not how many are worked on at a time, nor how often one is tried.
func parallelLines(p *pipeline.Parallel) []Ingredient {
	lines := []Ingredient{
		{"entry script", p.Entry},
		{"program arguments", p.Arguments.String()},
		{"mini-batches of", p.Input},
	}
	switch {
	case len(p.PartitionKeys) > 0:
		lines = append(lines, Ingredient{"partition keys", fmt.Sprintf("%q", p.PartitionKeys)})
	case p.Bytes > 0:
		lines = append(lines, Ingredient{"mini-batch size", fmt.Sprintf("%d bytes", p.Bytes)})
	case p.Files > 0:
		lines = append(lines, Ingredient{"mini-batch size", fmt.Sprint(p.Files)})
	}
	if p.AppendRowTo != "" {
		lines = append(lines, Ingredient{"rows appended to", p.AppendRowTo})
	}
	if p.MaxFailedBatches >= 0 || p.MaxFailedItems >= 0 || p.MaxFailedPercent < 100 {
		lines = append(lines, Ingredient{"failures allowed", fmt.Sprintf("%d mini-batches, %d items, %d percent", p.MaxFailedBatches, p.MaxFailedItems, p.MaxFailedPercent)})
	}
	return lines
}

func codeText(c *pipeline.Code) string {
	if c == nil || c.Artifact == nil {
		return ""
	}
	return string(c.Artifact.Digest)
}

// inputLines has a line for every input, declared or only given, by name: their
// order in the file does not matter to the step.
func inputLines(step *pipeline.Step, inputs map[string]pipeline.Value) []Ingredient {
	names := slices.Collect(maps.Keys(inputs))
	for _, i := range step.Inputs {
		names = append(names, i.Name)
	}
	slices.Sort(names)
	var lines []Ingredient
	for _, name := range slices.Compact(names) {
		lines = append(lines, Ingredient{"input " + name, valueText(inputs[name])})
	}
	return lines
}

// valueText names content by its digest, so that a step that makes the same
// bytes again stops the ripple. A file's base name goes with it, since the
// program sees it and may look at its ending.
func valueText(v pipeline.Value) string {
	switch {
	case v.Literal != nil:
		return "literal " + *v.Literal
	case v.Artifact != nil && v.Artifact.Tree:
		return "tree " + string(v.Artifact.Digest)
	case v.Artifact != nil:
		return strings.TrimSpace("file " + string(v.Artifact.Digest) + " " + v.Artifact.Name)
	case v.URI != "":
		return "address " + v.URI // the program reads it by itself; the content is not known
	}
	return "not given"
}

// secretWords mark the names of variables whose values are nobody's business.
var secretWords = []string{"KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CONNECTION_STRING", "SAS"}

// LooksSecret reports whether a variable of this name is likely to hold a
// secret, which must not be shown or stored.
func LooksSecret(name string) bool {
	upper := strings.ToUpper(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(upper, word) })
}

// variableText lets a secret into the key, so that another one gives another
// key, without writing it down. The hash is peculiar to the variable: it does
// not tell that two variables, or a published hash, hold the same.
func variableText(name, value string) string {
	if !LooksSecret(name) {
		return value
	}
	h := blake3.NewDeriveKey("millrace 2026-11 cache key, secret variable")
	_, _ = fmt.Fprintf(h, "%q %q", name, value) // never fails
	return "secret " + hex.EncodeToString(h.Sum(nil))
}
