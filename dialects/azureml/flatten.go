package azureml

import (
	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Flattening makes one plan of a pipeline and the pipelines in it. A scope is
// one use of a graph: the same component used twice gives two scopes, in which
// its inputs have different values. What is left in the end are the leaves, the
// nodes that run a program; a binding leads from the leaf that makes the data
// to the leaf that reads it, through however many pipelines.

type flattener struct {
	*loader
	settings  pipeline.Settings
	leaves    []*unit
	units     int  // leaves, and pipelines in pipelines
	portCount int  // their inputs and outputs
	full      bool // more of them than are allowed
	mixed     int  // bytes of text made by joining
}

// scope is one use of a graph.
type scope struct {
	graph  *graph
	prefix string
	// maker is the node whose component the graph is, standing in parent. Both
	// are nil for the graph of the job itself.
	maker   *node
	parent  *scope
	given   table[*argument]
	values  map[string]value
	units   map[string]*unit
	compute string
	// priority is that of the nodes that have none of their own.
	priority pipeline.Priority
	role     pipeline.Role
	// top is set for the body of a loop: a plan of its own.
	top bool
}

// unit is one use of a node: a leaf, or a pipeline with a scope inside.
type unit struct {
	node   *node
	around *scope
	inside *scope
	// of leaves only
	name    string
	index   int
	compute string
	role    pipeline.Role
	// priority is that of the node, or of the pipelines around it.
	priority pipeline.Priority
	outputs  []pipeline.Output
	values   map[string]value
	// isBody is set for the body of a loop, whose guards are those of the loop.
	isBody bool
}

// draft is a plan that lacks only the name of the job.
type draft struct {
	plan pipeline.Plan
}

// draft makes the plan of a job, given the scope of its graph.
func (l *loader) draft(root *scope, s pipeline.Settings) *draft {
	f := &flattener{loader: l, settings: s}
	root.values, root.units, root.compute = map[string]value{}, map[string]*unit{}, s.DefaultCompute
	return f.make(root)
}

func (f *flattener) make(root *scope) *draft {
	f.expand(root)
	if f.full {
		return nil
	}
	for _, u := range f.leaves {
		f.outputKinds(u)
	}
	d := &draft{}
	d.plan.Settings = f.settings
	steps := make([]pipeline.Step, len(f.leaves))
	for i, u := range f.leaves {
		steps[i] = f.step(u)
	}
	d.plan.Inputs = f.jobInputs(root, steps)
	d.plan.Outputs = f.jobOutputs(root, steps)
	d.plan.Steps = f.inOrder(steps)
	return d
}

// expand finds the leaves of a scope, in the order of the files.
func (f *flattener) expand(sc *scope) {
	for _, nd := range sc.graph.nodes.list {
		if f.units++; f.units > maxSteps && !f.full {
			f.full = true
			f.problems.errorf(nd.at, "", "this job has more than %d steps, with its pipeline components expanded", maxSteps)
		}
		if nd.runs == nil || nd.loopOf != nil || f.full || sc.units[nd.name] != nil {
			continue
		}
		if f.portCount += len(nd.runs.inputs.list) + len(nd.runs.outputs.list); f.portCount > maxPorts {
			f.full = true
			f.problems.errorf(nd.at, "", "the steps of this job have more than %d inputs and outputs, with its pipeline components expanded", maxPorts)
			continue
		}
		u := &unit{node: nd, around: sc, name: sc.prefix + nd.name, compute: f.compute(sc, nd), priority: f.priority(sc, nd), role: sc.role, values: map[string]value{}}
		if nd.role != pipeline.Normal {
			u.role = nd.role
		}
		sc.units[nd.name] = u
		if nd.isLoop() && nd.control.kind == "do_while" {
			sc.units[nd.control.loop.node.name] = u // what it made last is the loop's
		}
		if nd.runs.graph == nil {
			u.index = len(f.leaves)
			f.leaves = append(f.leaves, u)
			continue
		}
		u.inside = &scope{graph: nd.runs.graph, prefix: u.name + ".", maker: nd, parent: sc, given: nd.inputs,
			values: map[string]value{}, units: map[string]*unit{}, role: u.role}
		u.inside.compute, u.inside.priority = u.compute, u.priority
		f.expand(u.inside)
	}
}

// step makes the step of a leaf.
func (f *flattener) step(u *unit) pipeline.Step {
	nd, c := u.node, u.node.runs
	s := pipeline.Step{
		Name:        u.name,
		DisplayName: nd.displayName,
		Description: nd.description,
		Position:    nd.at.String(),
		Role:        u.role,
		Compute:     u.compute,
		Command:     c.program.command,
		Code:        c.program.code,
		Outputs:     u.outputs,
		Priority:    u.priority,
		// What opens and closes a job is there for what it does, not for what it makes.
		Deterministic: c.deterministic && u.role == pipeline.Normal,
	}
	if !c.inline {
		s.Component, s.ComponentAsset = c.name, c.asset
	}
	switch {
	case nd.environment != nil:
		s.Environment = *nd.environment
	case c.program.environment != nil:
		s.Environment = *c.program.environment
	}
	for _, p := range c.inputs.list {
		s.Inputs = append(s.Inputs, f.input(u, p))
	}
	for i := range s.Outputs {
		f.outputPath(u, &s.Outputs[i])
	}
	f.runtime(u, &s)
	s.Retry = f.retryOf(u)
	if !u.isBody {
		s.Guards = f.guardsOf(u)
	}
	if nd.fill != nil {
		nd.fill(f, u, &s)
	}
	return s
}

// jobInputs are the inputs of the job itself.
func (f *flattener) jobInputs(root *scope, steps []pipeline.Step) []pipeline.Input {
	if root.graph.ofCommand {
		return steps[0].Inputs
	}
	var list []pipeline.Input
	for _, p := range root.graph.inputs.list {
		v := value{is: absentValue}
		// An input of a pipeline that has no value matters only where it is used.
		if a := root.given.get(p.name); root.maker != nil || a != nil && a.kind != givenNothing {
			v = f.graphInput(root, p)
		}
		in := inputOf(p, v)
		in.Optional = v.is == absentValue
		list = append(list, in)
	}
	return list
}

// jobOutputs are the outputs of the job itself.
func (f *flattener) jobOutputs(root *scope, steps []pipeline.Step) []pipeline.JobOutput {
	var list []pipeline.JobOutput
	for _, r := range root.graph.outputs.list {
		o := pipeline.JobOutput{Name: r.name, Type: r.kind, Mode: r.mode}
		u, name, found := f.writer(root, r.name)
		switch {
		case u != nil:
			o = jobOutput(r.name, &steps[u.index], name)
		case !found && !r.broken && !root.graph.incomplete:
			f.problems.warnf(r.at, "bind the output of a node to it with ${{parent.outputs."+clip(r.name)+"}}", "no node writes output %s", quote(r.name))
		}
		if o.Type == "" {
			o.Type = pipeline.URIFolder
		}
		list = append(list, o)
	}
	if root.graph.ofCommand {
		for _, out := range steps[0].Outputs {
			list = append(list, jobOutput(out.Name, &steps[0], out.Name))
		}
	}
	return list
}

func jobOutput(name string, step *pipeline.Step, output string) pipeline.JobOutput {
	o := pipeline.JobOutput{Name: name, Type: pipeline.URIFolder, From: &pipeline.OutputRef{Step: step.Name, Output: output}}
	if made := step.Output(output); made != nil {
		o.Type, o.Mode, o.Path = made.Type, made.Mode, made.Path
	}
	return o
}

// writer finds the leaf that writes an output of a graph. found tells whether a
// node is bound to the output, even where that node has mistakes.
func (f *flattener) writer(sc *scope, output string) (u *unit, name string, found bool) {
	w, found := sc.graph.writers[output]
	if !found {
		return nil, "", false
	}
	switch u := sc.units[w.node.name]; {
	case u == nil:
		return nil, "", true
	case u.inside == nil:
		return u, w.output, true
	default:
		return f.writer(u.inside, w.output)
	}
}

// runtime fills in how the step is run.
func (f *flattener) runtime(u *unit, s *pipeline.Step) {
	nd, c := u.node, u.node.runs
	for _, v := range nd.variables {
		if text, _, ok := f.settingText(u.around, v.value, "environment variable "+quote(v.name)); ok {
			if s.Variables == nil {
				s.Variables = map[string]string{}
			}
			s.Variables[v.name] = text
		}
	}
	s.Timeout = f.settingInt(u.around, nd.timeout, "timeout")
	own := c.program.resources
	s.Resources.InstanceCount = f.settingInt(u.around, either(nd.resources.instanceCount, own.instanceCount), "instance_count")
	for _, field := range []struct {
		into *string
		text *text
		name string
	}{
		{&s.Resources.InstanceType, either(nd.resources.instanceType, own.instanceType), "instance_type"},
		{&s.Resources.SharedMemory, either(nd.resources.sharedMemory, own.sharedMemory), "shm_size"},
		{&s.Resources.DockerArgs, either(nd.resources.dockerArgs, own.dockerArgs), "docker_args"},
	} {
		if field.text != nil {
			*field.into, _, _ = f.settingText(u.around, field.text, field.name)
		}
	}
	s.Resources.GPUs = f.settingInt(u.around, either(nd.resources.gpus, own.gpus), "gpus")
	s.Resources.Memory = f.settingSize(u.around, either(nd.resources.memory, own.memory), "memory")
	d := nd.distributed
	if d == nil {
		d = c.program.distributed
	}
	if d != nil {
		s.Distribution = &pipeline.Distribution{
			Type:                 d.kind,
			ProcessesPerInstance: f.settingInt(u.around, d.processes, "process_count_per_instance"),
			Workers:              f.settingInt(u.around, d.workers, "worker_count"),
			ParameterServers:     f.settingInt(u.around, d.servers, "parameter_server_count"),
		}
	}
}

func either(first, second *text) *text {
	if first != nil {
		return first
	}
	return second
}

// compute finds the compute of a node: its own, else that of the pipeline
// around it.
func (f *flattener) compute(sc *scope, nd *node) string {
	if nd.compute == nil {
		return sc.compute
	}
	name, _, _ := f.settingText(sc, nd.compute, "compute")
	if name = bareName(name); name == "" {
		return sc.compute
	}
	return name
}

// priority finds the priority of a node: its own, else that of the pipeline
// around it.
func (f *flattener) priority(sc *scope, nd *node) pipeline.Priority {
	if nd.priority == nil {
		return sc.priority
	}
	text, place, ok := f.settingText(sc, nd.priority, "priority")
	if !ok {
		return sc.priority
	}
	return f.priorityOf(text, place)
}

// settingText resolves a field that may hold expressions. It also says where
// the text stands, which may be far up.
func (f *flattener) settingText(sc *scope, t *text, what string) (string, yaml.Pos, bool) {
	place := t.node.Pos()
	if t.plain() {
		return t.node.Text, place, true
	}
	j := joiner{flattener: f, at: place}
	for _, part := range t.parts {
		if part.ref == nil {
			j.add(part.text)
			continue
		}
		var v value
		if v.is = unknownValue; part.ref.kind == parentInput && sc.graph.inputs.has(part.ref.name) {
			v = f.graphInput(sc, sc.graph.inputs.get(part.ref.name))
		}
		switch v.is {
		case literalValue:
			j.add(v.literal.text)
			place = v.literal.at
		case unknownValue:
			return "", place, false
		case dataValue, outputValue, parameterValue, joinedValue:
			if v.late() {
				f.problems.errorf(f.place(t, part.ref), "", "%s cannot be taken from input %s, whose value is known only when the job runs", what, quote(part.ref.name))
				return "", place, false
			}
			f.problems.errorf(f.place(t, part.ref), "", "%s takes text, and input %s is data", what, quote(part.ref.name))
			return "", place, false
		}
	}
	text, ok := j.text()
	return text, place, ok
}

// settingInt resolves a field that is a whole number; 0 where it is absent.
func (f *flattener) settingInt(sc *scope, t *text, what string) int {
	if t == nil {
		return 0
	}
	text, place, ok := f.settingText(sc, t, what)
	if !ok {
		return 0
	}
	n, good := wholeNumber(text)
	least := 1
	if what == "parameter_server_count" {
		least = 0
	}
	if !good || n < least {
		hint := ""
		if what == "timeout" {
			hint = "write the number of seconds"
		}
		f.problems.errorf(place, hint, "%s must be a whole number from %d on, not %s", what, least, quote(text))
	}
	return n
}

// settingSize resolves a field that is a number of bytes; 0 where it is absent.
func (f *flattener) settingSize(sc *scope, t *text, what string) int64 {
	if t == nil {
		return 0
	}
	text, place, ok := f.settingText(sc, t, what)
	if !ok {
		return 0
	}
	n, err := pipeline.ParseSize(text)
	if err != nil || n == 0 {
		f.problems.errorf(place, "write a number of bytes, or one with k, m, g or t behind it, such as 16g", "%s is not a size of memory", quote(text))
	}
	return n
}
