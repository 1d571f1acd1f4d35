package azureml

import (
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// DatastoreFile is the file of a datastore that was read. It says where the
// credentials are; no credential is in it, even where the file has one.
type DatastoreFile struct {
	// Name is "" where the file gives none.
	Name string
	// Type is Azure ML's name of the type, or one of "file", "s3", "gs" and
	// "azblob"; "" where it is wrong.
	Type, Description string
	Tags              map[string]string
	// Fields are the other keys with text, such as "account_name" and "url". A
	// path under "url" has become a URL.
	Fields map[string]string
	// ItemType and ItemName are the artifact of a OneLake workspace.
	ItemType, ItemName string
	// StandsFor are the addresses whose data is read from here.
	StandsFor   []string
	Credentials map[string]Credential

	loader *loader
	doc    *yaml.Document
	root   *yaml.Node
}

// Credential says where a credential is: in an environment variable or a file.
// Identifiers, which are no secrets, are in Text.
type Credential struct {
	Env, File, Text string
}

// LoadDatastore reads the file of a datastore and checks it. Without a path the
// datastore is made of the options' pairs alone. What it returns holds what
// could be read even where there are mistakes; then the error is [Problems], all
// of them at once.
func LoadDatastore(path string, o LoadOptions) (*DatastoreFile, error) {
	if path == "" {
		here, err := filepath.Abs("flags")
		if err != nil {
			here = "flags"
		}
		f := newDatastoreFile("flags", here, "", o)
		f.root = yaml.NewNull(f.start())
		f.root.Kind = yaml.Map
		return f.load(o)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		absolute = path
	}
	source, err := readFile(absolute)
	if err != nil {
		f := newDatastoreFile(path, absolute, "", o)
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = f.loader.nearbyHint(absolute, path)
		}
		f.loader.problems.errorf(f.start(), hint, "%s", describe(err))
		return f, f.Problems().ErrorOrNil()
	}
	return newDatastoreFile(path, absolute, string(source), o).load(o)
}

// ParseDatastore reads a datastore from text, whose paths are those of the
// current folder; name is what messages call it.
func ParseDatastore(name, text string, o LoadOptions) (*DatastoreFile, error) {
	absolute, err := filepath.Abs(name)
	if err != nil {
		absolute = name
	}
	return newDatastoreFile(name, absolute, text, o).load(o)
}

func newDatastoreFile(name, absolute, text string, o LoadOptions) *DatastoreFile {
	f := &DatastoreFile{loader: newLoader(o), doc: yaml.NewDocument(name, filepath.Dir(absolute), text)}
	f.root = f.loader.parse(name, absolute, []byte(text))
	f.loader.problems.hide(f.doc, 0)
	return f
}

func (f *DatastoreFile) start() yaml.Pos { return yaml.Pos{Doc: f.doc, Line: 1, Column: 1, Width: 1} }

func (f *DatastoreFile) load(o LoadOptions) (*DatastoreFile, error) {
	l := f.loader
	switch {
	case f.root == nil && l.problems.errors == 0:
		l.problems.errorf(f.start(), `a datastore begins with "name: ..." and "type: ..."`, "this file is empty")
	case f.root == nil:
	case f.root.Kind != yaml.Map:
		l.problems.errorf(f.root.Pos(), "", "a datastore is a mapping, and this is %s", f.root.Kind)
		f.root = nil
	default:
		before := len(l.problems.list)
		l.set(f.root, o.Set)
		l.problems.hide(f.doc, before)
		l.datastore(f)
	}
	return f, f.Problems().Errors().ErrorOrNil()
}

// Problems are all errors and warnings, by file, line and column. They show no
// line that may hold a credential.
func (f *DatastoreFile) Problems() Problems {
	return withoutSecrets(f.loader.problems.sorted(f.doc.Name), f.doc)
}

// Mistake adds an error about the value of a key: "url", "stands_for[1]". It is
// for what is only found when the datastore is made.
func (f *DatastoreFile) Mistake(key, hint, message string) {
	at := f.start()
	if n := f.find(key); n != nil {
		at = n.Pos()
	}
	f.loader.problems.errorf(at, hint, "%s", message)
}

