package azureml

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// componentOf reads what "component:" refers to. It returns nil where that is
// a mistake, or a kind that does not run yet; both are then reported.
func (l *loader) componentOf(n *yaml.Node) *component {
	if n.Kind == yaml.Map {
		return l.component(n, "")
	}
	if l.scalar(n, "component") == nil {
		return nil
	}
	written := strings.TrimSpace(n.Source)
	switch {
	case isEnclosed(written):
	case strings.HasPrefix(written, "azureml:"):
		return l.registered(n, written)
	case strings.Contains(written, "${{"):
		l.problems.errorf(n.Pos(), `write the path of the component's file: "component: ./component.yml"`, "a component cannot be given by an expression")
		return nil
	case uriScheme.MatchString(written) && !strings.HasPrefix(written, "file://"):
		l.problems.errorf(n.Pos(), "use a file on this machine", "a component cannot be fetched from %s", quote(written))
		return nil
	}
	path := localPath(written)
	absolute, shown := resolve(n.Doc(), path)
	for i, above := range l.chain {
		if above.path == absolute {
			l.includeCycle(n, i, shown)
			return nil
		}
	}
	if len(l.chain) >= maxIncludes {
		l.problems.errorf(n.Pos(), "", "components include each other more than %d levels deep", maxIncludes)
		return nil
	}
	if c, known := l.components[absolute]; known {
		l.embed(n, embedding{body: l.included[absolute]})
		return c
	}
	l.components[absolute] = nil
	body := l.include(n, path, "component")
	if body == nil {
		return nil
	}
	l.embed(n, embedding{body: body})
	l.chain = append(l.chain, inclusion{path: absolute, name: shown})
	defer func() { l.chain = l.chain[:len(l.chain)-1] }()
	c := l.component(body, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	l.components[absolute] = c
	return c
}

// includeCycle reports a component that includes itself, and by which way.
func (l *loader) includeCycle(n *yaml.Node, from int, shown string) {
	var way []string
	for _, step := range l.chain[from:] {
		way = append(way, step.name)
	}
	way = append(way, shown)
	l.problems.errorf(n.Pos(), "", "this component includes itself: %s", strings.Join(way, " -> "))
}

// component reads a component from its mapping. name is what messages call it
// where it has no name of its own.
func (l *loader) component(n *yaml.Node, name string) *component {
	c := &component{name: name}
	if own := l.str(n, "name"); own != "" {
		c.name = own
	}
	if c.name == "" {
		c.name = "component"
	}
	kind, at := l.kind(n)
	switch {
	case kind == "command":
		l.commandComponent(c, n)
	case kind == "pipeline":
		l.pipelineComponent(c, n)
	case contains(ownKinds, kind):
		c.kind = kind
		if !l.ownComponent(c, n, kind, at) {
			return nil
		}
	case contains(laterKinds, kind):
		l.refuseComponent(c, n, kind, at)
		return nil
	default:
		legal := slices.Concat([]string{"command", "pipeline"}, ownKinds, laterKinds)
		l.problems.errorf(at, l.didYouMean(kind, legal, "types"), "%q is not a type of component", clip(kind))
		return nil
	}
	return c
}

// kind reads the type of a job, node or component; command is the default.
func (l *loader) kind(n *yaml.Node) (kind string, at yaml.Pos) {
	t := n.Get("type")
	if t == nil || l.scalar(t, "type") == nil {
		return "command", n.Pos()
	}
	return strings.ToLower(t.Text), t.Pos()
}

func (l *loader) commandComponent(c *component, n *yaml.Node) {
	l.checkKeys(n, commandComponentKeys)
	c.inputs = l.ports(n)
	c.outputs = l.results(n, outputPortKeys)
	l.noPromotions(c.outputs, "a component's output")
	c.deterministic = l.boolean(n, "is_deterministic", true)
	c.program = l.program(n, c, l.additionalIncludes(n))
	l.constants(append(c.program.resources.texts(), c.program.distributed.texts()...), "a component")
}

// additionalIncludes reads the list, or the file beside the component that
// holds one path a line.
func (l *loader) additionalIncludes(n *yaml.Node) []*yaml.Node {
	list := n.Get("additional_includes")
	if list == nil {
		return l.sideIncludes(n)
	}
	if list.Kind != yaml.List {
		l.problems.errorf(list.Pos(), "", "additional_includes must be a list, not %s", list.Kind)
		return nil
	}
	var found []*yaml.Node
	for _, item := range list.Items {
		switch {
		case item.Kind == yaml.Map:
			l.problems.errorf(item.Pos(), "download the package, and include its folder", "packages of Azure DevOps cannot be included")
		case l.scalar(item, "an additional include") != nil && !l.inDefinition(item, "additional include"):
			found = append(found, item)
		}
	}
	return found
}

func (l *loader) sideIncludes(n *yaml.Node) []*yaml.Node {
	doc := n.Doc()
	if n.Path() != "" || l.defined[doc] != nil {
		return nil // a component inside of another file, or in a registry
	}
	name := strings.TrimSuffix(filepath.Base(doc.Name), filepath.Ext(doc.Name)) + ".additional_includes"
	path := filepath.Join(doc.Dir, name)
	source, err := readFile(path)
	if err != nil {
		return nil
	}
	_, shown := resolve(doc, name)
	side := yaml.NewDocument(shown, doc.Dir, string(source))
	var found []*yaml.Node
	for i := 1; i <= side.Lines(); i++ {
		line := strings.TrimSpace(side.Line(i))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		found = append(found, yaml.NewText(yaml.Pos{Doc: side, Line: i, Column: 1, Width: len([]rune(line))}, line))
	}
	return found
}

// program reads the command and what it needs: of a component, an inline node,
// or a command job. c has its ports already.
func (l *loader) program(n *yaml.Node, c *component, extra []*yaml.Node) *program {
	p := &program{}
	p.resources, p.distributed = l.resources(n), l.distribution(n)
	if command := l.scalar(n.Get("command"), "command"); command != nil {
		if strings.TrimSpace(command.Source) == "" {
			l.problems.errorf(command.Pos(), "", "the command is empty")
		}
		p.command, p.guarded = l.command(command, c)
	} else if n.Get("command") == nil {
		l.missingCommand(n, c)
	}
	p.code = l.code(l.scalar(n.Get("code"), "code"), extra)
	l.embed(n, embedding{key: "code", code: p.code})
	p.environment = l.environment(n)
	if n.Get("environment") == nil && n.Get("command") != nil {
		l.problems.notef(ownerPos(n), `add "environment: azureml:NAME:VERSION" or "environment: {image: NAME}"`,
			"%s has no environment, which Azure ML requires", c.label())
	}
	return p
}

func (l *loader) missingCommand(n *yaml.Node, c *component) {
	hint := `add "command: ..."`
	what := c.label() + " has no command"
	if key := l.misspelledKey(n, "command"); key != "" {
		at := n.Entry(key).Pos()
		l.problems.drop(at)
		l.problems.errorf(at, `did you mean "command"?`, "%s", what)
		return
	}
	switch {
	case c.ofJob:
		hint = `add "command: ...", or "type: pipeline" and "jobs: ..."`
	case c.inline:
		hint = `add "command: ...", or "component: ./component.yml"`
	}
	l.problems.errorf(ownerPos(n), hint, "%s", what)
}

// ownerPos is where a mapping is named: its key, or its first line.
func ownerPos(n *yaml.Node) yaml.Pos {
	if key := n.KeyPos(); !key.IsZero() {
		return key
	}
	return n.Pos()
}

// constants reports expressions in the settings of what has no pipeline
// around it.
func (l *loader) constants(texts []*text, where string) {
	for _, t := range texts {
		for _, ref := range t.refs() {
			l.problems.errorf(l.place(t, ref), "", "%s cannot stand in %s, only in a node of a pipeline", clip(ref.raw), where)
			ref.kind = wrongRef
		}
	}
}

// noPromotions reports bindings to a pipeline's outputs where there is none.
func (l *loader) noPromotions(results table[*result], where string) {
	for _, r := range results.list {
		if r.promoted != nil {
			l.problems.errorf(l.place(r.said, r.promoted), "", "%s cannot stand in %s", clip(r.promoted.raw), where)
			r.promoted, r.broken = nil, true
		}
	}
}

func withArticle(kind string) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + kind
	}
	return "a " + kind
}
