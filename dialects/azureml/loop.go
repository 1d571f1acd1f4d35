package azureml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// The most iterations and items that a loop may have.
const (
	maxIterations = 1_000
	maxItems      = 10_000
)

// loop is what a do_while or parallel_for says. The loop has the inputs of its
// body; of a do_while it has the outputs, too.
type loop struct {
	body  *text
	node  *node  // that body names
	named string // the condition, where it is the name of an output
	// of do_while
	output  string // of the body that is the condition; "" where it always holds
	mapping []carry
	most    int
	// of parallel_for
	items  *items
	atOnce int
}

// carry is a pair of a mapping, with where its sides stand.
type carry struct {
	output, input string
	from, to      *text
}

// doWhile reads a node that runs another one again and again.
func (l *loader) doWhile(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.checkKeys(n, doWhileKeys)
	lp := &loop{}
	nd.control = &control{kind: "do_while", loop: lp}
	l.loopBody(nd, n)
	switch condition := l.scalar(n.Get("condition"), "condition"); {
	case condition == nil:
		if n.Get("condition").IsNull() {
			l.problems.errorf(nd.at, "name a control output of the body, or write \"condition: true\"", "node %s has no condition", quote(nd.name))
		}
	case portName.MatchString(condition.Source) && !strings.EqualFold(condition.Source, "true") && !strings.EqualFold(condition.Source, "false"):
		// Also "on", which YAML takes for true.
		nd.control.condition, lp.named = newText(condition), condition.Source
	default:
		l.condition(nd.control, condition)
	}
	if always := nd.control.always; always != nil && !*always {
		l.problems.errorf(n.Get("condition").Pos(), "name a control output of the body", "with this condition the loop would end after its first iteration")
	}
	l.carries(nd, n)
	limits := l.mapping(n.Get("limits"), "limits")
	var most *yaml.Node
	if limits != nil {
		l.checkKeys(limits, loopLimitsKeys)
		most = l.scalar(limits.Get("max_iteration_count"), "max_iteration_count")
	}
	switch {
	case most == nil && (limits == nil || limits.Get("max_iteration_count").IsNull()):
		l.problems.errorf(nd.at, `add "limits: {max_iteration_count: 10}"`, "node %s does not say how often it runs at most", quote(nd.name))
	case most != nil:
		var ok bool
		if lp.most, ok = wholeNumber(most.Text); !ok || lp.most < 1 || lp.most > maxIterations {
			l.problems.errorf(most.Pos(), "", "max_iteration_count is a whole number from 1 to %d, not %s", maxIterations, quote(most.Text))
		}
	}
}

// parallelFor reads a node that runs another one for every item of a list.
func (l *loader) parallelFor(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.checkKeys(n, parallelForKeys)
	lp := &loop{}
	nd.control = &control{kind: "parallel_for", loop: lp}
	l.loopBody(nd, n)
	nd.outputs = l.results(n, outputKeys)
	lp.items = l.readItems(nd, n)
	if most := l.scalar(n.Get("max_concurrency"), "max_concurrency"); most != nil {
		var ok bool
		if lp.atOnce, ok = wholeNumber(most.Text); !ok || lp.atOnce < 1 {
			l.problems.errorf(most.Pos(), "leave it out to run as many as there are slots for", "max_concurrency is a whole number from 1 on, not %s", quote(most.Text))
		}
	}
}

func (l *loader) loopBody(nd *node, n *yaml.Node) {
	nd.displayName, nd.description = l.str(n, "display_name"), l.str(n, "description")
	nd.inputsAt = nd.at
	body := l.scalar(n.Get("body"), "body")
	if body == nil {
		if n.Get("body").IsNull() {
			l.problems.errorf(nd.at, `add "body: ${{parent.jobs.NODE}}"`, "node %s has no body", quote(nd.name))
		}
		return
	}
	nd.control.loop.body = newText(body)
}

// carries reads which output of an iteration becomes which input of the next.
func (l *loader) carries(nd *node, n *yaml.Node) {
	m := l.mapping(n.Get("mapping"), "mapping")
	if m == nil {
		if n.Get("mapping").IsNull() {
			l.problems.errorf(nd.at, `add "mapping: {OUTPUT: INPUT}" with an output and an input of the body`, "node %s has no mapping", quote(nd.name))
		}
		return
	}
	for _, e := range m.Entries {
		from := newText(yaml.NewText(e.Pos(), e.Key))
		targets := []*yaml.Node{e.Value}
		if e.Value.Kind == yaml.List {
			targets = e.Value.Items
		}
		for _, target := range targets {
			if to := l.scalar(target, "an input of the mapping"); to != nil {
				nd.control.loop.mapping = append(nd.control.loop.mapping, carry{from: from, to: newText(to)})
			} else if target.IsNull() {
				l.problems.errorf(e.Pos(), "", "output %s is mapped to no input", quote(e.Key))
			}
		}
	}
}

