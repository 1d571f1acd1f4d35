package azureml

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// jobNameForm is what a job can be called: it becomes part of paths and URLs.
var jobNameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$`)

// job reads a job and makes the draft of its plan.
func (l *loader) job(job *Job, root *yaml.Node) {
	if l.notJob(root) {
		return
	}
	kind, at := l.jobKind(root)
	switch {
	case contains(ownKinds, kind):
		l.ownJob(job, root, kind, at)
		return
	case contains(laterKinds, kind):
		l.refuseJob(root, kind, at)
		return
	case kind != "command" && kind != "pipeline":
		legal := slices.Concat([]string{"command", "pipeline"}, ownKinds, laterKinds)
		l.problems.errorf(at, l.didYouMean(kind, legal, "types"), "%q is not a type of job", clip(kind))
		return
	}
	d := l.described(job, root, kind)
	if kind == "command" {
		d(l.commandJob(root))
	} else {
		d(l.pipelineJob(root))
	}
}

// described reads what all kinds of jobs say of themselves. What it returns
// takes the draft of the job's plan, nil where that is a mistake.
func (l *loader) described(job *Job, root *yaml.Node, kind string) func(*draft) {
	job.Type = pipeline.JobType(kind)
	job.DisplayName = l.str(root, "display_name")
	job.Experiment = l.str(root, "experiment_name")
	job.Description = l.str(root, "description")
	job.Tags = l.stringMap(root, "tags")
	if n := l.scalar(root.Get("name"), "name"); n != nil {
		job.Name = n.Text
		if !jobNameForm.MatchString(n.Text) {
			l.problems.errorf(n.Pos(), "use letters, digits, hyphens and underscores, and begin with a letter or a digit", "%s cannot name a job", quote(n.Text))
		}
	}
	return func(d *draft) {
		if d == nil {
			return
		}
		d.plan.Schema = pipeline.PlanSchema
		d.plan.Type = job.Type
		d.plan.DisplayName, d.plan.Experiment, d.plan.Description, d.plan.Tags = job.DisplayName, job.Experiment, job.Description, job.Tags
		job.draft = d
	}
}

// jobKind reads the type of a job. One with jobs is surely meant to be a
// pipeline.
func (l *loader) jobKind(root *yaml.Node) (kind string, at yaml.Pos) {
	kind, at = l.kind(root)
	if jobs := root.Entry("jobs"); jobs != nil && root.Get("type") == nil && root.Entry("command") == nil {
		l.problems.errorf(jobs.Pos(), `add "type: pipeline"`, "a job with jobs needs the type pipeline")
		return "pipeline", jobs.Pos()
	}
	return kind, at
}

// pipelineJob reads a pipeline: its own nodes, or those of a component.
func (l *loader) pipelineJob(root *yaml.Node) *draft {
	l.checkKeys(root, pipelineJobKeys)
	given := l.arguments(root, true)
	l.jobArguments(given)
	outputs := l.results(root, outputKeys)
	l.noPromotions(outputs, "an output of a pipeline job")
	switch reference := root.Get("component"); {
	case reference != nil && root.Get("jobs") != nil:
		l.problems.errorf(reference.KeyPos(), "remove one of them", "a pipeline job has jobs or a component, not both")
		return nil
	case reference != nil:
		return l.componentJob(root, reference, given, outputs)
	}
	g := &graph{label: "this pipeline", outputs: outputs, nodes: l.nodes(root), leftOut: l.leftOut}
	for _, a := range given.list {
		g.inputs.add(&port{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	if jobs := root.Get("jobs"); jobs == nil && l.misspelledKey(root, "jobs") == "" || jobs != nil && jobs.Kind == yaml.Map && len(jobs.Entries) == 0 {
		hint := "add \"jobs:\" with the nodes of the pipeline"
		if root.Get("command") != nil {
			hint = "a job with a command has \"type: command\""
		}
		where := root.Pos()
		if e := root.Entry("jobs"); e != nil {
			where = e.Pos()
		}
		l.problems.errorf(where, hint, "this pipeline job has no jobs")
	}
	s := l.settings(root, g)
	l.checkGraph(g)
	return l.draft(&scope{graph: g, given: given, priority: l.jobPriority(root)}, s)
}

// componentJob is a job whose jobs are those of a pipeline component.
func (l *loader) componentJob(root, reference *yaml.Node, given table[*argument], outputs table[*result]) *draft {
	s := l.settings(root, nil)
	c := l.componentOf(reference)
	switch {
	case c == nil:
		return nil
	case c.graph == nil:
		l.problems.errorf(reference.Pos(), "name the command component as a node under jobs", "%s is a command component; a pipeline job runs a pipeline component", quote(c.name))
		return nil
	}
	nd := &node{at: reference.Pos(), runs: c, inputs: given, outputs: outputs, inputsAt: reference.Pos()}
	if e := root.Entry("inputs"); e != nil {
		nd.inputsAt = e.Pos()
	}
	l.undeclared(nd)
	return l.draft(&scope{graph: c.graph, maker: nd, given: nd.inputs, priority: l.jobPriority(root)}, s)
}

// jobArguments checks the values of a job's own inputs, which can only use the
// job's name and, in a schedule, the time at which it fires.
func (l *loader) jobArguments(given table[*argument]) {
	for _, a := range given.list {
		for _, ref := range a.text.refs() {
			if ref.kind != jobName && (ref.kind != triggerTime || !l.scheduled) {
				l.badReference(a.text, ref, "an input of a job")
				a.kind = givenWrong
			}
		}
	}
}

// commandJob reads a job that is one command. Its plan has one step.
func (l *loader) commandJob(root *yaml.Node) *draft {
	l.checkKeys(root, commandJobKeys)
	nd := &node{name: pipeline.MainStep, at: root.Pos(), inputsAt: root.Pos()}
	nd.inputs = l.arguments(root, false)
	l.jobArguments(nd.inputs)
	nd.outputs = l.results(root, outputKeys)
	l.noPromotions(nd.outputs, "an output of a command job")
	l.inline(nd, root)
	nd.priority = l.priority(root)
	l.constants(nd.settings(), "a command job")
	s := pipeline.Settings{ContinueOnStepFailure: true, DefaultCompute: l.computeName(root, "compute")}
	g := &graph{label: "this job", ofCommand: true}
	g.nodes.add(nd)
	return l.draft(&scope{graph: g}, s)
}

// notJob recognises files that are no jobs, and says what they look like.
func (l *loader) notJob(root *yaml.Node) bool {
	what, hint := looksLike(root)
	if what == "" {
		return false
	}
	hint = strings.ReplaceAll(hint, "FILE", filepath.Base(root.Doc().Name))
	l.problems.errorf(root.Pos(), hint, "this looks like %s, not like a job", what)
	return true
}

// looksLike names what a file is that is not a job; "" for jobs.
func looksLike(root *yaml.Node) (what, hint string) {
	const runComponent = `name it in a pipeline job: "type: pipeline", and under jobs a node with "component: ./FILE"`
	const later = "Millrace does not read these files yet"
	schema := ""
	if s := root.Get("$schema"); s != nil {
		schema = s.Text[strings.LastIndexByte(s.Text, '/')+1:]
		schema, _, _ = strings.Cut(schema, ".")
	}
	has := func(keys ...string) bool {
		for _, k := range keys {
			if root.Entry(k) != nil {
				return true
			}
		}
		return false
	}
	runs := has("command", "jobs", "component", "trial", "task")
	switch {
	case strings.HasSuffix(schema, "Component"):
		return "a component", runComponent
	case strings.HasSuffix(schema, "Job"):
		return "", ""
	case has("trigger") || has("create_job"):
		return "a schedule", "`millrace schedule create -f FILE` creates it; its job file, named under create_job, can be run by itself"
	case has("pipelineSpec", "deploymentSpec") || root.Get("apiVersion") != nil && root.Get("spec") != nil:
		return "a Kubeflow pipeline", later
	case runs && declaresPorts(root):
		return "a component", runComponent
	case runs:
		return "", ""
	case has("dependencies", "channels"):
		return "a conda file", "name it in a job: \"environment: {image: NAME, conda_file: ./FILE}\""
	case has("image", "build", "conda_file"):
		return "an environment", "name it in a job: \"environment: file:./FILE\""
	case has("paths", "transformations"):
		return "an MLTable file", "name its folder as an input with \"type: mltable\""
	case has("endpoint_name"):
		return "a deployment", later
	case has("auth_mode"):
		return "an endpoint", later
	case has("credentials", "account_name", "azure_blob", "container_name"):
		return "a datastore", "`millrace datastore create -f FILE` creates it"
	case has("size", "min_instances", "max_instances"):
		return "a compute", later
	case has("path"):
		if kind := root.Get("type"); kind != nil && strings.Contains(kind.Text, "model") || schema == "model" {
			return "a model", "name its path as an input of a job"
		}
		return "a data asset", "name its path as an input of a job"
	case schema != "" && !has("type"):
		return "a file of the kind " + quote(schema), later
	}
	return "", ""
}

// declaresPorts recognises the inputs of a component among those of a job: they
// have types and defaults in place of values.
func declaresPorts(root *yaml.Node) bool {
	inputs := root.Get("inputs")
	if inputs == nil || inputs.Kind != yaml.Map {
		return false
	}
	for _, e := range inputs.Entries {
		if e.Value.Kind != yaml.Map || e.Value.Get("path") != nil || e.Value.Get("value") != nil {
			return false
		}
	}
	return len(inputs.Entries) > 0 && root.Entry("version") != nil
}
