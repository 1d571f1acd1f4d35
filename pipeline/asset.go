package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// AssetKind says what kind of thing an asset is, in the singular.
type AssetKind string

// The kinds of assets.
const (
	ComponentAsset   AssetKind = "component"
	DataAsset        AssetKind = "data"
	EnvironmentAsset AssetKind = "environment"
	ModelAsset       AssetKind = "model"
)

// AssetKinds are all kinds, in the order in which people are told of them.
func AssetKinds() []AssetKind {
	return []AssetKind{ComponentAsset, DataAsset, EnvironmentAsset, ModelAsset}
}

// Plural is how URIs write the kind: "components", "data".
func (k AssetKind) Plural() string {
	if k == DataAsset {
		return "data"
	}
	return string(k) + "s"
}

// Words name one of the kind, with the article.
func (k AssetKind) Words() string {
	switch k {
	case DataAsset:
		return "a data asset"
	case EnvironmentAsset:
		return "an environment"
	}
	return "a " + string(k)
}

// LatestLabel means the version that was created last.
const LatestLabel = "latest"

// DefaultLabel means that version, too.
const DefaultLabel = "default"

// AssetRef refers to a version of an asset. Where both Version and Label are
// empty the latest version is meant.
type AssetRef struct {
	// Registry is the name of a registry; "" is the store of the jobs, which
	// Azure calls the workspace.
	Registry string    `json:"registry,omitempty"`
	Kind     AssetKind `json:"kind"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	Label    string    `json:"label,omitempty"`
}

// Pinned reports whether the reference names one version for good.
func (r AssetRef) Pinned() bool { return r.Version != "" }

// Short is the reference without what leads to it: "NAME:VERSION".
func (r AssetRef) Short() string {
	switch {
	case r.Version != "":
		return r.Name + ":" + r.Version
	case r.Label != "":
		return r.Name + "@" + r.Label
	}
	return r.Name
}

// String writes the reference as files do: "azureml:NAME:VERSION", or
// "azureml://registries/R/components/NAME/versions/VERSION".
func (r AssetRef) String() string {
	if r.Registry == "" {
		return "azureml:" + r.Short()
	}
	text := "azureml://registries/" + r.Registry + "/" + r.Kind.Plural() + "/" + r.Name
	switch {
	case r.Version != "":
		return text + "/versions/" + r.Version
	case r.Label != "":
		return text + "/labels/" + r.Label
	}
	return text
}

// assetName is what names, versions and labels of assets are made of: they
// become parts of keys, paths and URIs, and names of files.
var assetName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,249}$`)

// ErrAssetName is in every error of [CheckAssetName].
var ErrAssetName = errors.New("use letters, digits, '_', '-' and '.', at most 250, beginning with a letter, a digit or '_'")

// CheckAssetName reports why an asset (or a version, a label, a registry: what
// says which) cannot be called so, or nil.
func CheckAssetName(what, name string) error {
	if !assetName.MatchString(name) {
		return fmt.Errorf("%s %q: %w", what, name, ErrAssetName)
	}
	return nil
}

// ParseAssetRef reads a reference to an asset of the kind that is expected; ""
// takes any, and leaves the kind empty where the text does not say it:
//
//	azureml:NAME:VERSION  azureml:NAME@LABEL  azureml:NAME
//	azureml://registries/R/components/NAME/versions/VERSION (or labels/LABEL, or neither)
//	azureml:/subscriptions/.../workspaces/W/components/NAME/versions/VERSION (or registries/R)
//	azureml://locations/L/workspaces/W/data/NAME/versions/VERSION
//
// The workspace that a long form names is not looked at: there is only one.
func ParseAssetRef(text string, kind AssetKind) (AssetRef, error) {
	rest, ok := strings.CutPrefix(text, "azureml:")
	if !ok {
		return AssetRef{}, fmt.Errorf("%q is not a reference, which begins with azureml: and a name", text)
	}
	if strings.HasPrefix(rest, "/") {
		return parseLongRef(text, rest, kind)
	}
	ref := AssetRef{Kind: kind, Name: rest}
	if name, label, ok := strings.Cut(rest, "@"); ok {
		ref.Name, ref.Label = name, label
		if label == "" {
			return AssetRef{}, fmt.Errorf("%q ends without a label", text)
		}
	} else if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		ref.Name, ref.Version = rest[:i], rest[i+1:]
		if ref.Version == "" {
			return AssetRef{}, fmt.Errorf("%q ends without a version", text)
		}
	}
	return ref, ref.check(text)
}

func (r AssetRef) check(text string) error {
	for _, part := range []struct{ what, name string }{
		{"name", r.Name}, {"version", r.Version}, {"label", r.Label}, {"registry", r.Registry},
	} {
		if part.name == "" && part.what != "name" {
			continue
		}
		if part.name == "" {
			return fmt.Errorf("%q does not name an asset", text)
		}
		if !assetName.MatchString(part.name) {
			return fmt.Errorf("%q is not a reference: %q cannot be the %s", text, part.name, part.what)
		}
	}
	return nil
}

// parseLongRef reads the forms that are paths. What matters is the registry,
// and from the kind on.
func parseLongRef(text, rest string, kind AssetKind) (AssetRef, error) {
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	ref := AssetRef{}
	if len(parts) > 1 && (parts[0] == "registries" || parts[0] == "feeds") {
		ref.Registry, parts = parts[1], parts[2:]
	} else {
		for i, word := range parts {
			registry := strings.EqualFold(word, "registries")
			if (registry || strings.EqualFold(word, "workspaces")) && i+2 < len(parts) {
				if registry {
					ref.Registry = parts[i+1]
				}
				parts = parts[i+2:]
				break
			}
		}
	}
	if len(parts) < 2 {
		return AssetRef{}, fmt.Errorf("%q does not name an asset", text)
	}
	for _, k := range AssetKinds() {
		if parts[0] == k.Plural() {
			ref.Kind = k
		}
	}
	switch {
	case ref.Kind == "":
		return AssetRef{}, fmt.Errorf("%q does not refer to an asset", text)
	case kind != "" && ref.Kind != kind:
		return AssetRef{}, fmt.Errorf("%q refers to %s, not to %s", text, ref.Kind.Words(), kind.Words())
	}
	ref.Name = parts[1]
	switch {
	case len(parts) == 2:
	case len(parts) == 4 && parts[2] == "versions":
		ref.Version = parts[3]
	case len(parts) == 4 && parts[2] == "labels":
		ref.Label = parts[3]
	default:
		return AssetRef{}, fmt.Errorf("%q does not end in versions/VERSION or labels/LABEL", text)
	}
	return ref, ref.check(text)
}

// CheckAssetVersion reports why no new version can be called so, or nil. Labels
// can be none: azureml:NAME@latest is another version tomorrow.
func CheckAssetVersion(version string) error {
	if version == LatestLabel || version == DefaultLabel {
		return labelVersion(version)
	}
	return CheckAssetName("version", version)
}

// labelVersion is the error for a version that is called like a label.
type labelVersion string

func (v labelVersion) Error() string {
	return fmt.Sprintf("%q is a label, which moves on to each new version; write a version such as 1, or none to get the next number", string(v))
}

func (labelVersion) Is(target error) bool { return target == ErrAssetName }
