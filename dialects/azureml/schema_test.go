package azureml

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace-ml/millrace/dialects/azureml/yaml"
)

// Every file that the loader takes, its schema takes.
func TestGoodFilesFitTheirSchemas(t *testing.T) {
	schemas := compiledSchemas(t)
	count := 0
	for _, dir := range []string{"testdata/ok", "../../examples"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".yml" && filepath.Ext(path) != ".yaml" {
				return err
			}
			root := parsed(t, path)
			kind := kindOfFile(root)
			if kind == "" {
				return nil
			}
			count++
			if err := schemas[kind].Validate(asJSON(root)); err != nil {
				t.Errorf("%s is no %s: %v", path, kind, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 20 {
		t.Errorf("only %d files were looked at", count)
	}
}

// The schema and the loader agree about every key and every mapping of the
// files: what the loader takes fits, and a key that it does not know, or text
// in the place of a mapping, does not.
func TestSchemasRefuseWhatTheLoaderRefuses(t *testing.T) {
	schemas := compiledSchemas(t)
	paths, err := filepath.Glob("testdata/ok/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, path := range append(paths, "../../examples/penguins/pipeline.yml") {
		kind := kindOfFile(parsed(t, path))
		for _, change := range changes(parsed(t, path)) {
			root := parsed(t, path)
			l := newLoader(LoadOptions{})
			l.set(root, []string{change})
			l.job(&Job{}, root)
			errs := l.problems.sorted(path).Errors()
			wrong := slices.ContainsFunc(errs, func(p Problem) bool {
				return strings.Contains(p.Message, "is not a key of") || strings.Contains(p.Message, "must be a mapping")
			})
			bad := schemas[kind].Validate(asJSON(root))
			switch {
			case len(errs) == 0 && bad != nil:
				t.Errorf("%s with --set %s runs, and does not fit: %v", path, change, bad)
			case wrong && bad == nil:
				t.Errorf("%s with --set %s fits, and does not run: %v", path, change, errs)
			case wrong:
				refused++
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d changes were refused", refused)
	}
}

// The files of schedules that load fit, those of jobs included.
func TestSchemasOfSchedules(t *testing.T) {
	schema := compiledSchemas(t)["schedule"]
	paths, err := filepath.Glob("testdata/schedules/*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no schedules: %v", err)
	}
	for _, path := range paths {
		if strings.HasPrefix(filepath.Base(path), "bad_") {
			continue
		}
		if err := schema.Validate(asJSON(parsed(t, path))); err != nil {
			t.Errorf("%s is no schedule: %v", path, err)
		}
	}
}

func TestDatastoresOfAllTypesFitOneSchema(t *testing.T) {
	schema := compiledSchemas(t)["datastore"]
	for _, kind := range datastoreTypes {
		text := "{name: a, type: " + kind.name
		for _, key := range kind.required {
			text += ", " + key + ": b"
		}
		root, _ := yaml.Parse("d.yml", ".", []byte(text+"}"))
		if err := schema.Validate(asJSON(root)); err != nil {
			t.Errorf("%s} is no datastore: %v", text, err)
		}
	}
}

func TestSchemasRefuse(t *testing.T) {
	schemas := compiledSchemas(t)
	for name, c := range map[string]struct{ kind, file string }{
		"a job without a command":           {"commandJob", `{code: src}`},
		"a pipeline without jobs":           {"pipelineJob", `{type: pipeline}`},
		"another type of job":               {"pipelineJob", `{type: command, jobs: {}}`},
		"a node's name":                     {"pipelineJob", `{type: pipeline, jobs: {Train-1: {command: x}}}`},
		"a node without a command":          {"pipelineJob", `{type: pipeline, jobs: {a: {code: src}}}`},
		"a type of nodes":                   {"pipelineJob", `{type: pipeline, jobs: {a: {type: comand, command: x}}}`},
		"a list for an input":               {"commandJob", `{command: x, inputs: {a: [1, 2]}}`},
		"a mode of outputs on an input":     {"commandJob", `{command: x, inputs: {a: {path: b, mode: upload}}}`},
		"an input without a path":           {"commandJob", `{command: x, inputs: {a: {type: uri_file}}}`},
		"text for a number":                 {"commandJob", `{command: x, limits: {timeout: soon}}`},
		"a negative number":                 {"commandJob", `{command: x, resources: {instance_count: -1}}`},
		"a binding where nothing is around": {"commandJob", `{command: x, resources: {instance_count: "${{parent.inputs.n}}"}}`},
		"a type of distribution":            {"commandJob", `{command: x, distribution: {type: torch}}`},
		"text for true or false":            {"commandComponent", `{command: x, is_deterministic: maybe}`},
		"an input without a type":           {"commandComponent", `{command: x, inputs: {a: {default: 1}}}`},
		"a type in capitals":                {"commandComponent", `{command: x, inputs: {a: {type: String}}}`},
		"a default for data":                {"commandComponent", `{command: x, inputs: {a: {type: uri_file, default: b}}}`},
		"text for an output":                {"pipelineJob", `{type: pipeline, jobs: {a: {command: x, outputs: {o: there}}}}`},
		"an image and a build":              {"environment", `{image: a, build: {path: b}}`},
		"an empty environment":              {"environment", `{name: a}`},
		"a schedule without a job":          {"schedule", `{trigger: {type: cron, expression: "0 0 * * *"}}`},
		"a trigger of no type":              {"schedule", `{create_job: a.yml, trigger: {type: hourly}}`},
		"a frequency in a cron trigger":     {"schedule", `{create_job: a.yml, trigger: {type: cron, expression: "0 0 * * *", frequency: day}}`},
		"an unknown frequency":              {"schedule", `{create_job: a.yml, trigger: {type: recurrence, frequency: daily, interval: 1}}`},
		"text for hours":                    {"schedule", `{create_job: a.yml, trigger: {type: recurrence, frequency: day, interval: 1, schedule: {hours: noon}}}`},
		"a change of what no job has":       {"schedule", `{create_job: {job: a.yml, retries: 3}, trigger: {type: cron, expression: "0 0 * * *"}}`},
		"a job written without a command":   {"schedule", `{create_job: {code: src}, trigger: {type: cron, expression: "0 0 * * *"}}`},
		"half of a container":               {"datastore", `{name: a, type: AzureBlob, account_name: b}`},
		"a container of a file share":       {"datastore", `{name: a, type: azure_file, account_name: b, file_share_name: c, container_name: d}`},
		"a folder without a place":          {"datastore", `{name: a, type: file}`},
		"a compute of no type":              {"compute", `{name: a}`},
		"half a machine":                    {"compute", `{name: a, type: amlcompute, max_instances: 0.5}`},
		"a key that registries do not have": {"registry", `{name: a, urls: []}`},
		"a type of models as data":          {"data", `{name: a, path: b, type: mlflow_model}`},
		"a model without a path":            {"model", `{name: a}`},
	} {
		t.Run(name, func(t *testing.T) {
			root, errs := yaml.Parse("file.yml", ".", []byte(c.file))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if schemas[c.kind].Validate(asJSON(root)) == nil {
				t.Errorf("%s is taken for a %s", c.file, c.kind)
			}
		})
	}
}

// Every table that checks keys is a part of a schema, and every key of it says
// what it is for, unless it is ignored.
func TestEveryKeyHasAShape(t *testing.T) {
	used := map[string]bool{}
	for name, p := range schemaParts() {
		if p.built != nil {
			continue
		}
		used[p.keys.what] = true
		properties := p.schema().Properties
		for key := range p.keys.all() {
			if properties[key] == nil {
				t.Errorf("the schema of %s has no %s", name, key)
			}
			if contains(p.keys.read, key) && p.shape(key).about == "" {
				t.Errorf("nothing says what %s of %s is for", key, name)
			}
			_, here := p.shapes[key]
			if _, known := vocabulary[key]; !known && !here && contains(p.keys.read, key) {
				t.Errorf("%s of %s has no shape", key, name)
			}
		}
		for key := range p.shapes {
			if p.keys.what != "" && !contains(slices.Concat(p.keys.read, p.keys.ignored), key) && !shared(key) {
				t.Errorf("%s has a shape, and %s has no such key", key, name)
			}
		}
	}
	for _, what := range keySets(t) {
		if !used[what] {
			t.Errorf("no schema has the keys of %q", what)
		}
	}
}

// shared keys come with shapes that several parts have in common.
func shared(key string) bool {
	for _, shapes := range []map[string]shape{nodeShapes, inputShapes, outputShapes, boundShapes, triggerShapes, datastoreShapes} {
		if _, ok := shapes[key]; ok {
			return true
		}
	}
	return false
}

// keySets finds what all tables of keys are called, in the source.
func keySets(t *testing.T) []string {
	t.Helper()
	var found []string
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "schema_") {
			continue // what schemas have of their own is made of the others
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := lit.Type.(*ast.Ident); !ok || name.Name != "keySet" {
				return true
			}
			for _, field := range lit.Elts {
				if pair, ok := field.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "what" {
					what, err := strconv.Unquote(pair.Value.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					found = append(found, what)
				}
			}
			return true
		})
	}
	if len(found) < 15 {
		t.Fatalf("found only the tables %q", found)
	}
	return found
}

func compiledSchemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	compiled := map[string]*jsonschema.Schema{}
	for _, kind := range SchemaKinds() {
		s, ok := SchemaOf(kind.Name)
		if !ok {
			t.Fatalf("there is no schema of %s", kind.Name)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(kind.Name, doc); err != nil {
			t.Fatal(err)
		}
		if compiled[kind.Name], err = c.Compile(kind.Name); err != nil {
			t.Fatalf("the schema of %s: %v", kind.Name, err)
		}
	}
	return compiled
}

func parsed(t *testing.T, path string) *yaml.Node {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root, errs := yaml.Parse(path, filepath.Dir(path), source)
	for _, e := range errs {
		if !e.Warning {
			t.Fatal(e)
		}
	}
	return root
}

// kindOfFile tells which schema a file is to fit; "" for conda files and such.
func kindOfFile(root *yaml.Node) string {
	kind := "command"
	if n := root.Get("type"); n != nil {
		kind = strings.ReplaceAll(strings.ToLower(n.Text), "data_transfer", "dataTransfer")
	}
	switch {
	case root.Get("dependencies") != nil:
		return ""
	case root.Get("image") != nil || root.Get("build") != nil || root.Get("conda_file") != nil:
		return "environment"
	case declaresPorts(root) || strings.HasSuffix(root.Doc().Name, "component.yml") || strings.Contains(root.Doc().Name, "/parts/"):
		return kind + "Component"
	}
	return kind + "Job"
}

// changes are pairs for --set that add a key to each mapping of a file, and put
// text into the place of each.
func changes(root *yaml.Node) []string {
	var found []string
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		if n.Kind != yaml.Map {
			return
		}
		found = append(found, path+"no_such_key=1")
		if path != "" {
			found = append(found, strings.TrimSuffix(path, ".")+"=text")
		}
		for _, e := range n.Entries {
			if !strings.ContainsAny(e.Key, ".[$") {
				walk(e.Value, path+e.Key+".")
			}
		}
	}
	walk(root, "")
	return found
}

// asJSON is a file as the readers of JSON have it.
func asJSON(n *yaml.Node) any {
	switch n.Kind {
	case yaml.Null:
		return nil
	case yaml.Bool:
		return n.Text == "True"
	case yaml.Int, yaml.Float:
		if f, err := strconv.ParseFloat(n.Text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
		return n.Text
	case yaml.List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = asJSON(item)
		}
		return list
	case yaml.Map:
		m := map[string]any{}
		for _, e := range n.Entries {
			m[e.Key] = asJSON(e.Value)
		}
		return m
	}
	return n.Text
}

func TestSchemaKindsAreParts(t *testing.T) {
	for _, kind := range SchemaKinds() {
		if p := schemaParts()[kind.Name]; kind.About == "" || p.keys.what == "" && p.built == nil {
			t.Errorf("the schema of %s says nothing", kind.Name)
		}
	}
	if _, ok := SchemaOf("node"); ok {
		t.Error("a part of a file passes for a file")
	}
	if len(slices.Collect(maps.Keys(schemaParts()))) < len(SchemaKinds()) {
		t.Error("there are kinds without a part")
	}
}
