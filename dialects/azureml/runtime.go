package azureml

import (
	"regexp"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// variableName is what the shell accepts. Azure ML accepts anything; a name
// that no process can have is surely a mistake.
var variableName = regexp.MustCompile(`^[^=\x00]+$`)

func (l *loader) variables(m *yaml.Node) []variable {
	n := l.mapping(m.Get("environment_variables"), "environment_variables")
	if n == nil {
		return nil
	}
	var list []variable
	for _, e := range n.Entries {
		if !variableName.MatchString(e.Key) {
			l.problems.errorf(e.Pos(), "", "%s cannot name an environment variable", quote(e.Key))
			continue
		}
		if e.Value.IsNull() {
			list = append(list, variable{e.Key, newText(yaml.NewText(e.Pos(), ""))})
		} else if v := l.scalar(e.Value, "an environment variable"); v != nil {
			// As it is written: "false" means that to the program, not "False".
			list = append(list, variable{e.Key, newText(yaml.NewText(v.Pos(), v.Source))})
		}
	}
	return list
}

func (l *loader) timeout(m *yaml.Node) *text {
	n := l.mapping(m.Get("limits"), "limits")
	if n == nil {
		return nil
	}
	l.checkKeys(n, limitsKeys)
	return newText(l.scalar(n.Get("timeout"), "timeout"))
}

func (l *loader) resources(m *yaml.Node) resources {
	n := l.mapping(m.Get("resources"), "resources")
	if n == nil {
		return resources{}
	}
	l.checkKeys(n, resourcesKeys)
	r := resources{
		instanceCount: newText(l.scalar(n.Get("instance_count"), "instance_count")),
		sharedMemory:  newText(l.scalar(n.Get("shm_size"), "shm_size")),
	}
	r.instanceType = newText(l.firstOf(n, "instance_type"))
	r.gpus, r.memory = newText(l.scalar(n.Get("gpus"), "gpus")), newText(l.scalar(n.Get("memory"), "memory"))
	// Azure has neither key. Its properties take anything: a file that has to
	// run in both says it there.
	if properties := l.mapping(n.Get("properties"), "properties"); properties != nil {
		r.gpus = either(r.gpus, newText(l.scalar(properties.Get("gpus"), "gpus")))
		r.memory = either(r.memory, newText(l.scalar(properties.Get("memory"), "memory")))
	}
	if args := n.Get("docker_args"); args != nil && args.Kind == yaml.List {
		words := make([]string, 0, len(args.Items))
		for _, item := range args.Items {
			if v := l.scalar(item, "docker_args"); v != nil {
				words = append(words, v.Text)
			}
		}
		r.dockerArgs = newText(yaml.NewText(args.Pos(), strings.Join(words, " ")))
	} else {
		r.dockerArgs = newText(l.scalar(args, "docker_args"))
	}
	return r
}

// priority reads when steps have their turn among those that wait with them.
func (l *loader) priority(m *yaml.Node) *text {
	n := l.mapping(m.Get("queue_settings"), "queue_settings")
	if n == nil {
		return nil
	}
	l.checkKeys(n, queueSettingsKeys)
	return newText(l.scalar(n.Get("priority"), "priority"))
}

// jobPriority is the priority of a pipeline's nodes that have none of their own.
func (l *loader) jobPriority(root *yaml.Node) pipeline.Priority {
	t := l.priority(root)
	if t == nil {
		return ""
	}
	l.constants([]*text{t}, "queue_settings of a job")
	return l.priorityOf(t.node.Text, t.node.Pos())
}

var priorities = []string{string(pipeline.Low), string(pipeline.Medium), string(pipeline.High)}

func (l *loader) priorityOf(word string, at yaml.Pos) pipeline.Priority {
	lower := strings.ToLower(strings.TrimSpace(word))
	if !slices.Contains(priorities, lower) {
		l.problems.errorf(at, oneOf(priorities...), "%s is not a priority", quote(word))
		return ""
	}
	return pipeline.Priority(lower)
}

// firstOf reads a field that is text or a list of texts, of which the first is
// preferred.
func (l *loader) firstOf(m *yaml.Node, key string) *yaml.Node {
	n := m.Get(key)
	if n != nil && n.Kind == yaml.List {
		if len(n.Items) == 0 {
			return nil
		}
		n = n.Items[0]
	}
	return l.scalar(n, key)
}

var distributionTypes = []string{"pytorch", "mpi", "tensorflow", "ray"}

func (l *loader) distribution(m *yaml.Node) *distribution {
	n := l.mapping(m.Get("distribution"), "distribution")
	if n == nil {
		return nil
	}
	l.checkKeys(n, distributionKeys)
	kind := l.scalar(n.Get("type"), "type")
	if kind == nil {
		kind = l.scalar(n.Get("distribution_type"), "distribution_type")
	}
	if kind == nil {
		l.problems.errorf(n.Pos(), oneOf(distributionTypes...), "distribution has no type")
		return nil
	}
	d := &distribution{
		kind:      strings.ToLower(kind.Text),
		processes: newText(l.scalar(n.Get("process_count_per_instance"), "process_count_per_instance")),
		workers:   newText(l.scalar(n.Get("worker_count"), "worker_count")),
		servers:   newText(l.scalar(n.Get("parameter_server_count"), "parameter_server_count")),
	}
	if d.kind == "torch.distributed" {
		d.kind = "pytorch"
	}
	if !slices.Contains(distributionTypes, d.kind) {
		hint := oneOf(distributionTypes...)
		if like := l.closest(d.kind, distributionTypes); like != "" {
			hint = "did you mean " + quote(like) + "?"
		}
		l.problems.errorf(kind.Pos(), hint, "%s is not a type of distribution", quote(kind.Text))
		return nil
	}
	return d
}
