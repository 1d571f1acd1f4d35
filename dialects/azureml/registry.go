package azureml

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// Registry is the file of a registry that was read.
type Registry struct {
	Name, Description, Location string
	Tags                        map[string]string
	// URL is that of the store that the registry is, a key of our own; "" leaves
	// the choice to others.
	URL      string
	Warnings Problems
}

var registryKeys = keySet{what: "a registry",
	read: []string{"name", "description", "location", "tags", "url"},
	ignored: []string{"$schema", "properties", "display_name", "identity", "replication_locations", "public_network_access",
		"intellectual_property_publisher", "managed_resource_group", "managed_resource_group_tags", "mlflow_registry_uri",
		"discovery_url", "container_registry"}}

// LoadRegistry reads the file of a registry and reports all mistakes at once,
// as [Problems]. Without a path the registry is made of the options' pairs alone.
func LoadRegistry(path string, o LoadOptions) (*Registry, error) {
	l := newLoader(o)
	r := &Registry{}
	if root := l.assetRoot(path); root != nil {
		l.set(root, o.Set)
		l.registry(r, root)
	}
	all := l.problems.sorted(path)
	r.Warnings = all.Warnings()
	return r, all.Errors().ErrorOrNil()
}

func (l *loader) registry(r *Registry, root *yaml.Node) {
	if what, _ := looksLike(root); what != "" && !strings.HasPrefix(what, "a file of the kind") {
		l.problems.errorf(root.Pos(), "", "this looks like %s, not like a registry", what)
		return
	}
	l.checkKeys(root, registryKeys)
	r.Name = l.thingName(root, "registry")
	r.Description, r.Location, r.URL = l.str(root, "description"), l.str(root, "location"), l.str(root, "url")
	r.Tags = l.stringMap(root, "tags")
	if n := root.Get("url"); r.URL != "" && !uriScheme.MatchString(r.URL) {
		hint := "write file:///FOLDER, s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or azblob://CONTAINER/FOLDER"
		if filepath.IsAbs(r.URL) {
			hint = "write " + (&url.URL{Scheme: "file", Path: filepath.ToSlash(r.URL)}).String()
		}
		l.problems.errorf(n.Pos(), hint, "%s is not a URL", quote(r.URL))
	}
}
