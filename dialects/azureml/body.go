package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/pipeline"
)

// loop adds to the step of a loop what is run in each iteration, and with what.
func (f *flattener) loop(u *unit, s *pipeline.Step) {
	c := u.node.control
	lp := c.loop
	s.Component, s.ComponentAsset = "", ""
	made := &pipeline.Loop{Condition: lp.output, Most: lp.most, AtOnce: lp.atOnce}
	s.Kind, s.Loop = pipeline.Kind(c.kind), made
	var differs func(input string) bool
	if c.kind == "do_while" {
		differs = lp.carried
		for _, pair := range lp.mapping {
			made.Mapping = append(made.Mapping, pipeline.Carry{Output: pair.output, Input: pair.input})
		}
	} else {
		differs = f.loopItems(u, s)
	}
	given := map[string]value{}
	for _, p := range lp.node.runs.inputs.list {
		v := f.unitInput(u, u.node.runs.inputs.get(p.name))
		if v.is != unknownValue && (differs(p.name) || !fixed(v)) {
			v = f.parameter(lp, p, v, s)
		}
		given[p.name] = v
	}
	made.Body = f.body(u, given)
}

// fixed tells whether a value is the same in every iteration, and known before
// the job runs: it can stand in the body itself.
func fixed(v value) bool {
	switch v.is {
	case literalValue:
		return !strings.Contains(v.literal.text, "${{")
	case dataValue:
		return v.source.Local != "" || v.source.Artifact != nil || v.mode == pipeline.Direct
	}
	return v.is == absentValue
}

// parameter is what an input of the body holds that has another value in each
// iteration, or one that is known only when the job runs. Where the body declares
// no type, it has that of what it is given first.
func (f *flattener) parameter(lp *loop, p *port, first value, s *pipeline.Step) value {
	v := value{is: parameterValue, output: p.name, dataType: p.kind, mode: p.mode}
	if v.dataType == "" {
		v.dataType = first.kind()
	}
	if v.dataType == "" {
		for _, pair := range lp.mapping {
			if pair.input == p.name {
				v.dataType = s.Output(pair.output).Type
			}
		}
		for _, item := range s.Loop.Items {
			for _, in := range item.Inputs {
				if in.Name == p.name && v.dataType == "" {
					v.dataType = in.Type
				}
			}
		}
	}
	if v.dataType == "" {
		v.dataType = pipeline.String
	}
	return v
}

// kind is the type of a value; "" of one that is absent.
func (v value) kind() pipeline.PortType {
	switch v.is {
	case literalValue:
		return v.literal.kind
	case dataValue, outputValue, parameterValue:
		return v.dataType
	case joinedValue:
		return pipeline.String
	}
	return ""
}

// loopItems evaluates the items of a parallel_for, and returns which inputs of the
// body they set.
func (f *flattener) loopItems(u *unit, s *pipeline.Step) func(string) bool {
	lp := u.node.control.loop
	list := lp.items
	if list == nil {
		return func(string) bool { return true } // a mistake that is reported
	}
	if list.bound != nil {
		ref := list.bound.single()
		v := f.follow(ref, list.bound, u.around)
		switch {
		case v.is == literalValue:
			if list = f.boundItems(v.literal); list == nil {
				return func(string) bool { return true }
			}
		case v.is == unknownValue:
			return func(string) bool { return true }
		case v.kind() == pipeline.String && v.is != absentValue:
			f.itemsInput(u, v, s)
			return func(string) bool { return true }
		default:
			f.problems.errorf(f.place(list.bound, ref), "bind them to a text that holds JSON: an input, or a control output of the type string",
				"items cannot be taken from %s", clip(ref.raw))
			return func(string) bool { return true }
		}
	}
	set := map[string]bool{}
	ports := lp.node.runs.inputs
	for _, it := range list.list {
		made := pipeline.Item{Name: it.name}
		for _, a := range it.sets.list {
			p := ports.get(a.name)
			if p == nil {
				f.problems.errorf(a.at, f.didYouMean(a.name, ports.someNames(), "inputs"), "the body %s has no input %s", quote(lp.node.name), quote(a.name))
				continue
			}
			set[a.name] = true
			v := f.portValue(p, a, u.around, lp.node)
			if v.is == outputValue {
				f.problems.errorf(a.node.Pos(), "bind it under the inputs of node "+quote(lp.node.name), "an item cannot hold the output of a node")
				continue
			}
			made.Inputs = append(made.Inputs, inputOf(p, v))
		}
		f.itemComplete(u, it)
		s.Loop.Items = append(s.Loop.Items, made)
	}
	return func(input string) bool { return set[input] }
}

