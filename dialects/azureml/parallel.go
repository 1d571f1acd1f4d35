package azureml

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// batches is what a parallel node or component says beyond what commands say.
// A node that has a component says again what is to be different.
type batches struct {
	input string // that is cut
	entry string
	// arguments are those of the entry script, without the options that are
	// meant for whoever runs it.
	arguments pipeline.Template
	rows      string // the output that returned rows go to
	keys      []string
	variables []variable

	size, failedBatches, failedItems, failedPercent, processes, retries, timeout, logging *text
}

// What holds where a file does not say, as in Azure ML.
const (
	defaultRetries = 2
	defaultTimeout = 60 // seconds
	longestTimeout = 259200
	noBound        = -1
	allPercent     = 100
)

// texts are the fields that may be bound to inputs of the pipeline.
func (b *batches) texts() []*text {
	return []*text{b.size, b.failedBatches, b.failedItems, b.failedPercent, b.processes, b.retries, b.timeout, b.logging}
}

// parallelNode reads a node that runs its program on small parts of an input.
// The program is its own, or that of a component.
func (l *loader) parallelNode(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.common(nd, n)
	reference := n.Get("component")
	var c *component
	if reference == nil {
		l.checkKeys(n, parallelNodeKeys)
		c = l.inlineBatches(nd, n)
	} else {
		l.checkKeys(n, parallelComponentNodeKeys)
		if c = l.componentOfKind(nd, reference, "parallel"); c == nil {
			return
		}
		nd.environment, nd.resources = l.environment(n), l.resources(n)
	}
	if c == nil {
		return
	}
	own := c.batches
	if reference != nil {
		own = l.batchSettings(n)
	}
	nd.variables = slices.Concat(c.batches.variables, l.variables(n))
	nd.runs = c
	nd.own = append(nd.own, own.texts()...)
	nd.fill = func(f *flattener, u *unit, s *pipeline.Step) { f.batches(u, s, own, c.batches) }
	l.undeclared(nd)
}

// inlineBatches reads a node that has its program in it; nil where that is a
// mistake.
func (l *loader) inlineBatches(nd *node, n *yaml.Node) *component {
	c := &component{kind: "parallel", name: nd.name, inline: true, deterministic: true}
	for _, a := range nd.inputs.list {
		c.inputs.add(&port{name: a.name, at: a.at, broken: a.kind == givenWrong})
	}
	for _, r := range nd.outputs.list {
		c.outputs.add(&result{name: r.name, at: r.at, broken: r.broken})
	}
	if !l.batchProgram(c, n) {
		return nil
	}
	for _, p := range c.inputs.list {
		p.optional = c.program.guarded[p.name]
	}
	nd.resources = c.program.resources
	return c
}

// parallelProgram reads a component that works on small parts of an input.
func (l *loader) parallelProgram(c *component, n *yaml.Node, _ yaml.Pos) bool {
	l.checkKeys(n, parallelComponentKeys)
	c.inputs = l.ports(n)
	c.outputs = l.results(n, outputPortKeys)
	l.noPromotions(c.outputs, "a component's output")
	c.deterministic = l.boolean(n, "is_deterministic", true)
	if !l.batchProgram(c, n) {
		return false
	}
	c.batches.variables = l.variables(n)
	l.constants(append(c.program.resources.texts(), c.batches.texts()...), "a component")
	return true
}

// batchProgram reads the program of a component that has its ports already, and
// which of its inputs is cut.
func (l *loader) batchProgram(c *component, n *yaml.Node) bool {
	c.batches = l.batchSettings(n)
	c.program = &program{resources: l.resources(n), guarded: map[string]bool{}}
	task := l.mapping(n.Get("task"), "task")
	if task == nil {
		if n.Get("task").IsNull() {
			l.problems.errorf(ownerPos(n), `add "task: {type: run_function, code: ./src, entry_script: score.py, environment: ...}"`, "%s has no task", c.label())
		}
		return false
	}
	l.checkKeys(task, parallelTaskKeys)
	l.taskType(task)
	c.program.code = l.code(l.scalar(task.Get("code"), "code"), l.includesOf(n, c))
	l.embed(task, embedding{key: "code", code: c.program.code})
	c.program.environment = l.environment(task)
	if task.Get("environment") == nil {
		l.problems.notef(ownerPos(task), `add "environment: azureml:NAME:VERSION" or "environment: {image: NAME}"`,
			"the task of %s has no environment, which Azure ML requires", c.label())
	}
	l.entryScript(c, task)
	l.programArguments(c, task)
	c.batches.input = l.ownPort(n, n, "input_data", ownInput, c)
	if n.Get("input_data") == nil {
		l.problems.errorf(ownerPos(n), `add "input_data: ${{inputs.NAME}}", the input that is cut into mini-batches`, "%s has no input_data", c.label())
		return false
	}
	if task.Get("append_row_to") != nil {
		c.batches.rows = l.ownPort(n, task, "append_row_to", ownOutput, c)
	}
	return true
}

