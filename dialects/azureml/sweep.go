package azureml

import (
	"slices"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// sweepNode reads a node that runs a component many times, with sampled inputs.
func (l *loader) sweepNode(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.common(nd, n)
	l.checkKeys(n, sweepNodeKeys)
	w := l.search(n, "node "+quote(nd.name))
	nd.resources = l.resources(n)
	trial := n.Get("trial")
	if trial.IsNull() {
		l.problems.errorf(ownerPos(n), `add "trial: ./component.yml"`, "the sweep node %s has no trial", quote(nd.name))
		return
	}
	l.trialOf(nd, trial, w)
}

// sweepJob reads a job that is one sweep. Its plan has one step.
func (l *loader) sweepJob(job *Job, root *yaml.Node, _ yaml.Pos) {
	describe := l.described(job, root, "sweep")
	l.checkKeys(root, sweepJobKeys)
	nd := &node{name: pipeline.MainStep, at: root.Pos(), inputsAt: root.Pos()}
	nd.inputs = l.arguments(root, false)
	l.jobArguments(nd.inputs)
	if e := root.Entry("inputs"); e != nil {
		nd.inputsAt = e.Pos()
	}
	nd.outputs = l.results(root, outputKeys)
	l.noPromotions(nd.outputs, "an output of a sweep job")
	nd.priority = l.priority(root)
	nd.resources = l.resources(root)
	w := l.search(root, "this job")
	switch trial := root.Get("trial"); {
	case trial.IsNull():
		l.problems.errorf(root.Pos(), `add "trial:" with the command that is run`, "this sweep job has no trial")
		return
	case trial.Kind == yaml.Map && trial.Get("inputs") == nil:
		l.inlineTrial(nd, trial, w)
	default:
		l.trialOf(nd, trial, w)
	}
	if nd.runs == nil {
		return
	}
	l.constants(nd.settings(), "a sweep job")
	s := pipeline.Settings{ContinueOnStepFailure: true, DefaultCompute: l.computeName(root, "compute")}
	g := &graph{label: "this job", ofCommand: true}
	g.nodes.add(nd)
	d := l.draft(&scope{graph: g}, s)
	if d != nil {
		// What is sampled is no input of the job.
		d.plan.Inputs = slices.DeleteFunc(slices.Clone(d.plan.Inputs), func(in pipeline.Input) bool { return w.names[in.Name] })
	}
	describe(d)
}

// trialOf has a node run the component that a trial names.
func (l *loader) trialOf(nd *node, trial *yaml.Node, w *search) {
	c := l.componentOf(trial)
	switch {
	case c == nil:
		return
	case c.graph != nil || c.kind != "":
		l.problems.errorf(trial.Pos(), "name a component that runs a command", "component %s runs no command, so it cannot be a trial", quote(c.name))
		return
	}
	l.sampled(nd, c, w)
	nd.runs = w.component(c)
	l.sweeps(nd, w)
	l.undeclared(nd)
}

// sampled checks that what is sampled are inputs of the component, and leaves
// out what the node gives to them.
func (l *loader) sampled(nd *node, c *component, w *search) {
	w.each(func(d *dimension, nested bool) {
		p := c.inputs.get(d.name)
		switch {
		case p != nil:
			if p.isData() && !p.broken {
				l.problems.errorf(d.at, "", "input %s of %s takes data, which cannot be sampled", quote(d.name), c.label())
				d.broken = true
			}
		case !d.branches():
			l.problems.errorf(d.at, l.didYouMean(d.name, c.inputs.someNames(), "inputs"), "%s has no input %s to be sampled", c.label(), quote(d.name))
			d.broken = true
		}
		d.port = p
	})
	for _, a := range nd.inputs.filter(func(a *argument) bool { return !w.names[a.name] }) {
		l.problems.warnf(a.at, "", "input %s is sampled; this value is ignored", quote(a.name))
	}
}

// component is a component as a sweep uses it: what is sampled need not be
// given.
func (w *search) component(c *component) *component {
	own := *c
	own.inputs = table[*port]{}
	for _, p := range c.inputs.list {
		if w.names[p.name] {
			free := *p
			free.optional = true
			if w.always[p.name] {
				free.fallback = nil
			}
			p = &free
		}
		own.inputs.add(p)
	}
	return &own
}

// inlineTrial reads the trial of a sweep job that has its command in it.
func (l *loader) inlineTrial(nd *node, trial *yaml.Node, w *search) {
	l.checkKeys(trial, trialKeys)
	c := &component{name: nd.name, inline: true, ofJob: true, swept: w.names, deterministic: l.boolean(trial, "is_deterministic", true)}
	for _, a := range nd.inputs.list {
		c.inputs.add(&port{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	w.each(func(d *dimension, nested bool) {
		switch {
		case nd.inputs.has(d.name):
			l.problems.errorf(d.at, "give one of them another name", "%s is an input of this job, and sampled as well", quote(d.name))
			d.broken = true
		case !c.inputs.has(d.name):
			c.inputs.add(&port{name: d.name, at: d.at, optional: true})
		}
	})
	for _, r := range nd.outputs.list {
		c.outputs.add(&result{name: r.name, at: r.at, broken: r.broken})
	}
	c.program = l.program(trial, c, nil)
	used := map[string]bool{}
	usedInputs(c.program.command, used)
	w.each(func(d *dimension, nested bool) {
		if !used[d.name] && !d.branches() && !d.broken && trial.Get("command") != nil {
			l.problems.warnf(d.at, "write ${{search_space."+clip(d.name)+"}} where the value is to stand", "the command of the trial does not use %s", quote(d.name))
		}
	})
	for _, p := range c.inputs.list {
		p.optional = p.optional || c.program.guarded[p.name]
	}
	nd.variables = l.variables(trial)
	nd.distributed = c.program.distributed
	nd.runs = c
	l.sweeps(nd, w)
}

// usedInputs finds the inputs that a command uses.
func usedInputs(t pipeline.Template, used map[string]bool) {
	for _, part := range t {
		if part.Input != "" {
			used[part.Input] = true
		}
		usedInputs(part.Group, used)
	}
}

// sweeps has a node say what its sweep says.
func (l *loader) sweeps(nd *node, w *search) {
	nd.own = append(nd.own, w.texts()...)
	nd.fill = func(f *flattener, u *unit, s *pipeline.Step) {
		s.Kind = pipeline.SweepKind
		s.Sweep = f.sweep(u, w)
		for i := range s.Inputs {
			if in := &s.Inputs[i]; w.always[in.Name] {
				in.Optional = false
			}
		}
	}
}
