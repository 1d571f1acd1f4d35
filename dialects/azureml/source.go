package azureml

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// uriScheme is what a URI begins with. One letter would be a Windows drive.
var uriScheme = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]+://`)

// storageSchemes are places that are read as they are, when the step starts.
var storageSchemes = []string{"http", "https", "wasb", "wasbs", "abfs", "abfss", "adl", "s3", "gs", "azblob"}

// source finds what the path of data means, given its type, which may be "", and
// the type it turns out to have, if any. It returns nil where the path is a
// mistake, which is then reported.
func (l *loader) source(n *yaml.Node, kind pipeline.PortType) (*pipeline.Source, pipeline.PortType) {
	path := strings.TrimSpace(n.Source)
	s := &pipeline.Source{URI: path, Position: n.Pos().String()}
	if rest, ok := strings.CutPrefix(path, "azureml:"); ok && uriScheme.MatchString(rest) {
		path, s.URI = rest, rest
	}
	switch {
	case path == "":
		l.problems.errorf(n.Pos(), "", "this path is empty")
		return nil, kind
	case strings.HasPrefix(path, "azureml:"):
		return l.azureSource(n, s, kind)
	case strings.HasPrefix(path, "file:"):
		return l.localSource(n, s, localPath(path), kind), kind
	case strings.HasPrefix(path, "runs:/"):
		return l.jobOutput(n, s, kind)
	case uriScheme.MatchString(path):
		scheme, _, _ := strings.Cut(path, "://")
		if !contains(storageSchemes, strings.ToLower(scheme)) {
			l.problems.errorf(n.Pos(), "use a local path, azureml://datastores/NAME/paths/PATH, or one of "+strings.Join(storageSchemes, ", "),
				"data cannot be read from %s://", clip(scheme))
			return nil, kind
		}
		if pipeline.WithoutSecrets(path) != path {
			l.problems.warnf(n.Pos(), "use a datastore, whose credentials are named and never stored: azureml://datastores/NAME/paths/PATH",
				"this address holds a secret, which is kept with what is created from it")
		}
		if folder := kind != pipeline.URIFile && kind != pipeline.CustomModel; folder && isWebFile(path) {
			l.problems.warnf(n.Pos(), `write "type: uri_file"`, "only a file can be read from %s, and this input is a folder", quote(path))
		}
		return s, kind
	}
	return l.localSource(n, s, path, kind), kind
}

// isWebFile tells a plain URL from one into a storage account, which has folders.
func isWebFile(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && strings.HasPrefix(u.Scheme, "http") && !strings.HasSuffix(u.Hostname(), ".core.windows.net")
}

// azureSource reads the references that begin with "azureml:".
func (l *loader) azureSource(n *yaml.Node, s *pipeline.Source, kind pipeline.PortType) (*pipeline.Source, pipeline.PortType) {
	if a, ok := l.artifact(n, s.URI); ok {
		s.Artifact = a
		if a == nil {
			return nil, kind
		}
		return s, kind
	}
	switch {
	case strings.HasPrefix(s.URI, "azureml://jobs/"):
		return l.jobOutput(n, s, kind)
	case strings.HasPrefix(s.URI, "azureml://") && strings.Contains(s.URI, "/datastores/") || strings.HasPrefix(s.URI, "azureml://datastores"):
		uri, problem := datastoreURI(s.URI)
		if problem != "" {
			l.problems.errorf(n.Pos(), "write azureml://datastores/NAME/paths/PATH", "%s", problem)
			return nil, kind
		}
		if s.URI = uri; !l.reachable(n, uri) {
			return nil, kind
		}
		if a := l.shownOutput(s); a != nil {
			return l.made(n, s, a, kind)
		}
		return s, kind
	}
	return l.dataAsset(n, s, kind)
}

// longDatastoreURI is the form that names the workspace, too.
var longDatastoreURI = regexp.MustCompile(`^azureml://subscriptions/[^/]+/resource[gG]roups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/(datastores/.*)$`)

// datastoreURI brings a place in a datastore into its short form, or says what
// is wrong with it. Expressions in it are left alone.
func datastoreURI(uri string) (short, problem string) {
	if m := longDatastoreURI.FindStringSubmatch(uri); m != nil {
		uri = "azureml://" + m[1]
	}
	rest, ok := strings.CutPrefix(uri, "azureml://datastores/")
	if !ok {
		return "", quote(uri) + " is none"
	}
	store, path, ok := strings.Cut(rest, "/")
	if store == "" {
		return "", quote(uri) + " does not name the datastore"
	}
	if !ok || path != "paths" && !strings.HasPrefix(path, "paths/") {
		return "", quote(uri) + ` lacks "/paths/" after the datastore`
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == ".." {
			return "", quote(uri) + ` leaves its datastore with ".."`
		}
	}
	return uri, ""
}

// localSource finds a file or folder of this machine.
func (l *loader) localSource(n *yaml.Node, s *pipeline.Source, path string, kind pipeline.PortType) *pipeline.Source {
	if l.inDefinition(n, "file") {
		return nil
	}
	absolute, _ := resolve(n.Doc(), path)
	info, err := os.Stat(absolute)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			l.problems.errorf(n.Pos(), l.nearbyHint(absolute, path), "there is no file or folder %s", quote(path))
		} else {
			l.problems.errorf(n.Pos(), "", "%s: %s", quote(path), describe(err))
		}
		return nil
	}
	switch {
	case !info.IsDir() && !info.Mode().IsRegular():
		l.problems.errorf(n.Pos(), "", "%s is neither a file nor a folder", quote(path))
		return nil
	case info.IsDir() && kind == pipeline.URIFile:
		l.problems.errorf(n.Pos(), `write "type: uri_folder"`, "%s is a folder, and the type is uri_file", quote(path))
		return nil
	case !info.IsDir() && kind == "":
		l.problems.errorf(n.Pos(), `write "type: uri_file"`, "%s is a file, and data without a type is taken for a folder", quote(path))
		return nil
	case !info.IsDir() && kind != pipeline.URIFile && kind != pipeline.CustomModel:
		hint := `write "type: uri_file"`
		if isModel(kind) {
			hint = `give the folder of the model, or write "type: custom_model"`
		}
		l.problems.errorf(n.Pos(), hint, "%s is a file, and the type is %s", quote(path), kind)
		return nil
	}
	s.Local = absolute
	l.embed(n, embedding{source: s})
	s.URI = (&url.URL{Scheme: "file", Path: absolute}).String()
	return s
}