// includesOf are the further files of a component's code.
func (l *loader) includesOf(n *yaml.Node, c *component) []*yaml.Node {
	if c.inline {
		return nil
	}
	return l.additionalIncludes(n)
}

func (l *loader) taskType(task *yaml.Node) {
	kind := l.scalar(task.Get("type"), "type")
	if kind == nil {
		if task.Get("type") == nil {
			l.problems.errorf(ownerPos(task), `add "type: run_function"`, "the task has no type")
		}
		return
	}
	switch strings.ToLower(kind.Text) {
	case "run_function", "function":
	case "model":
		l.problems.errorf(kind.Pos(), `write "type: run_function", and an entry script that loads the model in init() and uses it in run()`,
			"a task of type model needs a scoring script that only Azure has")
	default:
		l.problems.errorf(kind.Pos(), `write "type: run_function"`, "%s is not a type of task", quote(kind.Text))
	}
}

// entryScript reads which file of the code has init and run.
func (l *loader) entryScript(c *component, task *yaml.Node) {
	n := l.scalar(task.Get("entry_script"), "entry_script")
	if n == nil {
		if task.Get("entry_script").IsNull() {
			l.problems.errorf(ownerPos(task), `add "entry_script: score.py", a file of the code with the functions init() and run()`, "the task has no entry_script")
		}
		return
	}
	c.batches.entry = strings.TrimPrefix(strings.TrimSpace(n.Text), "./")
	code := c.program.code
	if code == nil || code.Artifact != nil {
		if code == nil && task.Get("code") == nil {
			l.problems.errorf(ownerPos(task), `add "code: ./src", the folder of the entry script`, "the task has no code")
		}
		return
	}
	var names []string
	for _, f := range code.Files {
		if f.Path == c.batches.entry {
			return
		}
		if strings.HasSuffix(f.Path, ".py") && len(names) < 100 {
			names = append(names, f.Path)
		}
	}
	l.problems.errorf(n.Pos(), l.didYouMean(c.batches.entry, names, "scripts"), "the code has no file %s", quote(c.batches.entry))
}

// ownPort reads a field that names an input or output of the component itself.
func (l *loader) ownPort(_, m *yaml.Node, key string, want refKind, c *component) string {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return ""
	}
	side, names, has := "inputs", c.inputs.someNames(), c.inputs.has
	if want == ownOutput {
		side, names, has = "outputs", c.outputs.someNames(), c.outputs.has
	}
	ref := newText(n).single()
	if ref == nil || ref.kind != want {
		l.problems.errorf(n.Pos(), "write ${{"+side+".NAME}}", "%s names one of the %s of %s, and %s is not one", key, side, c.label(), quote(n.Source))
		return ""
	}
	if !has(ref.name) {
		l.problems.errorf(n.Pos(), l.didYouMean(ref.name, names, side), "%s has no %s %s", c.label(), strings.TrimSuffix(side, "s"), quote(ref.name))
		return ""
	}
	return ref.name
}

// batchSettings reads the numbers, which nodes may say again.
func (l *loader) batchSettings(n *yaml.Node) *batches {
	b := &batches{}
	for _, field := range []struct {
		into **text
		key  string
	}{
		{&b.size, "mini_batch_size"}, {&b.failedBatches, "mini_batch_error_threshold"}, {&b.failedItems, "error_threshold"},
		{&b.processes, "max_concurrency_per_instance"}, {&b.logging, "logging_level"},
	} {
		*field.into = newText(l.scalar(n.Get(field.key), field.key))
	}
	if retry := l.mapping(n.Get("retry_settings"), "retry_settings"); retry != nil {
		l.checkKeys(retry, retrySettingsKeys)
		b.retries = newText(l.scalar(retry.Get("max_retries"), "max_retries"))
		b.timeout = newText(l.scalar(retry.Get("timeout"), "timeout"))
	}
	keys := n.Get("partition_keys")
	switch {
	case keys.IsNull():
	case keys.Kind == yaml.List:
		for _, item := range keys.Items {
			if key := l.scalar(item, "a partition key"); key != nil {
				b.keys = append(b.keys, key.Text)
			}
		}
	default:
		l.problems.errorf(keys.Pos(), `write "partition_keys: [store, brand]"`, "partition_keys must be a list of columns, not %s", keys.Kind)
	}
	return b
}

