package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Referrer says what the references of a definition become elsewhere.
type Referrer interface {
	// Asset is the reference that is to stand in the place of one to an asset.
	Asset(ref pipeline.AssetRef) (pipeline.AssetRef, error)
	// Output is the artifact that an earlier job made.
	Output(job, output, path string) (pipeline.Artifact, error)
}

// Rewrite gives the definition of an asset the references that it is to have
// elsewhere. The first error ends it.
func Rewrite(definition string, r Referrer) (string, error) {
	root, errs := yaml.Parse("definition", "", []byte(definition))
	if root == nil || len(errs) > 0 {
		return definition, nil
	}
	if err := rewrite(root, nil, "", r); err != nil {
		return "", err
	}
	return yaml.Format(root), nil
}

// ArtifactURI is how a definition refers to an artifact.
func ArtifactURI(digest pipeline.Digest) string { return artifactForm + string(digest) }

// referring are the keys whose values may be references to assets, and of
// which kind.
var referring = map[string]pipeline.AssetKind{
	"component": pipeline.ComponentAsset, "environment": pipeline.EnvironmentAsset, "path": "",
}

// naming are the keys whose mappings have names for keys: what stands there is
// no reference, whatever it is called.
var naming = map[string]bool{"inputs": true, "outputs": true, "jobs": true, "environment_variables": true, "tags": true, "properties": true}

// rewrite rewrites a value that stands under a key of the mapping around it; the
// key is "" where it is a name.
func rewrite(n, around *yaml.Node, key string, r Referrer) error {
	for _, e := range n.Entries {
		below := e.Key
		if naming[key] {
			below = ""
		}
		if err := rewrite(e.Value, n, below, r); err != nil {
			return err
		}
	}
	for _, item := range n.Items {
		if err := rewrite(item, nil, "", r); err != nil {
			return err
		}
	}
	kind, may := referring[key]
	if !may || n.Kind != yaml.String || strings.HasPrefix(n.Text, artifactForm) || strings.Contains(n.Text, "${{") {
		return nil
	}
	if kind == "" {
		if job, output, path, ok := splitOutput(n.Text); ok {
			made, err := r.Output(job, output, path)
			n.Text = ArtifactURI(made.Digest)
			n.Source = n.Text
			return err
		}
		if strings.HasPrefix(n.Text, "azureml://") && strings.Contains(n.Text, "datastores/") {
			return nil
		}
		kind = pathKind(n.Text, around)
	}
	ref, err := pipeline.ParseAssetRef(n.Text, kind)
	if err != nil {
		return nil //nolint:nilerr // what is none stays as it is
	}
	if ref, err = r.Asset(ref); err == nil {
		n.Text = ref.String()
		n.Source = n.Text
	}
	return err
}

// pathKind is the kind of asset that a path may refer to, given the mapping that
// it stands in.
func pathKind(path string, around *yaml.Node) pipeline.AssetKind {
	if ref, err := pipeline.ParseAssetRef(path, ""); err == nil && ref.Kind != "" {
		return ref.Kind
	}
	if t := around.Get("type"); t != nil && isModel(pipeline.PortType(strings.ToLower(t.Text))) {
		return pipeline.ModelAsset
	}
	return pipeline.DataAsset
}
