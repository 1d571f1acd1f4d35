package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Compute is the file of a compute that was read. Passwords and keys in it are
// not even taken over.
type Compute struct {
	Name, Type, Description, Location string
	Tags                              map[string]string
	// Size is the type of machine, Tier "dedicated" or "low_priority".
	Size, Tier string
	// The counts are nil where the file gives none.
	MinInstances, MaxInstances, IdleSeconds *int
	// ResourceID is what an attached compute stands for.
	ResourceID string
	// Queue is the task queue that the file asks for, a key of our own.
	Queue    string
	Warnings Problems
}

// computeTypes are the kinds of computes there are in Azure.
var computeTypes = []string{"amlcompute", "computeinstance", "kubernetes", "virtualmachine", "synapsespark", "local"}

var computeTiers = []string{"dedicated", "low_priority", "lowpriority"}

var (
	computeKeys = keySet{what: "a compute",
		read: []string{"name", "type", "description", "tags", "location", "size", "tier", "min_instances", "max_instances",
			"idle_time_before_scale_down", "resource_id", "ssh_settings", "queue"},
		ignored: []string{"$schema", "properties", "identity", "network_settings", "subnet", "ssh_public_access_enabled", "enable_node_public_ip",
			"schedules", "idle_time_before_shutdown", "idle_time_before_shutdown_minutes", "create_on_behalf_of", "setup_scripts",
			"custom_applications", "enable_sso", "enable_root_access", "release_quota_on_stop", "enable_os_patching", "namespace",
			"default_instance_type", "instance_types", "os_image_metadata", "state", "last_operation", "services", "created_on",
			"provisioning_errors", "node_count", "node_state_counts"}}
	sshKeys = keySet{what: "ssh_settings",
		read:    []string{},
		ignored: []string{"admin_username", "admin_password", "ssh_key_value", "ssh_port", "ssh_private_key_file"}}
)

// LoadCompute reads the file of a compute and reports all mistakes at once, as
// [Problems]. Without a path the compute is made of the options' pairs alone.
func LoadCompute(path string, o LoadOptions) (*Compute, error) {
	l := newLoader(o)
	c := &Compute{}
	if root := l.assetRoot(path); root != nil {
		l.set(root, o.Set)
		l.compute(c, root)
	}
	all := l.problems.sorted(path)
	c.Warnings = all.Warnings()
	return c, all.Errors().ErrorOrNil()
}

func (l *loader) compute(c *Compute, root *yaml.Node) {
	if what, _ := looksLike(root); what != "" && what != "a compute" && !strings.HasPrefix(what, "a file of the kind") {
		l.problems.errorf(root.Pos(), "", "this looks like %s, not like a compute", what)
		return
	}
	l.checkKeys(root, computeKeys)
	c.Name = l.thingName(root, "compute")
	c.Description, c.Location, c.Size = l.str(root, "description"), l.str(root, "location"), l.str(root, "size")
	c.ResourceID, c.Tags = l.str(root, "resource_id"), l.stringMap(root, "tags")
	c.Type = l.choice(root, "type", computeTypes, "")
	if c.Type == "" && root.Get("type") == nil {
		l.problems.errorf(root.Pos(), `add "type: amlcompute"`, "this compute has no type")
	}
	if c.Tier = l.choice(root, "tier", computeTiers, ""); c.Tier == "lowpriority" {
		c.Tier = "low_priority"
	}
	c.MinInstances, c.MaxInstances = l.count(root, "min_instances"), l.count(root, "max_instances")
	c.IdleSeconds = l.count(root, "idle_time_before_scale_down")
	if c.MinInstances != nil && c.MaxInstances != nil && *c.MinInstances > *c.MaxInstances {
		l.problems.errorf(root.Get("max_instances").Pos(), "", "max_instances is less than min_instances, %d", *c.MinInstances)
	}
	if q := l.scalar(root.Get("queue"), "queue"); q != nil {
		c.Queue = q.Text
		if err := pipeline.CheckAssetName("queue", q.Text); err != nil {
			l.problems.errorf(q.Pos(), "", "%s", err)
		} else if q.Text == "pipelines" {
			l.problems.errorf(q.Pos(), "choose another", "the queue pipelines is that of the pipelines themselves")
		}
	}
	if ssh := l.mapping(root.Get("ssh_settings"), "ssh_settings"); ssh != nil {
		l.checkKeys(ssh, sshKeys)
	}
}

// thingName reads the name of a thing that has no versions.
func (l *loader) thingName(root *yaml.Node, what string) string {
	if root.Get("name") == nil {
		l.problems.errorf(root.Pos(), `add "name: ..."`, "this %s has no name", what)
	}
	return l.assetName(root, "name")
}

// choice reads a word that is one of some, in any case. CamelCase is read as
// Azure does, "LowPriority" as low_priority.
func (l *loader) choice(m *yaml.Node, key string, words []string, otherwise string) string {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return otherwise
	}
	word := strings.ToLower(n.Text)
	if contains(words, word) {
		return word
	}
	l.problems.errorf(n.Pos(), l.didYouMean(n.Text, words, "values"), "%s cannot be %s", key, quote(n.Text))
	return otherwise
}

// count reads a whole number that is not negative; nil is none.
func (l *loader) count(m *yaml.Node, key string) *int {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return nil
	}
	value, ok := wholeNumber(n.Text)
	if !ok {
		l.problems.errorf(n.Pos(), "write a whole number", "%s cannot be %s", key, quote(n.Text))
		return nil
	}
	return &value
}
