package azureml

import (
	"path"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// spark is what a Spark application is, as the file has it.
type spark struct {
	// file or class is what is entered; file is a path in the code.
	file, class                    string
	pyFiles, jars, files, archives []string
	conf                           []setting
	args                           pipeline.Template
}

// setting is a property of Spark.
type setting struct {
	name  string
	value *text
}

func (s *spark) texts() []*text {
	var all []*text
	for _, c := range s.conf {
		all = append(all, c.value)
	}
	return all
}

func (l *loader) sparkNode(nd *node, n *yaml.Node, _ yaml.Pos) {
	l.common(nd, n)
	nd.variables, nd.timeout, nd.retry = l.variables(n), l.timeout(n), l.retry(n)
	if reference := n.Get("component"); reference != nil {
		l.checkKeys(n, sparkComponentNodeKeys)
		nd.environment = l.environment(n)
		nd.resources = l.sparkResources(n)
		conf := l.sparkConf(n)
		c := l.componentOfKind(nd, reference, "spark")
		if c == nil || !l.portsFit(nd, c) {
			return
		}
		nd.runs = c
		l.undeclared(nd)
		l.sparkFill(nd, c, conf)
		return
	}
	l.checkKeys(n, sparkNodeKeys)
	l.inlineSpark(nd, n)
}

// inlineSpark reads a node, or a job, that has its application in it.
func (l *loader) inlineSpark(nd *node, n *yaml.Node) {
	c := l.inlineComponent(nd, n, "spark")
	c.deterministic = l.boolean(n, "is_deterministic", true)
	l.sparkProgram(c, n)
	for _, p := range c.inputs.list {
		p.optional = c.program.guarded[p.name]
	}
	nd.resources = c.program.resources
	nd.runs = c
	l.sparkFill(nd, c, nil)
}

func (l *loader) sparkComponent(c *component, n *yaml.Node, _ yaml.Pos) bool {
	l.checkKeys(n, sparkComponentKeys)
	c.inputs, c.outputs = l.ports(n), l.results(n, outputPortKeys)
	l.noPromotions(c.outputs, "a component's output")
	c.deterministic = l.boolean(n, "is_deterministic", true)
	l.sparkProgram(c, n)
	l.constants(append(c.spark.texts(), c.program.resources.texts()...), "a component")
	return true
}

func (l *loader) sparkJob(job *Job, root *yaml.Node, _ yaml.Pos) {
	done := l.described(job, root, "spark")
	done(l.singleJob(root, sparkJobKeys, "a spark job", func(nd *node) {
		nd.variables, nd.timeout, nd.retry = l.variables(root), l.timeout(root), l.retry(root)
		l.inlineSpark(nd, root)
	}))
}

// sparkProgram reads the application, and what it needs.
func (l *loader) sparkProgram(c *component, n *yaml.Node) {
	p, s := &program{guarded: map[string]bool{}}, &spark{}
	c.program, c.spark = p, s
	p.code = l.code(l.scalar(n.Get("code"), "code"), l.additionalIncludes(n))
	l.embed(n, embedding{key: "code", code: p.code})
	p.environment = l.environment(n)
	p.resources = l.sparkResources(n)
	s.conf = l.sparkConf(n)
	if args := l.scalar(n.Get("args"), "args"); args != nil {
		s.args, p.guarded = l.command(args, c)
	}
	s.pyFiles, s.jars = l.sparkFiles(n, "py_files", p.code), l.sparkFiles(n, "jars", p.code)
	s.files, s.archives = l.sparkFiles(n, "files", p.code), l.sparkFiles(n, "archives", p.code)
	l.sparkEntry(s, n, c)
}

// sparkEntry reads what is entered: a Python file, or a class.
func (l *loader) sparkEntry(s *spark, n *yaml.Node, c *component) {
	const hint = `write "entry: {file: main.py}" or "entry: {class_name: com.example.Main}"`
	entry := n.Get("entry")
	if entry.IsNull() {
		l.problems.errorf(ownerPos(n), hint, "%s has no entry", c.label())
		return
	}
	if l.mapping(entry, "entry") == nil {
		return
	}
	l.checkKeys(entry, sparkEntryKeys)
	file, class := l.scalar(entry.Get("file"), "file"), l.scalar(entry.Get("class_name"), "class_name")
	switch {
	case file != nil && class != nil:
		l.problems.errorf(entry.Entry("class_name").Pos(), "remove one of them", "an entry has a file or a class_name, not both")
	case file != nil:
		if n.Get("code") == nil {
			l.problems.errorf(file.Pos(), `add "code: ./src", the folder that the file is in`, "%s has an entry and no code", c.label())
		} else {
			s.file = l.inCode(file, c.program.code, "the entry")
		}
	case class != nil:
		if s.class = strings.TrimSpace(class.Source); len(s.jars) == 0 {
			l.problems.errorf(class.Pos(), `add "jars: [application.jar]", the first of which has the class`, "%s enters a class, and names no jar", c.label())
		}
	default:
		l.problems.errorf(entry.Pos(), hint, "the entry says neither a file nor a class_name")
	}
}

// sparkFiles reads a list of files in the code.
func (l *loader) sparkFiles(n *yaml.Node, key string, code *pipeline.Code) []string {
	list := n.Get(key)
	switch {
	case list.IsNull():
		return nil
	case list.IsScalar():
		one := l.inCode(list, code, "one of "+key)
		return slices.DeleteFunc([]string{one}, func(s string) bool { return s == "" })
	case list.Kind != yaml.List:
		l.problems.errorf(list.Pos(), "", "%s must be a list, not %s", key, list.Kind)
		return nil
	}
	var found []string
	for _, item := range list.Items {
		if l.scalar(item, key) == nil {
			continue
		}
		switch name := l.inCode(item, code, "one of "+key); {
		case name == "":
		case contains(found, name):
			l.problems.errorf(item.Pos(), "remove one of them", "%s is twice in %s", quote(name), key)
		default:
			found = append(found, name)
		}
	}
	return found
}

// inCode makes sure that a path is one of the code. Of code that is in the store
// already nobody looks.
func (l *loader) inCode(n *yaml.Node, code *pipeline.Code, what string) string {
	written := strings.TrimSpace(n.Source)
	if strings.Contains(written, "://") {
		return written
	}
	name, alias, aliased := strings.Cut(written, "#")
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if name == "" || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		l.problems.errorf(n.Pos(), "write a path in the folder of the code", "%s, %s, is not in the code", what, quote(written))
		return ""
	}
	if code != nil && code.Artifact == nil {
		var names []string
		found := false
		for _, f := range code.Files {
			found = found || f.Path == clean || strings.HasPrefix(f.Path, clean+"/")
			if len(names) < 500 {
				names = append(names, f.Path)
			}
		}
		if !found {
			hint := "paths are relative to the folder of the code"
			if like := l.closest(clean, names); like != "" {
				hint = "did you mean " + quote(like) + "?"
			}
			l.problems.errorf(n.Pos(), hint, "%s, %s, is not in the code", what, quote(written))
			return ""
		}
	}
	if aliased {
		return clean + "#" + alias
	}
	return clean
}

// sparkResources reads the size of machines, which takes the place of a compute.
func (l *loader) sparkResources(m *yaml.Node) resources {
	n := l.mapping(m.Get("resources"), "resources")
	if n == nil {
		return resources{}
	}
	l.checkKeys(n, sparkResourcesKeys)
	if compute := m.Entry("compute"); compute != nil && !compute.Value.IsNull() {
		l.problems.errorf(compute.Pos(), "remove one of them", "a Spark application has a compute or resources, not both")
	}
	return resources{instanceType: newText(l.firstOf(n, "instance_type"))}
}
