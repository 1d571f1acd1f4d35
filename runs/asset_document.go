package runs

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/pipeline"
)

// AssetDocument is a version of an asset in the shape that "az ml KIND show
// -o json" gives it. The registry is the one that it was found in, "" for the
// store of the jobs.
func AssetDocument(v asset.Version, registry string) map[string]any {
	d := map[string]any{
		"id": assetID(v.Ref(registry)), "name": v.Name, "version": v.Version,
		"description": orNull(v.Notes.Description), "tags": nonNil(v.Notes.Tags), "properties": nonNil(v.Notes.Properties),
		"creation_context": creation(v.Created, v.CreatedBy, v.Notes.Modified, v.Notes.ModifiedBy),
		"resourceGroup":    ResourceGroup, "archived": v.Notes.Archived,
	}
	switch v.Kind {
	case pipeline.ComponentAsset:
		define(d, v, registry)
		d["display_name"] = orName(v.Notes.DisplayName, v.Name)
		d["type"] = orName(v.Type, "command")
		if _, said := d["is_deterministic"]; !said {
			d["is_deterministic"] = true
		}
		for _, ports := range []string{"inputs", "outputs"} {
			if d[ports] == nil {
				d[ports] = map[string]any{}
			}
		}
	case pipeline.EnvironmentAsset:
		define(d, v, registry)
		if d["os_type"] == nil {
			d["os_type"] = "linux"
		}
	default:
		d["type"], d["path"] = v.Type, pipeline.WithoutSecrets(v.URI)
		if v.Artifact != nil && v.URI == "" {
			d["path"] = datastore.UploadURI(*v.Artifact, v.Artifact.Name)
		}
		if v.Artifact != nil {
			d["digest"] = string(v.Artifact.Digest)
		}
		if v.Kind == pipeline.ModelAsset {
			d["stage"], d["flavors"] = orNull(v.Notes.Stage), v.Flavors
			d["job_name"] = nil
		}
	}
	if v.Origin != nil {
		d["origin"] = v.Origin
		if v.Kind == pipeline.ModelAsset {
			d["job_name"] = orNull(v.Origin.Job)
		}
	}
	return d
}

// assetID is the id of a version as az writes it.
func assetID(ref pipeline.AssetRef) string {
	if ref.Registry != "" {
		return ref.String()
	}
	return id(ref.Kind.Plural(), ref.Name, "versions", ref.Version)
}

// define adds what the definition says, with ids in the place of references.
func define(d map[string]any, v asset.Version, registry string) {
	for key, value := range azureml.Plain(v.Definition) {
		if _, taken := d[key]; !taken {
			d[key] = identified(key, value, registry)
		}
	}
}

// identified writes references as az shows them.
func identified(key string, value any, registry string) any {
	switch v := value.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = identified(k, v[k], registry)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = identified("", v[i], registry)
		}
		return list
	case string:
		return identifiedText(key, v, registry)
	}
	return value
}

func identifiedText(key, text, registry string) string {
	if digest, below, ok := azureml.SplitArtifact(text); ok {
		if key == "code" {
			if registry != "" {
				return "azureml://registries/" + registry + "/codes/" + digest.Hex() + "/versions/1"
			}
			return id("codes", digest.Hex(), "versions", "1")
		}
		return datastore.UploadURI(pipeline.Artifact{Digest: digest, Tree: true}, "data") + below
	}
	text = pipeline.WithoutSecrets(text)
	kind := map[string]pipeline.AssetKind{"component": pipeline.ComponentAsset, "environment": pipeline.EnvironmentAsset}[key]
	if kind == "" || !strings.HasPrefix(text, "azureml:") {
		return text
	}
	ref, err := pipeline.ParseAssetRef(text, kind)
	if err != nil || !ref.Pinned() {
		return text
	}
	return assetID(ref)
}