// batches makes the part of a step that says how its input is cut: of what the
// node says and, where it does not, of what its component says.
func (f *flattener) batches(u *unit, s *pipeline.Step, own, said *batches) {
	p := &pipeline.Parallel{
		Input: said.input, Entry: said.entry, Arguments: said.arguments, AppendRowTo: said.rows,
		PartitionKeys: own.keys, LogLevel: "INFO",
	}
	if p.PartitionKeys == nil {
		p.PartitionKeys = said.keys
	}
	sc := u.around
	f.batchSize(sc, p, either(own.size, said.size))
	p.MaxFailedBatches = f.bounded(sc, either(own.failedBatches, said.failedBatches), "mini_batch_error_threshold", noBound, noBound, 0)
	p.MaxFailedItems = f.bounded(sc, either(own.failedItems, said.failedItems), "error_threshold", noBound, noBound, 0)
	p.MaxFailedPercent = f.bounded(sc, either(own.failedPercent, said.failedPercent), "--allowed_failed_percent", allPercent, 0, allPercent)
	p.Processes = f.bounded(sc, either(own.processes, said.processes), "max_concurrency_per_instance", 0, 1, 0)
	p.Retries = f.bounded(sc, either(own.retries, said.retries), "max_retries", defaultRetries, 0, 0)
	p.Timeout = f.bounded(sc, either(own.timeout, said.timeout), "timeout", defaultTimeout, 1, longestTimeout)
	if t := either(own.logging, said.logging); t != nil {
		text, place, ok := f.settingText(sc, t, "logging_level")
		if ok && !slices.Contains(logLevels, text) {
			f.problems.errorf(place, oneOf(logLevels...), "%s is not a logging_level", quote(text))
		}
		p.LogLevel = text
	}
	// It is cut by Millrace, which needs what is there and not its address.
	if in := s.Input(p.Input); in != nil && in.Mode == pipeline.Direct {
		in.Mode = pipeline.ReadOnlyMount
	}
	if in := s.Input(p.Input); in != nil && in.Binding.Literal != nil {
		f.problems.errorf(u.node.at, "give it data: {type: uri_folder, path: ...}", "input %s of node %s is text, and cannot be cut into mini-batches", quote(p.Input), quote(u.node.name))
	}
	s.Kind, s.Parallel = pipeline.ParallelKind, p
}

var logLevels = []string{"DEBUG", "INFO", "WARNING"}

var batchSize = regexp.MustCompile(`^(\d{1,12})(?:([kKmMgG])[bB])?$`)

// batchSize reads how large a mini-batch is: a number of files, or a size.
func (f *flattener) batchSize(sc *scope, p *pipeline.Parallel, t *text) {
	if t == nil {
		return
	}
	text, place, ok := f.settingText(sc, t, "mini_batch_size")
	if !ok {
		return
	}
	m := batchSize.FindStringSubmatch(strings.TrimSpace(text))
	var n int64
	if m != nil {
		n, _ = strconv.ParseInt(m[1], 10, 64)
	}
	if n == 0 {
		f.problems.errorf(place, "write a number of files, or a size in kb, mb or gb such as 10kb", "%s is not a size of mini-batches", quote(text))
		return
	}
	if m[2] == "" {
		p.Files = int(n)
		return
	}
	p.Bytes = n << map[string]int{"k": 10, "m": 20, "g": 30}[strings.ToLower(m[2])]
}

// bounded resolves a field that is a whole number from least to most, or to any
// where most is 0; absent is otherwise.
func (f *flattener) bounded(sc *scope, t *text, what string, otherwise, least, most int) int {
	if t == nil {
		return otherwise
	}
	text, place, ok := f.settingText(sc, t, what)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < least || most > 0 && n > most {
		span := "from " + strconv.Itoa(least) + " on"
		if most > 0 {
			span = "from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)
		}
		f.problems.errorf(place, "", "%s must be a whole number %s, not %s", what, span, quote(text))
		return otherwise
	}
	return n
}
