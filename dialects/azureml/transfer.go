package azureml

import (
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// The tasks of a data transfer.
const (
	copyData   = "copy_data"
	importData = "import_data"
	exportData = "export_data"
)

var (
	transferTasks = []string{copyData, importData, exportData}
	copyModes     = []string{"merge_with_overwrite", "fail_if_conflict"}
)

// The names that Azure has for the one input of an export, and the one output of
// an import.
const (
	exportInput  = "source"
	importOutput = "sink"
)

// transfer is what a data transfer does, as the file has it.
type transfer struct {
	task string
	// at is where the task stands, or what lacks it.
	at yaml.Pos
	// conflicts fail; without it what is there is overwritten.
	conflicts bool
	external  *external
	// said is set where there is a source or a sink, also one with mistakes.
	said bool
}

func (l *loader) transferNode(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.common(nd, n)
	if reference := n.Get("component"); reference != nil {
		l.checkKeys(n, transferComponentNodeKeys)
		c := l.componentOfKind(nd, reference, "data_transfer")
		if c == nil || !l.portsFit(nd, c) {
			return
		}
		nd.runs = c
		l.undeclared(nd)
		l.transferFill(nd, n, c)
		return
	}
	l.checkKeys(n, transferNodeKeys)
	l.inlineTransfer(nd, n)
}

// inlineTransfer reads a node, or a job, that says itself what it moves.
func (l *loader) inlineTransfer(nd *node, n *yaml.Node) {
	c := l.inlineComponent(nd, n, "data_transfer")
	c.transfer = l.transfer(n, c)
	if c.transfer == nil {
		return
	}
	nd.runs = c
	l.transferFill(nd, n, c)
}

func (l *loader) transferComponent(c *component, n *yaml.Node, _ yaml.Pos) bool {
	l.checkKeys(n, transferComponentKeys)
	c.inputs, c.outputs = l.ports(n), l.results(n, outputPortKeys)
	l.noPromotions(c.outputs, "a component's output")
	c.program = &program{}
	if c.transfer = l.transfer(n, c); c.transfer == nil {
		return false
	}
	l.constants(c.transfer.external.texts(), "a component")
	return true
}

func (l *loader) transferJob(job *Job, root *yaml.Node, _ yaml.Pos) {
	done := l.described(job, root, "data_transfer")
	done(l.singleJob(root, transferJobKeys, "a data transfer job", func(nd *node) { l.inlineTransfer(nd, root) }))
}

// transfer reads the task, and what belongs to it; nil where that is a mistake.
func (l *loader) transfer(n *yaml.Node, c *component) *transfer {
	t := l.scalar(n.Get("task"), "task")
	if t == nil {
		if n.Get("task") == nil {
			l.problems.errorf(ownerPos(n), `add "task: copy_data", import_data or export_data`, "%s has no task", c.label())
		}
		return nil
	}
	tr := &transfer{task: strings.ToLower(t.Text), at: t.Pos()}
	if !contains(transferTasks, tr.task) {
		l.problems.errorf(t.Pos(), l.didYouMean(t.Text, transferTasks, "tasks"), "%q is not a task of a data transfer", clip(t.Text))
		return nil
	}
	if m := l.scalar(n.Get("data_copy_mode"), "data_copy_mode"); m != nil {
		switch mode := strings.ToLower(m.Text); {
		case !contains(copyModes, mode):
			l.problems.errorf(m.Pos(), l.didYouMean(m.Text, copyModes, "modes"), "%q is not a way to copy", clip(m.Text))
		case tr.task != copyData:
			l.problems.errorf(n.Entry("data_copy_mode").Pos(), "", "data_copy_mode belongs to copy_data, and the task is %s", tr.task)
		default:
			tr.conflicts = mode == "fail_if_conflict"
		}
	}
	for key, task := range map[string]string{"source": importData, "sink": exportData} {
		switch e := n.Entry(key); {
		case e != nil && tr.task != task:
			l.problems.errorf(e.Pos(), l.sideHint(key, tr.task), "%s belongs to %s, and the task is %s", key, task, tr.task)
		case e != nil:
			tr.external, tr.said = l.external(e.Value, key, task), true
		}
	}
	if !l.transferPorts(tr, c) {
		return nil
	}
	return tr
}

// sideHint says where what was written under a key belongs.
func (l *loader) sideHint(key, task string) string {
	switch {
	case key == "source" && task == exportData:
		return "the data to export is the input called source: write it under inputs"
	case key == "sink" && task == importData:
		return "what is imported goes to the output called sink: write it under outputs"
	}
	return "what is copied stands under inputs, and where it goes under outputs"
}

// transferPorts holds the rules on how many inputs and outputs there are, and
// on what they are called.
func (l *loader) transferPorts(tr *transfer, c *component) bool {
	inputs, outputs := c.inputs.someNames(), c.outputs.someNames()
	wrong := func(hint, format string, args ...any) bool {
		l.problems.errorf(tr.at, hint, format, args...)
		return false
	}
	switch tr.task {
	case importData:
		if !slices.Equal(outputs, []string{importOutput}) {
			return wrong(`write "outputs: {sink: {type: uri_folder}}"`, "an import has one output, which is called sink")
		}
		if len(inputs) > 0 {
			return wrong("remove its inputs: what is imported stands under source", "an import has no inputs")
		}
	case exportData:
		if !slices.Equal(inputs, []string{exportInput}) {
			return wrong(`write "inputs: {source: ...}"`, "an export has one input, which is called source")
		}
		if len(outputs) > 0 {
			return wrong("remove its outputs: where the data goes stands under sink", "an export has no outputs")
		}
	default:
		if len(inputs) == 0 {
			return wrong("add under inputs what is to be copied", "a copy has no inputs")
		}
		if len(outputs) != 1 {
			return wrong("name one under outputs, with the path to copy to", "a copy has one output, and this one has %d", len(outputs))
		}
	}
	return true
}

// transferFill has the step of a node say what is moved.
func (l *loader) transferFill(nd *node, n *yaml.Node, c *component) {
	tr := *c.transfer
	if !c.inline {
		l.overrideTransfer(&tr, n)
	}
	switch {
	case tr.task == copyData:
	case tr.external == nil && tr.said:
		nd.runs = nil
		return
	case tr.external == nil:
		key := map[string]string{importData: "source", exportData: "sink"}[tr.task]
		l.problems.errorf(nd.at, `add "`+key+`: {type: database, connection: NAME, table_name: TABLE}"`, "node %s does not say its %s", quote(nd.name), key)
		nd.runs = nil
		return
	default:
		nd.own = append(nd.own, tr.external.texts()...)
	}
	nd.fill = func(f *flattener, u *unit, s *pipeline.Step) { f.transferStep(u, s, &tr) }
}

// overrideTransfer takes what a node says in the place of its component.
func (l *loader) overrideTransfer(tr *transfer, n *yaml.Node) {
	for key, task := range map[string]string{"source": importData, "sink": exportData} {
		switch e := n.Entry(key); {
		case e != nil && tr.task != task:
			l.problems.errorf(e.Pos(), l.sideHint(key, tr.task), "%s belongs to %s, and the task of the component is %s", key, task, tr.task)
		case e != nil:
			tr.external, tr.said = l.external(e.Value, key, task), true
		}
	}
}

// transferStep fills in what the step of a data transfer has of its own.
func (f *flattener) transferStep(u *unit, s *pipeline.Step, tr *transfer) {
	s.Kind, s.Command, s.Environment = pipeline.TransferKind, nil, pipeline.Environment{}
	// What is outside may have changed since: it is looked at every time, and
	// what was moved before is not moved again.
	s.Deterministic = false
	s.Transfer = &pipeline.Transfer{Task: tr.task, Merge: tr.task == copyData && !tr.conflicts}
	for i := range s.Inputs {
		in := &s.Inputs[i]
		switch src := in.Binding.Source; {
		case in.Binding.Literal != nil:
			f.problems.errorf(f.givenAt(u, in.Name), "write {type: uri_folder, path: ...}", "input %s is text, and %s moves data", quote(in.Name), tr.task)
		case src != nil && src.Local == "" && src.Artifact == nil:
			// It is read where it lies, not brought into the store first.
			in.Mode = pipeline.Direct
		}
	}
	if tr.external != nil {
		s.Transfer.External = f.externalOf(u, tr.external)
	}
	if tr.task != copyData || len(s.Outputs) != 1 || s.Outputs[0].Type != pipeline.URIFile {
		return
	}
	if len(s.Inputs) != 1 || s.Inputs[0].Type != pipeline.URIFile {
		f.problems.errorf(tr.at, `give the output the type uri_folder, or copy one input of the type uri_file`,
			"the output %s is a file, and what is copied to it is not one file", quote(s.Outputs[0].Name))
	}
}

// givenAt is where an input of a node is given its value.
func (f *flattener) givenAt(u *unit, name string) yaml.Pos {
	if a := u.node.inputs.get(name); a != nil {
		return a.at
	}
	return u.node.at
}