// find is the value that a key leads to, or nil.
func (f *DatastoreFile) find(key string) *yaml.Node {
	if f.root == nil {
		return nil
	}
	key, index, listed := strings.Cut(strings.TrimSuffix(key, "]"), "[")
	n := f.root.Get(key)
	if n == nil || !listed || n.Kind != yaml.List {
		return n
	}
	if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(n.Items) {
		return n.Items[i]
	}
	return n
}

func (l *loader) datastore(f *DatastoreFile) {
	root := f.root
	kind, ok := l.datastoreType(f)
	if !ok {
		return
	}
	f.Type = kind.name
	l.datastoreKeys(root, kind)
	f.Name = l.assetName(root, "name")
	if f.Name == "" && root.Get("name") == nil {
		l.problems.errorf(root.Pos(), `add "name: ..."`, "this datastore has no name")
	}
	f.Description, f.Tags = l.str(root, "description"), l.stringMap(root, "tags")
	f.Fields = map[string]string{}
	for _, key := range kind.keys.read {
		switch {
		case key == "artifact":
			l.lakeItem(f)
		case key == "url" || !contains(datastoreAbout, key):
			if text := strings.TrimSpace(l.str(root, key)); text != "" {
				f.Fields[key] = text
			}
		}
	}
	if text := f.Fields["url"]; text != "" && !strings.Contains(text, "://") {
		absolute, _ := resolve(root.Get("url").Doc(), localPath(text))
		f.Fields["url"] = (&url.URL{Scheme: "file", Path: absolute}).String()
	}
	for _, key := range kind.required {
		if root.Get(key) == nil && l.misspelledKey(root, key) == "" {
			l.problems.errorf(root.Pos(), `add "`+key+`: ..."`, "%s needs %s", kind.what(), key)
		}
	}
	f.StandsFor = l.standsFor(root)
	l.credentials(f, kind)
}

// datastoreKeys reports keys that a datastore of the type cannot have.
func (l *loader) datastoreKeys(root *yaml.Node, kind datastoreType) {
	keys := *kind.keys
	keys.ignored = slices.Clone(keys.ignored)
	for _, e := range root.Entries {
		switch {
		case isCredential(e.Key):
			keys.ignored = append(keys.ignored, e.Key)
			l.problems.errorf(e.Pos(), `write "credentials: {`+e.Key+`: ${{env:NAME}}}"`, "%s belongs under credentials", e.Key)
		case !contains(keys.read, e.Key) && secretWords.MatchString(e.Key):
			l.problems.errorf(e.Pos(), l.keyHint(keys, e.Key), "this is not a key of %s", kind.what())
			keys.ignored = append(keys.ignored, e.Key)
		}
	}
	l.checkKeys(root, keys)
}

// datastoreType finds the type: as it is written or, where none is, that of the
// URL.
func (l *loader) datastoreType(f *DatastoreFile) (datastoreType, bool) {
	root := f.root
	t := l.scalar(root.Get("type"), "type")
	if t != nil {
		kind, ok := datastoreTypeNamed(t.Text)
		if !ok {
			if l.notDatastore(root) {
				return kind, false
			}
			l.problems.errorf(t.Pos(), l.didYouMean(t.Text, datastoreTypeNames(), "types"), "%q is not a type of datastore", clip(t.Text))
		}
		return kind, ok
	}
	if root.Get("type") != nil {
		return datastoreType{}, false // it is no text, which was reported
	}
	if text := l.str(root, "url"); text != "" {
		scheme, _, ok := strings.Cut(text, "://")
		if !ok {
			scheme = "file"
		}
		kind, ok := datastoreTypeNamed(scheme)
		if !ok {
			l.problems.errorf(root.Get("url").Pos(), "write file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX",
				"a datastore cannot lie at %s://", clip(scheme))
		}
		return kind, ok
	}
	if !l.notDatastore(root) {
		l.problems.errorf(root.Pos(), `add "url: ..." or "type: ..."; `+legalNames(datastoreTypeNames(), "types"), "this datastore has no type")
	}
	return datastoreType{}, false
}

