package azureml

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// AssetFile is the file of an asset that was read, with everything it refers to.
type AssetFile struct {
	Kind pipeline.AssetKind
	// Version is "" where the next one is wanted.
	Name, Version string
	// Type is what az calls it: "command", "uri_folder", "mlflow_model"; "" of
	// environments.
	Type                            string
	DisplayName, Description, Stage string
	Tags, Properties                map[string]string
	// Source is where data or a model is.
	Source *pipeline.Source
	// Flavors are those of an MLflow model.
	Flavors  map[string]any
	Warnings Problems

	problems Problems
	loader   *loader
	root     *yaml.Node
}

// LoadAsset reads the file of an asset, checks it and everything it refers to,
// and reports all mistakes at once, as [Problems]. Without a path the asset is
// made of the options' pairs alone.
func LoadAsset(kind pipeline.AssetKind, path string, o LoadOptions) (*AssetFile, error) {
	return newLoader(o).loadAsset(kind, path, o)
}

func (l *loader) loadAsset(kind pipeline.AssetKind, path string, o LoadOptions) (*AssetFile, error) {
	l.keeping = true
	f := &AssetFile{Kind: kind, loader: l}
	f.root = l.assetRoot(path)
	if f.root != nil {
		l.set(f.root, o.Set)
		l.assetFile(f)
	}
	f.problems = l.problems.sorted(path)
	f.Warnings = f.problems.Warnings()
	return f, f.problems.Errors().ErrorOrNil()
}

