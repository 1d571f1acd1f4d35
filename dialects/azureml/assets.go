package azureml

import (
	"errors"
	"regexp"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// Assets finds what files refer to by name. What it answers is pinned: the
// same for as long as the store lasts.
type Assets interface {
	// Find returns the version that a reference means. Where there is none, the
	// error is an [Unknown].
	Find(ref pipeline.AssetRef) (*Asset, error)
	// Output returns what an earlier job made: an output, or a file or folder
	// below it.
	Output(job, output, path string) (*Asset, error)
	// Place reports why an address in a datastore cannot be used, or nil.
	Place(uri string) error
	// Connection reports that there is no connection of a name, or nil.
	Connection(name string) error
}

// Asset is a version of a component, an environment, data or a model.
type Asset struct {
	// Ref is the pinned reference; zero for the output of a job.
	Ref pipeline.AssetRef
	// Type is that of data and models.
	Type pipeline.PortType
	// Definition is the YAML of a component or an environment; "" for an
	// environment that has a name only.
	Definition string
	// Artifacts are those that the definition refers to.
	Artifacts []pipeline.Artifact
	// URI is where data lies, Artifact what it is; the latter is nil for data
	// that is not in the store.
	URI      string
	Artifact *pipeline.Artifact
}

// Unknown is the error for a reference that leads to nothing.
type Unknown struct {
	// Message says what there is not, Hint what there is instead, or how to
	// make it.
	Message, Hint string
	// Tolerable is set where a job can do without: it becomes a warning.
	Tolerable bool
}

func (u *Unknown) Error() string { return u.Message }

// find looks a reference up, once for every text and kind. It returns nil where
// there is nothing, which is then reported.
func (l *loader) find(n *yaml.Node, written string, kind pipeline.AssetKind) *Asset {
	ref, err := pipeline.ParseAssetRef(written, kind)
	if err != nil {
		long := "azureml://registries/REGISTRY/" + kind.Plural() + "/NAME/versions/VERSION"
		l.problems.errorf(n.Pos(), `write "azureml:NAME:VERSION", "azureml:NAME@latest" or "`+long+`"`, "%s", err)
		return nil
	}
	key := string(kind) + " " + ref.String()
	found, known := l.found[key]
	if !known {
		switch {
		case l.assets == nil && kind == pipeline.EnvironmentAsset:
			found.asset = &Asset{}
		case l.assets == nil:
			found.err = &Unknown{Message: "registered assets cannot be looked up here: " + quote(written)}
		default:
			found.asset, found.err = l.assets.Find(ref)
		}
		l.found[key] = found
	}
	if found.err != nil {
		l.unknown(n, found.err)
		return nil
	}
	return found.asset
}

// finding is what became of looking a reference up.
type finding struct {
	asset *Asset
	err   error
}

func (l *loader) unknown(n *yaml.Node, err error) { l.unknownAt(n.Pos(), n.Source, err) }

// unknownAt is unknown of what stands at a place.
func (l *loader) unknownAt(at yaml.Pos, written string, err error) {
	unknown, ok := errors.AsType[*Unknown](err)
	switch {
	case !ok:
		l.problems.errorf(at, "", "%s cannot be looked up: %s", quote(written), err)
	case unknown.Tolerable:
		l.problems.warnf(at, unknown.Hint, "%s", unknown.Message)
	default:
		l.problems.errorf(at, unknown.Hint, "%s", unknown.Message)
	}
}

// registered reads a component by its name.
func (l *loader) registered(n *yaml.Node, written string) *component {
	a := l.find(n, written, pipeline.ComponentAsset)
	if a == nil {
		return nil
	}
	l.pins[n] = a.Ref.String()
	key := a.Ref.String()
	for i, above := range l.chain {
		if above.path == key {
			l.includeCycle(n, i, key)
			return nil
		}
	}
	if c, known := l.components[key]; known {
		return c
	}
	if len(l.chain) >= maxIncludes {
		l.problems.errorf(n.Pos(), "", "components include each other more than %d levels deep", maxIncludes)
		return nil
	}
	l.components[key] = nil
	root := l.definition(n, a)
	if root == nil {
		return nil
	}
	l.chain = append(l.chain, inclusion{path: key, name: key})
	defer func() { l.chain = l.chain[:len(l.chain)-1] }()
	c := l.component(root, a.Ref.Name)
	if c != nil {
		c.asset = key
	}
	l.components[key] = c
	return c
}

// definition parses what an asset is. It stands in no folder, and says so by
// its name.
func (l *loader) definition(n *yaml.Node, a *Asset) *yaml.Node {
	before := l.problems.errors
	root := l.parse(a.Ref.String(), "", []byte(a.Definition))
	switch {
	case root == nil && l.problems.errors == before:
		l.problems.errorf(n.Pos(), "", "the definition of %s is empty", a.Ref)
	case root != nil && root.Kind != yaml.Map:
		l.problems.errorf(n.Pos(), "", "the definition of %s is damaged", a.Ref)
		root = nil
	}
	if root != nil {
		l.defined[root.Doc()] = a
		l.problems.settle(root.Doc())
	}
	return root
}

// artifactForm is how definitions refer to what they were made with.
const artifactForm = "azureml://artifacts/"

// artifact finds the artifact that a definition refers to. Only definitions can:
// ok is false for any other text.
func (l *loader) artifact(n *yaml.Node, written string) (found *pipeline.Artifact, ok bool) {
	digest, ok := strings.CutPrefix(written, artifactForm)
	if !ok {
		return nil, false
	}
	if a := l.defined[n.Doc()]; a != nil {
		for i := range a.Artifacts {
			if string(a.Artifacts[i].Digest) == digest {
				return &a.Artifacts[i], true
			}
		}
	}
	l.problems.errorf(n.Pos(), "", "there is no artifact %s here", quote(digest))
	return nil, true
}

// inDefinition reports a path in the definition of an asset, where no file
// can be meant.
func (l *loader) inDefinition(n *yaml.Node, what string) bool {
	if l.defined[n.Doc()] == nil {
		return false
	}
	l.problems.errorf(n.Pos(), "", "a registered asset cannot refer to the %s %s of this machine", what, quote(n.Source))
	return true
}

// dataAsset finds data or a model by its name.
func (l *loader) dataAsset(n *yaml.Node, s *pipeline.Source, kind pipeline.PortType) (*pipeline.Source, pipeline.PortType) {
	ref, err := pipeline.ParseAssetRef(s.URI, "")
	asset := pipeline.DataAsset
	if err == nil && (ref.Kind == pipeline.ModelAsset || ref.Kind == "" && isModel(kind)) {
		asset = pipeline.ModelAsset
	}
	a := l.find(n, s.URI, asset)
	if a == nil {
		return nil, kind
	}
	if !ref.Pinned() {
		ref.Kind = asset
		s.Floating = ref.String()
	}
	s.Asset = a.Ref.String()
	l.pins[n] = s.Asset
	return l.made(n, s, a, kind)
}

// made fills in what was found. The type that the file says wins over that of
// the asset, as in Azure.
func (l *loader) made(n *yaml.Node, s *pipeline.Source, a *Asset, kind pipeline.PortType) (*pipeline.Source, pipeline.PortType) {
	s.URI, s.Artifact = a.URI, a.Artifact
	if kind == "" {
		kind = a.Type
	}
	if a.Artifact != nil && a.Artifact.Tree && kind == pipeline.URIFile {
		l.problems.errorf(n.Pos(), `write "type: uri_folder"`, "%s is a folder, and the type is uri_file", quote(n.Source))
		return nil, kind
	}
	return s, kind
}

// reachable reports datastores that do not exist.
func (l *loader) reachable(n *yaml.Node, uri string) bool {
	if l.assets == nil || strings.Contains(uri, "${{") {
		return true
	}
	err := l.assets.Place(uri)
	if err != nil {
		l.unknown(n, err)
	}
	return err == nil
}

func isModel(kind pipeline.PortType) bool {
	return kind == pipeline.CustomModel || kind == pipeline.MLflowModel || kind == pipeline.TritonModel
}

// jobOutput finds what an earlier job made: azureml://jobs/J/outputs/O/paths/P.
func (l *loader) jobOutput(n *yaml.Node, s *pipeline.Source, kind pipeline.PortType) (*pipeline.Source, pipeline.PortType) {
	job, output, path, ok := splitOutput(s.URI)
	if !ok {
		l.problems.errorf(n.Pos(), "write azureml://jobs/JOB/outputs/OUTPUT/paths/PATH", "%s does not name the output of a job", quote(s.URI))
		return nil, kind
	}
	if l.assets == nil {
		l.problems.errorf(n.Pos(), "", "outputs of other jobs cannot be looked up here: %s", quote(s.URI))
		return nil, kind
	}
	a, err := l.assets.Output(job, output, path)
	if err != nil {
		l.unknown(n, err)
		return nil, kind
	}
	s.Asset = outputURI(job, output, path)
	return l.made(n, s, a, kind)
}

// shownOutputs are the places at which documents of jobs show outputs that were
// published nowhere, as Azure has them: of a job's output, and of its artifacts.
var shownOutputs = []*regexp.Regexp{
	regexp.MustCompile(`^azureml://datastores/` + defaultDatastore + `/paths/azureml/(?P<job>[^/]+)/(?P<output>[^/]+)/*(?P<path>.*)$`),
	regexp.MustCompile(`^azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid\.(?P<job>[^/]+)(?P<output>/+|$)(?P<path>.*)$`),
}

// shownOutput finds what a job made where its document shows it; nil where the
// address is that of no job's output, but a place that may have been written to.
func (l *loader) shownOutput(s *pipeline.Source) *Asset {
	if l.assets == nil {
		return nil
	}
	for _, form := range shownOutputs {
		m := form.FindStringSubmatch(s.URI)
		if m == nil {
			continue
		}
		job, output, path := m[1], m[2], strings.Trim(m[3], "/")
		if strings.Trim(output, "/") == "" {
			output = pipeline.Artifacts
		}
		if a, err := l.assets.Output(job, output, path); err == nil {
			s.Asset = outputURI(job, output, path)
			return a
		}
	}
	return nil
}

// outputURI is the address of a job's output.
func outputURI(job, output, path string) string {
	uri := "azureml://jobs/" + job + "/outputs/" + output
	if path != "" {
		uri += "/paths/" + path
	}
	return uri
}

// splitOutput takes the address of a job's output apart.
func splitOutput(uri string) (job, output, path string, ok bool) {
	if rest, found := strings.CutPrefix(uri, "runs:/"); found { // MLflow's name for a job's artifacts
		job, path, _ = strings.Cut(rest, "/")
		return job, pipeline.Artifacts, path, job != ""
	}
	rest, found := strings.CutPrefix(uri, "azureml://jobs/")
	if !found {
		return "", "", "", false
	}
	job, rest, found = strings.Cut(rest, "/outputs/")
	if !found {
		return "", "", "", false
	}
	output, rest, _ = strings.Cut(rest, "/")
	switch below, found := strings.CutPrefix(rest, "paths"); {
	case found && (below == "" || below[0] == '/'):
		path = strings.Trim(below, "/")
	case rest != "":
		return "", "", "", false
	}
	return job, output, path, job != "" && output != ""
}
