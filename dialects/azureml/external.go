package azureml

import (
	"strings"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
	"github.com/millrace-ml/millrace/pipeline"
)

// external is a place outside that is no datastore, as the file has it.
type external struct {
	// key is source or sink; at is where it stands.
	key  string
	at   yaml.Pos
	kind string
	connection, path, query, table, procedure,
	format, mode *text
	params []parameter
}

type parameter struct {
	name        string
	value, kind *text
}

func (x *external) texts() []*text {
	if x == nil {
		return nil
	}
	all := []*text{x.connection, x.path, x.query, x.table, x.procedure, x.format, x.mode}
	for _, p := range x.params {
		all = append(all, p.value, p.kind)
	}
	return all
}

var (
	externalTypes  = []string{"database", "file_system"}
	externalForms  = []string{"parquet", "csv"}
	exportModes    = []string{"append", "replace", "merge", "fail_if_exists"}
	parameterTypes = []string{"string", "int", "int64", "integer", "number", "decimal", "double", "boolean", "datetime", "date", "guid"}
)

// external reads a source or a sink; nil where it is a mistake.
func (l *loader) external(n *yaml.Node, key, task string) *external {
	if n = l.mapping(n, key); n == nil {
		return nil
	}
	keys := sourceKeys
	if task == exportData {
		keys = sinkKeys
	}
	l.checkKeys(n, keys)
	x := &external{key: key, at: ownerPos(n)}
	get := func(key string) *text { return newText(l.scalar(n.Get(key), key)) }
	x.connection, x.path, x.query, x.table, x.procedure = get("connection"), get("path"), get("query"), get("table_name"), get("stored_procedure")
	x.format, x.mode = get("format"), get("mode")
	x.params = l.parameters(n)
	kind := l.scalar(n.Get("type"), "type")
	if kind == nil {
		l.problems.errorf(x.at, "add \"type: database\" or \"type: file_system\"", "%s has no type", key)
		return nil
	}
	if x.kind = strings.ToLower(kind.Text); !contains(externalTypes, x.kind) {
		l.problems.errorf(kind.Pos(), l.didYouMean(kind.Text, externalTypes, "types"), "%q is not a type of %s", clip(kind.Text), key)
		return nil
	}
	if x.connection == nil {
		l.problems.errorf(x.at, `add "connection: azureml:NAME"; "millrace connection create" makes one`, "%s has no connection", key)
		return nil
	}
	if !l.externalSays(x, n, task) {
		return nil
	}
	return x
}

// externalSays checks that exactly what belongs to the type is given.
func (l *loader) externalSays(x *external, n *yaml.Node, task string) bool {
	given := map[string]*text{"path": x.path, "query": x.query, "table_name": x.table, "stored_procedure": x.procedure}
	legal := []string{"path"}
	switch {
	case x.kind == "database" && task == importData:
		legal = []string{"query", "table_name", "stored_procedure"}
	case x.kind == "database":
		legal = []string{"table_name"}
	}
	var found []string
	for _, key := range []string{"path", "query", "table_name", "stored_procedure"} {
		switch {
		case given[key] == nil:
		case !contains(legal, key):
			hint := "a " + x.kind + " has " + strings.Join(legal, ", ")
			if key == "stored_procedure" {
				hint = "export into a table"
			}
			l.problems.errorf(n.Entry(key).Pos(), hint, "%s is not a key of a %s here", key, x.kind)
			return false
		default:
			found = append(found, key)
		}
	}
	switch {
	case len(found) == 0:
		l.problems.errorf(x.at, `add "`+legal[0]+`: ..."`, "%s does not say what: it has none of %s", x.key, strings.Join(legal, ", "))
		return false
	case len(found) > 1:
		l.problems.errorf(n.Entry(found[1]).Pos(), "remove all but one", "%s has %s", x.key, strings.Join(found, " and "))
		return false
	}
	return true
}

