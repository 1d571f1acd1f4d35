package azureml

import (
	"regexp"
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
	kind, at := l.kind(root)
	switch {
	case contains(laterKinds, kind):
		l.problems.errorf(at, "", "this is %s job; Millrace does not run %s jobs yet", withArticle(kind), kind)
		return
	case kind != "command" && kind != "pipeline":
		legal := append([]string{"command", "pipeline"}, laterKinds...)
		l.problems.errorf(at, didYouMean(kind, legal, "types"), "%q is not a type of job", clip(kind))
		return
	}
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
	var d *draft
	if kind == "command" {
		d = l.commandJob(root)
	} else {
		d = l.pipelineJob(root)
	}
	if d == nil {
		return
	}
	d.plan.Schema = pipeline.PlanSchema
	d.plan.Type = job.Type
	d.plan.DisplayName, d.plan.Experiment, d.plan.Description, d.plan.Tags = job.DisplayName, job.Experiment, job.Description, job.Tags
	job.plan = d
}

// pipelineJob reads a pipeline: its own nodes, or those of a component.
func (l *loader) pipelineJob(root *yaml.Node) *draft {
	l.checkKeys(root, pipelineJobKeys)
	given := l.arguments(root, true)
	l.jobArguments(given)
	outputs := l.results(root, outputKeys)
	l.noPromotions(outputs, "an output of a pipeline job")
	reference, jobs := root.Entry("component"), root.Entry("jobs")
	switch {
	case reference != nil && jobs != nil && root.Get("component") != nil:
		l.problems.errorf(reference.Pos(), "remove one of them", "a pipeline job has jobs or a component, not both")
		return nil
	case root.Get("component") != nil:
		return l.componentJob(root, given, outputs)
	case root.Get("jobs") == nil:
		hint := "add \"jobs:\" with the nodes of the pipeline"
		if root.Get("command") != nil {
			hint = "a job with a command has \"type: command\""
		}
		l.problems.errorf(root.Pos(), hint, "this pipeline job has no jobs")
		return nil
	}
	g := &graph{label: "this pipeline", given: given, outputs: outputs}
	for _, a := range given {
		g.inputs = append(g.inputs, &port{name: a.name, at: a.at, broken: a.kind == givenWrong, optional: false})
	}
	g.nodes = l.nodes(root)
	if n := root.Get("jobs"); n.Kind == yaml.Map && len(n.Entries) == 0 {
		l.problems.errorf(n.Pos(), "", "this pipeline job has no jobs")
	}
	s := l.settings(root, g)
	l.checkGraph(g)
	return l.draft(g, given, outputs, s)
}

// componentJob is a job whose jobs are those of a pipeline component.
func (l *loader) componentJob(root *yaml.Node, given []*argument, outputs []*result) *draft {
	s := l.settings(root, nil)
	n := root.Get("component")
	c := l.componentOf(n)
	switch {
	case c == nil:
		return nil
	case c.graph == nil:
		l.problems.errorf(n.Pos(), "name the command component as a node under jobs", "%s is a command component; a pipeline job runs a pipeline component", quote(c.name))
		return nil
	}
	nd := &node{name: "", at: n.Pos(), body: root, runs: c, inputs: given, outputs: outputs, inputsAt: n.Pos()}
	if e := root.Entry("inputs"); e != nil {
		nd.inputsAt = e.Pos()
	}
	l.undeclared(nd)
	return l.draftOf(nd, s)
}

// jobArguments checks the values of a job's own inputs, which can only use the
// job's name.
func (l *loader) jobArguments(given []*argument) {
	for _, a := range given {
		if a.text == nil {
			continue
		}
		for _, ref := range a.text.refs() {
			if ref.kind != jobName {
				l.badReference(a.text.at(ref), ref, "an input of a job")
				a.kind = givenWrong
			}
		}
	}
}

// commandJob reads a job that is one command. Its plan has one step.
func (l *loader) commandJob(root *yaml.Node) *draft {
	l.checkKeys(root, commandJobKeys)
	nd := &node{name: pipeline.MainStep, at: root.Pos(), body: root}
	nd.inputs = l.arguments(root, false)
	l.jobArguments(nd.inputs)
	nd.outputs = l.results(root, outputKeys)
	l.noPromotions(nd.outputs, "an output of a command job")
	c := &component{name: "this job", inline: true, node: root, deterministic: l.boolean(root, "is_deterministic", true)}
	for _, a := range nd.inputs {
		c.inputs = append(c.inputs, &port{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	for _, r := range nd.outputs {
		c.outputs = append(c.outputs, &result{name: r.name, at: r.at, broken: r.broken})
	}
	c.program = l.program(root, c, nil)
	for _, p := range c.inputs {
		p.optional = c.program.guarded[p.name]
	}
	nd.variables, nd.timeout = l.variables(root), l.timeout(root)
	l.constants(append(nd.settings(), append(c.program.resources.texts(), c.program.distributed.texts()...)...), "a command job")
	nd.runs = c
	s := settings{Settings: pipeline.Settings{ContinueOnStepFailure: true}, compute: l.computeName(root, "compute")}
	g := &graph{label: "this job", nodes: []*node{nd}, command: true}
	return l.draft(g, nil, nil, s)
}

// notJob recognises files that are no jobs, and says what they look like.
func (l *loader) notJob(root *yaml.Node) bool {
	what, hint := looksLike(root)
	if what == "" {
		return false
	}
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
		return "a schedule", "run the job file that it names under create_job"
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
		return "a datastore", later
	case has("size", "min_instances", "max_instances"):
		return "a compute", later
	case has("path"):
		if kind := root.Get("type"); kind != nil && strings.Contains(kind.Text, "model") || schema == "model" {
			return "a model", "name its path as an input of a job"
		}
		return "a data asset", "name its path as an input of a job"
	case has("inputs", "type") && schema == "" || has("type"):
		return "", ""
	case schema != "":
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