// notDatastore reports files that are surely something else.
func (l *loader) notDatastore(root *yaml.Node) bool {
	what, _ := looksLike(root)
	if what == "" && (root.Entry("jobs") != nil || root.Entry("command") != nil) {
		what = "a job"
	}
	if what == "" || what == "a datastore" {
		return false
	}
	l.problems.errorf(root.Pos(), "", "this looks like %s, not like a datastore", what)
	return true
}

// lakeItem reads the artifact of a OneLake workspace.
func (l *loader) lakeItem(f *DatastoreFile) {
	n := f.root.Get("artifact")
	if l.mapping(n, "artifact") == nil {
		return
	}
	l.checkKeys(n, lakeItemKeys)
	f.ItemName, f.ItemType = l.str(n, "name"), l.str(n, "type")
}

// standsFor reads one address or a list of them.
func (l *loader) standsFor(root *yaml.Node) []string {
	n := root.Get("stands_for")
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.List:
		if n = l.scalar(n, "stands_for"); n == nil {
			return nil
		}
		return []string{strings.TrimSpace(n.Source)}
	}
	var list []string
	for _, item := range n.Items {
		if item = l.scalar(item, "an address"); item != nil {
			list = append(list, strings.TrimSpace(item.Source))
		}
	}
	return list
}

var (
	// referenceForm is how a credential is referred to in one line.
	referenceForm = regexp.MustCompile(`^\$\{\{\s*(env|file)\s*:\s*(.*?)\s*\}\}$`)
	variableForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// credentials reads where the credentials are. Messages repeat nothing of what
// stands there: somebody may have written a secret in any place.
func (l *loader) credentials(f *DatastoreFile, kind datastoreType) {
	n := f.root.Get("credentials")
	if n == nil || n.IsScalar() && n.Text == "" {
		return
	}
	if n.Kind != yaml.Map {
		l.problems.errorf(n.Pos(), `write "credentials: {account_key: ${{env:NAME}}}"`, "credentials must be a mapping")
		return
	}
	legal := slices.Clone(kind.credentials)
	if scheme, _, ok := strings.Cut(f.Fields["url"], "://"); ok {
		legal = append(legal, bucketCredentials[scheme]...)
	}
	f.Credentials = map[string]Credential{}
	for _, e := range n.Entries {
		if e.Key == "type" || e.Value.IsNull() {
			continue
		}
		if !contains(legal, e.Key) {
			at := e.Pos()
			at.Path = n.Path()
			l.problems.errorf(at, l.didYouMean(e.Key, legal, "credentials of this type"), "this is not a credential of %s", kind.what())
			continue
		}
		if c, ok := l.credential(e); ok {
			f.Credentials[e.Key] = c
		}
	}
}

// credential reads one; ok is false where there is nothing to keep.
func (l *loader) credential(e *yaml.Entry) (c Credential, ok bool) {
	n, key := e.Value, e.Key
	how := `write "` + key + `: ${{env:NAME}}" or "` + key + `: {file: /PATH}"`
	var where, what string
	switch m := referenceForm.FindStringSubmatch(strings.TrimSpace(n.Source)); {
	case n.Kind == yaml.Map && len(n.Entries) == 1 && n.Entries[0].Value.IsScalar():
		where, what = n.Entries[0].Key, strings.TrimSpace(n.Entries[0].Value.Source)
	case !n.IsScalar():
		l.problems.errorf(e.Pos(), how, "%s does not say where the credential is", key)
		return c, false
	case m != nil:
		where, what = m[1], m[2]
	case strings.TrimSpace(n.Source) == "":
		return c, false
	case contains(identifiers, key):
		return Credential{Text: strings.TrimSpace(n.Source)}, true
	default:
		l.problems.warnf(e.Pos(), how+", and have the variable or the file where the workers run", "%s is not kept: Millrace stores no credentials", key)
		return c, false
	}
	switch {
	case where == "env" && variableForm.MatchString(what):
		return Credential{Env: what}, true
	case where == "env":
		l.problems.errorf(e.Pos(), how, "%s does not name an environment variable", key)
	case where == "file" && what != "":
		absolute, _ := resolve(n.Doc(), what)
		return Credential{File: absolute}, true
	default:
		l.problems.errorf(e.Pos(), how, "%s does not say where the credential is", key)
	}
	return c, false
}