// parameters reads those of a stored procedure, a list of {name, value, type}.
func (l *loader) parameters(n *yaml.Node) []parameter {
	list := n.Get("stored_procedure_params")
	if list.IsNull() {
		return nil
	}
	if list.Kind != yaml.List {
		l.problems.errorf(list.Pos(), "write a list of {name: N, value: V, type: T}", "stored_procedure_params must be a list, not %s", list.Kind)
		return nil
	}
	var found []parameter
	for _, item := range list.Items {
		if l.mapping(item, "a parameter") == nil {
			continue
		}
		l.checkKeys(item, parameterKeys)
		p := parameter{name: l.str(item, "name"), value: newText(l.scalar(item.Get("value"), "value")), kind: newText(l.scalar(item.Get("type"), "type"))}
		if p.name == "" || p.value == nil {
			l.problems.errorf(item.Pos(), "write {name: N, value: V, type: T}", "a parameter has a name and a value")
			continue
		}
		found = append(found, p)
	}
	return found
}

// externalOf resolves the texts of a source or a sink.
func (f *flattener) externalOf(u *unit, x *external) *pipeline.External {
	get := func(t *text, what string) string {
		if t == nil {
			return ""
		}
		text, _, _ := f.settingText(u.around, t, what)
		return strings.TrimSpace(text)
	}
	e := &pipeline.External{
		Type: x.kind, Connection: f.connection(u, x.connection), Path: get(x.path, "path"), Query: get(x.query, "query"),
		Table: get(x.table, "table_name"), Procedure: get(x.procedure, "stored_procedure"),
		Format: f.word(u, x.format, externalForms, "format"), Mode: f.word(u, x.mode, exportModes, "mode"),
	}
	for _, p := range x.params {
		e.Parameters = append(e.Parameters, pipeline.Parameter{Name: p.name, Value: get(p.value, "value"), Type: f.word(u, p.kind, parameterTypes, "type")})
	}
	return e
}

// word resolves a text that is one of some words.
func (f *flattener) word(u *unit, t *text, legal []string, what string) string {
	if t == nil {
		return ""
	}
	text, place, ok := f.settingText(u.around, t, what)
	word := strings.ToLower(strings.TrimSpace(text))
	if ok && !contains(legal, word) {
		f.problems.errorf(place, oneOf(legal...), "%q is not a %s", clip(text), what)
	}
	return word
}

// connection resolves the name of a connection, the reference to one, or its
// address. A secret in it is refused, and not repeated.
func (f *flattener) connection(u *unit, t *text) string {
	text, place, ok := f.settingText(u.around, t, "connection")
	if !ok {
		return ""
	}
	text = strings.TrimSpace(text)
	name, isAsset := strings.CutPrefix(text, "azureml:")
	if isAsset && !strings.HasPrefix(name, "//") {
		name, _, _ = strings.Cut(name, ":") // a version means nothing here
		name, _, _ = strings.Cut(name, "@")
		text = name
	}
	const hint = "write the name of a connection, env:NAME or file:/PATH for an address that is kept secret, or an address without a password"
	switch {
	case text == "":
		f.problems.errorf(place, hint, "the connection is empty")
	case holdsSecret(text):
		f.problems.errorf(place, `keep the address in an environment variable of the workers, and write "connection: env:NAME"`,
			"this address holds a password; Millrace stores no credentials")
		return ""
	case strings.HasPrefix(text, "env:"), strings.HasPrefix(text, "file:"), strings.Contains(text, "://"):
	default:
		if err := pipeline.CheckAssetName("connection", text); err != nil {
			f.problems.errorf(place, hint, "%s", err)
		} else if f.assets != nil {
			if err := f.assets.Connection(text); err != nil {
				f.unknownAt(place, text, err)
			}
		}
	}
	return text
}

// holdsSecret recognises addresses with a password in them, also in a
// parameter, and those in the form of key=value pairs.
func holdsSecret(address string) bool {
	lower := strings.ToLower(address)
	if rest, ok := strings.CutPrefix(lower, "env:"); ok {
		return strings.ContainsAny(rest, "=@/ ")
	}
	scheme, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		return strings.Contains(lower, "password=") || strings.Contains(lower, "pwd=")
	}
	server, path, _ := strings.Cut(rest, "/")
	if who, host, ok := strings.Cut(server, "@"); ok {
		if strings.Contains(who, ":") {
			return true
		}
		server = host // a user is no secret
	}
	bare := scheme + "://" + server + "/" + path
	return pipeline.WithoutSecrets(bare) != bare
}