// assetRoot reads the file, or begins an empty one in the current folder.
func (l *loader) assetRoot(path string) *yaml.Node {
	if path != "" {
		return l.readRoot(path)
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	root := yaml.NewNull(yaml.Pos{Doc: yaml.NewDocument("command line", dir, ""), Line: 1, Column: 1, Width: 1})
	root.Kind = yaml.Map
	return root
}

// Definition is what a component or an environment is, as YAML that refers to
// no file, and the artifacts that it refers to.
func (f *AssetFile) Definition(pin Pinner) (string, []pipeline.Artifact, error) {
	return f.loader.define(f.root, pin)
}

func (l *loader) assetFile(f *AssetFile) {
	root := f.root
	if what, _ := looksLike(root); l.wrongKind(f, what) {
		return
	}
	f.Name, f.Version = l.assetName(root, "name"), l.assetName(root, "version")
	if f.Name == "" && root.Get("name") == nil {
		l.problems.errorf(root.Pos(), `add "name: ..."`, "%s needs a name", f.Kind.Words())
	}
	f.DisplayName, f.Description, f.Stage = l.str(root, "display_name"), l.str(root, "description"), l.str(root, "stage")
	f.Tags, f.Properties = l.stringMap(root, "tags"), l.stringMap(root, "properties")
	switch f.Kind {
	case pipeline.ComponentAsset:
		f.Type, _ = l.kind(root)
		l.component(root, f.Name)
	case pipeline.EnvironmentAsset:
		l.environmentObject(root)
	case pipeline.DataAsset:
		l.dataFile(f)
	case pipeline.ModelAsset:
		l.modelFile(f)
	}
}

// wrongKind reports files that are surely something else.
func (l *loader) wrongKind(f *AssetFile, what string) bool {
	if what == "" && f.Kind != pipeline.ComponentAsset && (f.root.Get("command") != nil || f.root.Get("jobs") != nil) {
		return l.saysOtherwise(f.root, f.Kind, "a job or a component")
	}
	if what == "" || len(f.root.Entries) == 0 {
		return false
	}
	good := map[pipeline.AssetKind][]string{
		pipeline.ComponentAsset:   {"a component"},
		pipeline.EnvironmentAsset: {"an environment"},
		pipeline.DataAsset:        {"a data asset"},
		pipeline.ModelAsset:       {"a model", "a data asset"},
	}[f.Kind]
	unsure := f.Kind != pipeline.ComponentAsset && strings.HasPrefix(what, "a file of the kind")
	if unsure || slices.Contains(good, what) {
		return false
	}
	return l.saysOtherwise(f.root, f.Kind, what)
}

func (l *loader) saysOtherwise(root *yaml.Node, kind pipeline.AssetKind, what string) bool {
	l.problems.errorf(root.Pos(), "", "this looks like %s, not like %s", what, kind.Words())
	return true
}

// assetName reads a name or a version.
func (l *loader) assetName(m *yaml.Node, key string) string {
	n := l.scalar(m.Get(key), key)
	if n == nil {
		return ""
	}
	if strings.Contains(n.Text, "${{") {
		l.problems.errorf(n.Pos(), "write the "+key+" itself", "%s cannot be an expression here", key)
		return ""
	}
	err := pipeline.CheckAssetName(key, n.Text)
	if key == "version" {
		err = pipeline.CheckAssetVersion(n.Text)
	}
	if err != nil {
		l.problems.errorf(n.Pos(), "", "%s", err)
		return ""
	}
	return n.Text
}

// dataFile reads {name, type, path}.
func (l *loader) dataFile(f *AssetFile) {
	root := f.root
	if e := root.Entry("source"); e != nil {
		l.problems.errorf(e.Pos(), "export the data to a file, and create the data asset from that",
			"this imports data from elsewhere; Millrace does not import from databases and file systems of others yet")
		return
	}
	l.checkKeys(root, dataKeys)
	kind := l.assetType(root, dataAssetTypes, pipeline.URIFolder)
	f.Type = string(kind)
	if kind == "" {
		return
	}
	path := l.assetPath(root)
	if path == nil {
		return
	}
	f.Source, _ = l.source(path, kind)
	if f.Source != nil && kind == pipeline.MLTable && f.Source.Local != "" {
		if info, err := os.Stat(filepath.Join(f.Source.Local, "MLTable")); err != nil || info.IsDir() {
			l.problems.errorf(path.Pos(), "add it, or write \"type: uri_folder\"", "%s has no file MLTable, which makes a folder a table", quote(path.Source))
		}
	}
}

// modelFile reads {name, type, path, flavors, stage}.
func (l *loader) modelFile(f *AssetFile) {
	root := f.root
	l.checkKeys(root, modelKeys)
	kind := l.assetType(root, modelTypes, pipeline.CustomModel)
	f.Type = string(kind)
	if kind == "" {
		return
	}
	path := l.assetPath(root)
	if path == nil {
		return
	}
	if f.Source, _ = l.source(path, kind); f.Source == nil {
		return
	}
	if n := l.mapping(root.Get("flavors"), "flavors"); n != nil {
		f.Flavors, _ = plain(n).(map[string]any)
	}
	if kind == pipeline.MLflowModel && f.Source.Local != "" {
		l.mlflowModel(f, path)
	}
}

// mlflowModel looks into the folder of an MLflow model.
func (l *loader) mlflowModel(f *AssetFile, path *yaml.Node) {
	at := filepath.Join(f.Source.Local, "MLmodel")
	text, err := readFile(at)
	if err != nil {
		l.problems.errorf(path.Pos(), `write "type: custom_model", or give the folder that MLflow has written`,
			"%s is not an MLflow model: MLmodel: %s", quote(path.Source), describe(err))
		return
	}
	if described := Plain(string(text)); described != nil && f.Flavors == nil {
		f.Flavors, _ = described["flavors"].(map[string]any)
	}
}

// assetType reads the type of data or a model; "" is a mistake.
func (l *loader) assetType(root *yaml.Node, legal []pipeline.PortType, otherwise pipeline.PortType) pipeline.PortType {
	t := l.scalar(root.Get("type"), "type")
	if t == nil {
		if root.Get("type") != nil {
			return ""
		}
		return otherwise
	}
	kind := pipeline.PortType(strings.ToLower(t.Text))
	if !slices.Contains(legal, kind) {
		l.problems.errorf(t.Pos(), l.typeHint(t.Text, legal), "%q is not a type of this kind of asset", clip(t.Text))
		return ""
	}
	return kind
}

func (l *loader) assetPath(root *yaml.Node) *yaml.Node {
	path := l.scalar(root.Get("path"), "path")
	if path == nil && root.Get("path") == nil {
		l.problems.errorf(root.Pos(), `add "path: ..."`, "this asset has no path")
	}
	return path
}

// number is an integer or a number, as JSON has it; what JSON cannot say stays
// text.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
		return json.Number(text)
	}
	return text
}
