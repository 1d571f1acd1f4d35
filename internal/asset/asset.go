package asset

import (
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Version is one version of an asset: what was created, which never changes,
// and beside it what people note about it, which may.
type Version struct {
	Kind    pipeline.AssetKind `json:"kind"`
	Name    string             `json:"name"`
	Version string             `json:"version"`
	// Type is "command" or "pipeline" of components, "uri_file" and its like of
	// data, "custom_model" and its like of models, "" of environments.
	Type string `json:"type,omitempty"`
	// Definition is what a component or an environment is, as YAML that refers
	// to no file: code and build contexts stand in it as artifacts.
	Definition string `json:"definition,omitempty"`
	// Artifacts are those that Definition refers to.
	Artifacts []pipeline.Artifact `json:"artifacts,omitempty"`
	// URI is where data or a model is, when it is not in the store.
	URI string `json:"uri,omitempty"`
	// Artifact is the content of data or a model that is in the store.
	Artifact *pipeline.Artifact `json:"artifact,omitempty"`
	// Flavors are those of an MLflow model, as its file says.
	Flavors map[string]any `json:"flavors,omitempty"`
	// Origin is what the asset was made from, where that is known.
	Origin    *Origin   `json:"origin,omitempty"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by,omitempty"`
	Notes     Notes     `json:"notes"`
}

// Origin is what an asset was made from: the output of a job's step, or an
// asset of another store that was shared.
type Origin struct {
	Job    string `json:"job,omitempty"`
	Step   string `json:"step,omitempty"`
	Output string `json:"output,omitempty"`
	Asset  string `json:"asset,omitempty"`
	// Store is the identity of the store that has the job or the asset; "" is
	// the one that has the version itself.
	Store string `json:"store,omitempty"`
}

// Notes are what may change of a version.
type Notes struct {
	DisplayName string            `json:"display_name,omitempty"`
	Description string            `json:"description,omitempty"`
	Stage       string            `json:"stage,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Properties  map[string]string `json:"properties,omitempty"`
	Archived    bool              `json:"archived,omitempty"`
	Modified    time.Time         `json:"modified,omitzero"`
	ModifiedBy  string            `json:"modified_by,omitempty"`
}

// Ref is the pinned reference to the version, in a registry or in the store of
// the jobs ("").
func (v Version) Ref(registry string) pipeline.AssetRef {
	return pipeline.AssetRef{Registry: registry, Kind: v.Kind, Name: v.Name, Version: v.Version}
}
