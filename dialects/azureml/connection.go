package azureml

import (
	"path/filepath"

	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// ConnectionFile is the file of a connection that was read. No credential is in
// it, even where the file has one.
type ConnectionFile struct {
	Name, Type, Description string
	// Target is an address without credentials, or a reference to one.
	Target string
	Tags   map[string]string
	// Credentials are references, env:NAME or file:/PATH, by key. Names of users
	// and other identifiers stand for themselves.
	Credentials map[string]string

	loader *loader
	root   *yaml.Node
	file   string
}

var connectionKeys = keySet{what: "a connection",
	read: []string{"name", "type", "description", "tags", "target", "credentials"}, ignored: []string{"$schema", "properties", "metadata", "is_shared"}}

// otherConnections are the types of Azure ML that are no places of data, and
// those that Millrace has no driver for.
var otherConnections = map[string]string{
	"azure_sql_db": "Millrace reaches PostgreSQL and SQLite", "azure_synapse_analytics": "Millrace reaches PostgreSQL and SQLite",
	"azure_my_sql_db": "Millrace reaches PostgreSQL and SQLite", "snowflake": "Millrace reaches PostgreSQL and SQLite",
	"azure_postgres_db": "write \"type: postgres\", and postgres://HOST/DATABASE as the target",
	"git":               "code is a folder on this machine", "python_feed": "conda files name their index", "container_registry": "docker knows its registries",
	"azure_blob": "make a datastore: `millrace datastore create --help`",
}

// LoadConnection reads the file of a connection and checks it. Without a path it
// is made of the options' pairs alone. All mistakes are reported at once.
func LoadConnection(path string, o LoadOptions) (*ConnectionFile, error) {
	f := &ConnectionFile{loader: newLoader(o), file: path}
	l := f.loader
	if path == "" {
		f.file = "flags"
		absolute, err := filepath.Abs(f.file)
		if err != nil {
			absolute = f.file
		}
		doc := yaml.NewDocument(f.file, filepath.Dir(absolute), "")
		f.root = yaml.NewNull(yaml.Pos{Doc: doc, Line: 1, Column: 1})
		f.root.Kind = yaml.Map
	} else if f.root = l.readRoot(path); f.root == nil {
		return f, f.Problems().Errors().ErrorOrNil()
	}
	l.problems.hide(f.root.Doc(), 0)
	before := len(l.problems.list)
	l.set(f.root, o.Set)
	l.problems.hide(f.root.Doc(), before)
	l.connectionFile(f)
	return f, f.Problems().Errors().ErrorOrNil()
}

// Problems are all errors and warnings. No line with a credential is among them.
func (f *ConnectionFile) Problems() Problems {
	list := f.loader.problems.sorted(f.file)
	if f.root == nil {
		return list
	}
	return withoutSecrets(list, f.root.Doc())
}

// Mistake reports what is wrong with the whole of it.
func (f *ConnectionFile) Mistake(hint, message string) {
	f.loader.problems.errorf(f.root.Pos(), hint, "%s", message)
}

func (l *loader) connectionFile(f *ConnectionFile) {
	root := f.root
	l.checkKeys(root, connectionKeys)
	f.Name, f.Type = l.str(root, "name"), strings.ToLower(l.str(root, "type"))
	f.Description, f.Tags = l.str(root, "description"), l.stringMap(root, "tags")
	if t := l.scalar(root.Get("target"), "target"); t != nil {
		if f.Target = referenceIn(strings.TrimSpace(t.Source)); f.Target == "" {
			l.problems.errorf(t.Pos(), "", "the target is empty")
		}
	}
	if hint, ok := otherConnections[f.Type]; ok {
		l.problems.errorf(root.Get("type").Pos(), hint, "connections of the type %s are not for Millrace", f.Type)
		return
	}
	if root.Get("target") == nil {
		l.problems.errorf(root.Pos(), `add "target: postgres://HOST/DATABASE", sqlite:///PATH, s3://BUCKET/PREFIX or file:///FOLDER`, "this connection has no target")
	}
	if root.Get("name") == nil {
		l.problems.errorf(root.Pos(), `add "name: ..."`, "this connection has no name")
	}
	l.connectionCredentials(f)
}

// connectionCredentials reads where the credentials are. Messages repeat nothing
// of what stands there.
func (l *loader) connectionCredentials(f *ConnectionFile) {
	n := f.root.Get("credentials")
	if l.mapping(n, "credentials") == nil {
		return
	}
	f.Credentials = map[string]string{}
	for _, e := range n.Entries {
		if e.Key == "type" || e.Value.IsNull() {
			continue
		}
		v := e.Value
		if v.Kind == yaml.Map && len(v.Entries) == 1 && v.Entries[0].Value.IsScalar() {
			f.Credentials[e.Key] = v.Entries[0].Key + ":" + strings.TrimSpace(v.Entries[0].Value.Source)
			continue
		}
		if !v.IsScalar() {
			l.problems.errorf(e.Pos(), `write "`+e.Key+`: env:NAME"`, "%s does not say where the credential is", e.Key)
			continue
		}
		ref := referenceIn(strings.TrimSpace(v.Source))
		isName := e.Key == "username" || contains(identifiers, e.Key)
		if !isName && !strings.HasPrefix(ref, "env:") && !strings.HasPrefix(ref, "file:") {
			l.problems.warnf(e.Pos(), `write "`+e.Key+`: env:NAME" or "`+e.Key+`: file:/PATH", and have it where the workers run`,
				"%s is not kept: Millrace stores no credentials", e.Key)
			continue
		}
		f.Credentials[e.Key] = ref
	}
}

// referenceIn takes the braces off a reference.
func referenceIn(text string) string {
	if m := referenceForm.FindStringSubmatch(text); m != nil {
		return m[1] + ":" + m[2]
	}
	return text
}
