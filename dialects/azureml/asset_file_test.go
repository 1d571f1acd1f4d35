package azureml_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

// TestAssetFiles loads every testdata/assets/KIND_*.yml and compares what is
// kept of it with the .out file beside it; of bad_KIND.yml, what a person sees.
func TestAssetFiles(t *testing.T) {
	for _, path := range jobFiles(t, "testdata/assets") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			kind, _, _ := strings.Cut(filepath.Base(path), "_")
			name, bad := strings.CutPrefix(strings.TrimSuffix(filepath.Base(path), ".yml"), "bad_")
			if bad {
				if kind = name; name == "import" {
					kind = "data"
				}
			}
			f, err := azureml.LoadAsset(pipeline.AssetKind(kind), path, azureml.LoadOptions{Assets: shelf{}})
			if bad {
				problems, ok := errors.AsType[azureml.Problems](err)
				if !ok {
					t.Fatalf("LoadAsset found nothing wrong: %v", err)
				}
				compare(t, strings.TrimSuffix(path, ".yml")+".out", rendered(problems))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			compare(t, strings.TrimSuffix(path, ".yml")+".out", kept(t, f))
		})
	}
}

// kept is what there is to keep of a file.
func kept(t *testing.T, f *azureml.AssetFile) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s:%s %s %q %q %q %v %v\n", f.Kind, f.Name, f.Version, f.Type, f.DisplayName, f.Description, f.Stage, f.Tags, f.Flavors)
	if f.Source != nil {
		text, err := json.Marshal(f.Source)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "source %s\n", text)
	}
	if f.Kind == pipeline.ComponentAsset || f.Kind == pipeline.EnvironmentAsset {
		definition, artifacts, err := f.Definition(&counter{})
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(definition)
		for _, a := range artifacts {
			fmt.Fprintf(&b, "artifact %s %s\n", a.Digest, a.Name)
		}
	}
	return relative(b.String())
}

// counter numbers what it is given to keep, and lists its files as the name.
type counter struct{ n int }

func (c *counter) next(name string) (pipeline.Artifact, error) {
	c.n++
	return pipeline.Artifact{Digest: pipeline.Digest(fmt.Sprintf("blake3:%064d", c.n)), Tree: true, Name: name}, nil
}

func (c *counter) PinCode(code *pipeline.Code) (pipeline.Artifact, error) {
	var names []string
	for _, f := range code.Files {
		names = append(names, f.Path)
	}
	return c.next(strings.Join(names, " "))
}

func (c *counter) PinSource(s *pipeline.Source) (pipeline.Artifact, error) {
	return c.next(filepath.Base(s.Local))
}

// TestDefinitionsMeanTheSame keeps a pipeline component and runs it by its name:
// the plan is the one that its files give.
func TestDefinitionsMeanTheSame(t *testing.T) {
	f, err := azureml.LoadAsset(pipeline.ComponentAsset, "testdata/assets/component_pipeline.yml", azureml.LoadOptions{Assets: shelf{}})
	if err != nil {
		t.Fatal(err)
	}
	definition, artifacts, err := f.Definition(&counter{})
	if err != nil {
		t.Fatal(err)
	}
	byName := extended{name: "whole", asset: azureml.Asset{Definition: definition, Artifacts: artifacts}}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	commands := func(component string) (list []string) {
		path := filepath.Join(t.TempDir(), "job.yml")
		text := "type: pipeline\ncompute: cpu\njobs:\n  a: {type: pipeline, component: \"" + component + "\", inputs: {rows: {path: azureml:rows:1}}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		job, err := azureml.Load(path, azureml.LoadOptions{Assets: byName})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := azureml.Compile(job, azureml.CompileOptions{Name: "job"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range plan.Steps {
			list = append(list, s.Name, s.Command.String(), s.Environment.Image)
			for _, in := range s.Inputs {
				list = append(list, in.Name+" "+string(in.Type))
			}
		}
		return list
	}
	want := commands(filepath.Join(here, "testdata/assets/component_pipeline.yml"))
	got := commands("azureml:whole:1")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("by name:\n%s\nby file:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestADefinitionThatCannotBeReadAgainIsNotMade(t *testing.T) {
	dir := t.TempDir()
	text := "name: big\ntype: pipeline\njobs:\n"
	for i := range 300 {
		text += fmt.Sprintf("  n%d: {component: part.yml}\n", i)
	}
	for name, text := range map[string]string{
		"big.yml": text, "part.yml": "command: " + strings.Repeat("x", 4000) + "\nenvironment: {image: x}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := azureml.LoadAsset(pipeline.ComponentAsset, filepath.Join(dir, "big.yml"), azureml.LoadOptions{Assets: shelf{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Definition(&counter{}); err == nil || !strings.Contains(err.Error(), "refer to them by name") {
		t.Errorf("got %v", err)
	}
}

// extended is the shelf with one more component.
type extended struct {
	shelf
	name  string
	asset azureml.Asset
}

func (e extended) Find(ref pipeline.AssetRef) (*azureml.Asset, error) {
	if ref.Kind == pipeline.ComponentAsset && ref.Name == e.name {
		a := e.asset
		a.Ref = ref
		return &a, nil
	}
	return e.shelf.Find(ref)
}