// connectLoop finds the body of a loop, and makes the loop what runs in its place.
func (l *loader) connectLoop(g *graph, nd *node) {
	lp := nd.control.loop
	if lp.body == nil {
		return
	}
	body := l.sibling(g, lp.body, "body")
	at := lp.body.node.Pos()
	switch {
	case body == nil:
		return
	case body == nd:
		l.problems.errorf(at, "", "node %s cannot be its own body", quote(nd.name))
		return
	case body.control != nil:
		l.problems.errorf(at, "put node "+quote(body.name)+" into a pipeline component, and name the node that runs it",
			"the body of a loop is a command or a pipeline, and node %s is %s", quote(body.name), withArticle(body.control.kind))
		return
	case body.loopOf != nil:
		l.problems.errorf(at, "", "node %s is the body of %s already", quote(body.name), quote(body.loopOf.name))
		return
	case body.role != pipeline.Normal:
		l.problems.errorf(at, "", "node %s is %s, so it cannot be the body of a loop", quote(body.name), roleKey(body.role))
		return
	}
	body.loopOf, lp.node = nd, body
	if body.runs == nil {
		return // its mistake is reported
	}
	nd.inputsAt = body.inputsAt
	nd.inputs, nd.dropped = body.inputs, body.dropped
	c := &component{name: body.runs.name, inline: body.runs.inline, outputs: body.runs.outputs, program: &program{}, deterministic: true}
	if nd.control.kind == "do_while" {
		c.inputs, nd.outputs = body.runs.inputs, body.outputs
		l.connectCondition(nd)
		l.connectMapping(nd)
	} else {
		l.noPromotions(body.outputs, "an output of the body of a parallel_for; bind an output of the loop")
		c.inputs, c.outputs = eachOptional(body.runs.inputs), aggregated(body)
		for _, r := range nd.outputs.filter(func(r *result) bool { return c.outputs.has(r.name) }) {
			l.problems.errorf(r.at, l.didYouMean(r.name, c.outputs.someNames(), "outputs"), "the body %s has no output %s", quote(body.name), quote(r.name))
		}
	}
	nd.runs, nd.fill = c, (*flattener).loop
}

// eachOptional are ports that need no value: the items of the loop may give it.
func eachOptional(ports table[*port]) (list table[*port]) {
	for _, p := range ports.list {
		free := *p
		free.optional = true
		list.add(&free)
	}
	return list
}

// aggregated are the outputs of a parallel_for: those of all iterations under the
// name of one. Values become a text, the list of them in JSON.
func aggregated(body *node) (list table[*result]) {
	for _, r := range body.runs.outputs.list {
		kind, control := body.outputKind(r.name)
		all := &result{name: r.name, at: r.at, kind: pipeline.MLTable, broken: r.broken}
		if kind.IsLiteral() {
			all.kind, all.control = pipeline.String, control
		}
		list.add(all)
	}
	return list
}

// connectCondition finds the output that is the condition of a do_while.
func (l *loader) connectCondition(nd *node) {
	lp, t := nd.control.loop, nd.control.condition
	nd.control.condition = nil
	if t == nil {
		return
	}
	name, at := lp.named, t.node.Pos()
	if name == "" {
		ref := t.single()
		at = l.place(t, ref)
		if ref.kind != siblingOutput || ref.job != lp.node.name {
			l.problems.errorf(at, "name a control output of the body "+quote(lp.node.name), "the condition of a do_while is an output of its body, and %s is none", clip(ref.raw))
			return
		}
		name = ref.name
	}
	if !lp.node.runs.outputs.has(name) {
		l.problems.errorf(at, l.didYouMean(name, lp.node.runs.outputs.someNames(), "outputs"), "the body %s has no output %s", quote(lp.node.name), quote(name))
		return
	}
	if l.checkControl(lp.node, name, at) {
		lp.output = name
	}
}

// connectMapping finds the outputs and inputs that a mapping names.
func (l *loader) connectMapping(nd *node) {
	lp, body := nd.control.loop, nd.control.loop.node
	var good []carry
	taken := map[string]string{}
	for _, c := range lp.mapping {
		var ok bool
		if c.output, ok = l.side(c.from, siblingOutput, body, body.runs.outputs.has, body.runs.outputs.someNames()); !ok {
			continue
		}
		if c.input, ok = l.side(c.to, siblingInput, body, body.runs.inputs.has, body.runs.inputs.someNames()); !ok {
			continue
		}
		at := c.to.node.Pos()
		if first, twice := taken[c.input]; twice {
			l.problems.errorf(at, "", "input %s is given output %s already", quote(c.input), quote(first))
			continue
		}
		taken[c.input] = c.output
		if problem := mismatch(body, c); problem != "" {
			l.problems.errorf(at, "", "%s", problem)
			continue
		}
		good = append(good, c)
	}
	lp.mapping = good
}

// side reads one side of a pair: a name, or the binding that means it.
func (l *loader) side(t *text, kind refKind, body *node, has func(string) bool, names []string) (string, bool) {
	name, what := t.node.Text, "input"
	if kind == siblingOutput {
		what = "output"
	}
	if ref := t.single(); ref != nil {
		if ref.kind != kind || ref.job != body.name {
			l.problems.errorf(t.node.Pos(), fmt.Sprintf("write ${{parent.jobs.%s.%ss.NAME}}, or the name alone", body.name, what),
				"%s is no %s of the body %s", clip(ref.raw), what, quote(body.name))
			return "", false
		}
		name = ref.name
	}
	if has(name) {
		return name, true
	}
	l.problems.errorf(t.node.Pos(), l.didYouMean(name, names, what+"s"), "the body %s has no %s %s", quote(body.name), what, quote(name))
	return "", false
}

// mismatch says why an output cannot become an input; "" where it can.
func mismatch(body *node, c carry) string {
	p := body.runs.inputs.get(c.input)
	kind, _ := body.outputKind(c.output)
	switch {
	case p.broken || p.kind == "":
	case !kind.IsLiteral() && p.kind.IsLiteral():
		return fmt.Sprintf("input %s takes %s, and output %s is no control output", quote(c.input), article(p.kind), quote(c.output))
	case kind.IsLiteral() && !takes(p.kind, kind):
		return fmt.Sprintf("input %s takes %s, and output %s holds %s", quote(c.input), article(p.kind), quote(c.output), article(kind))
	}
	return ""
}

// carried tells whether an input of a do_while is given another value by each
// iteration.
func (lp *loop) carried(input string) bool {
	return slices.ContainsFunc(lp.mapping, func(c carry) bool { return c.input == input })
}