// itemComplete reports inputs that the body needs, and neither its node nor the
// item gives.
func (f *flattener) itemComplete(u *unit, it *item) {
	lp := u.node.control.loop
	for _, p := range lp.node.runs.inputs.list {
		if !p.required() || p.broken || it.sets.has(p.name) {
			continue
		}
		if v := f.unitInput(u, u.node.runs.inputs.get(p.name)); v.is == absentValue {
			f.problems.errorf(it.at, "set it in every item, or under the inputs of node "+quote(lp.node.name),
				"the required input %s of %s is not given", quote(p.name), lp.node.runs.label())
		}
	}
}

// boundItems are items in a text that an input of the pipeline holds.
func (f *flattener) boundItems(text literal) *items {
	n, err := fromJSON(text.at, text.text)
	if err != nil {
		f.problems.errorf(text.at, `write JSON: [{"INPUT": "VALUE"}]`, "these items are not JSON: %v", err)
		return nil
	}
	return f.itemList(n)
}

// itemsInput gives a loop the input that holds its items when the job runs.
func (f *flattener) itemsInput(u *unit, v value, s *pipeline.Step) {
	name := "items"
	for u.node.runs.inputs.has(name) {
		name += "_"
	}
	s.Loop.ItemsInput = name
	s.Inputs = append(s.Inputs, inputOf(&port{name: name, kind: pipeline.String}, v))
}

// bare is what a do_while leaves of what its body says of outputs: where they go,
// and what they are registered as, is said of the loop's.
func bare(u *unit) (list table[*result]) {
	for _, o := range u.outputs {
		list.add(&result{name: o.Name, at: u.node.at, kind: o.Type, mode: o.Mode})
	}
	return list
}

// body makes the plan of an iteration.
func (f *flattener) body(u *unit, given map[string]value) *pipeline.Plan {
	nd := *u.node.control.loop.node
	if u.node.control.kind == "do_while" {
		nd.outputs = bare(u)
	}
	b := &flattener{loader: f.loader, settings: f.settings, units: f.units, portCount: f.portCount, mixed: f.mixed}
	one := &unit{node: &nd, around: u.around, name: nd.name, compute: f.compute(u.around, &nd), priority: f.priority(u.around, &nd), values: given, isBody: true}
	if nd.runs.graph == nil {
		b.leaves = []*unit{one}
	} else {
		one.inside = &scope{graph: nd.runs.graph, maker: &nd, parent: u.around, top: true, values: given, units: map[string]*unit{},
			compute: one.compute, priority: one.priority}
		b.expand(one.inside)
	}
	f.units, f.portCount, f.mixed, f.full = b.units, b.portCount, b.mixed, f.full || b.full
	plan := &pipeline.Plan{Schema: pipeline.PlanSchema, Type: pipeline.PipelineJob, Settings: f.settings}
	if f.full {
		return plan
	}
	for _, leaf := range b.leaves {
		b.outputKinds(leaf)
	}
	steps := make([]pipeline.Step, len(b.leaves))
	for i, leaf := range b.leaves {
		steps[i] = b.step(leaf)
	}
	f.mixed, f.full = b.mixed, f.full || b.full
	for _, p := range nd.runs.inputs.list {
		in := inputOf(p, given[p.name])
		in.Optional = in.Optional || given[p.name].is == absentValue
		plan.Inputs = append(plan.Inputs, in)
	}
	for _, r := range nd.runs.outputs.list {
		leaf, name := one, r.name
		if one.inside != nil {
			var found bool
			if leaf, name, found = b.writer(one.inside, r.name); leaf == nil {
				if !found && !r.broken && !nd.runs.graph.incomplete {
					f.problems.warnf(r.at, "bind the output of a node to it with ${{parent.outputs."+clip(r.name)+"}}", "no node writes output %s", quote(r.name))
				}
				continue
			}
		}
		plan.Outputs = append(plan.Outputs, jobOutput(r.name, &steps[leaf.index], name))
	}
	plan.Steps = b.inOrder(steps)
	return plan
}
