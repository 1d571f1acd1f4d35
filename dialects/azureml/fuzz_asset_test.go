package azureml

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

// FuzzKeep keeps components that could come from anywhere, and reads by name
// what was kept. Whatever the file holds, there must be an end and no panic; and
// what could be kept can be read again, needs no file, and is kept as the same.
func FuzzKeep(f *testing.F) {
	for _, pattern := range []string{"testdata/assets/*.yml", "testdata/ok/parts/*.yml", "testdata/err/parts/*.yml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), "name=a")
		}
	}
	f.Add("name: a\ncommand: ls\ncode: azureml://artifacts/blake3:0\nenvironment: azureml:e:1\n", "code=.")
	f.Add("name: a\ntype: pipeline\njobs: {b: {component: {command: ls, environment: {image: x}, version: 1}}}\n", "jobs.b.compute=x")
	dir := f.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "src"), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, set string) {
		path := filepath.Join(dir, "component.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		reading := newLoader(LoadOptions{})
		reading.walk = 100 // "/" as the code would take a second
		file, err := reading.loadAsset(pipeline.ComponentAsset, path, LoadOptions{Set: []string{set}})
		for _, p := range file.problems {
			checkPlace(t, p)
		}
		if err != nil {
			return
		}
		definition, artifacts, err := file.Definition(&numbering{})
		if errors.Is(err, errTooLarge) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkKept(t, text, kept{definition, artifacts})
		moved := &moving{artifacts: artifacts}
		if definition, err = Rewrite(definition, moved); err != nil {
			t.Fatal(err)
		}
		checkKept(t, text, kept{definition, moved.artifacts})
	})
}

// checkKept reads what a text has become: it stands in a file of its own now,
// whose folder has nothing in it.
func checkKept(t *testing.T, text string, known kept) {
	t.Helper()
	l := newLoader(LoadOptions{Assets: known})
	l.keeping = true
	asset, _ := known.Find(pipeline.AssetRef{Kind: pipeline.ComponentAsset, Name: "a"})
	root := l.parse(asset.Ref.String(), "", []byte(known.definition))
	if root == nil {
		t.Fatalf("kept:\n%s\nwhich is not YAML: %v", known.definition, l.problems.sorted(""))
	}
	l.defined[root.Doc()] = asset
	l.component(root, "a")
	if errs := l.problems.sorted("").Errors(); len(errs) > 0 {
		t.Fatalf("%s\nwas kept as\n%s\nwhich is refused: %v", text, known.definition, errs)
	}
}

// moving refers to copies of everything.
type moving struct{ artifacts []pipeline.Artifact }

func (*moving) Asset(ref pipeline.AssetRef) (pipeline.AssetRef, error) {
	ref.Registry, ref.Version, ref.Label = "elsewhere", "1", ""
	return ref, nil
}

func (m *moving) Output(string, string, string) (pipeline.Artifact, error) {
	a := pipeline.Artifact{Digest: pipeline.Digest(fmt.Sprintf("blake3:%064d", 9)), Tree: true}
	m.artifacts = append(m.artifacts, a)
	return a, nil
}

// numbering numbers what it is given to keep.
type numbering struct{ n int }

func (c *numbering) PinCode(*pipeline.Code) (pipeline.Artifact, error) {
	c.n++
	return pipeline.Artifact{Digest: pipeline.Digest(fmt.Sprintf("blake3:%064d", c.n)), Tree: true}, nil
}

func (c *numbering) PinSource(*pipeline.Source) (pipeline.Artifact, error) { return c.PinCode(nil) }

// kept is a store with one component in it.
type kept struct {
	definition string
	artifacts  []pipeline.Artifact
}

func (k kept) Find(ref pipeline.AssetRef) (*Asset, error) {
	if ref.Kind != pipeline.ComponentAsset {
		return &Asset{Ref: ref}, nil
	}
	return &Asset{Ref: ref, Definition: k.definition, Artifacts: k.artifacts}, nil
}

func (kept) Output(string, string, string) (*Asset, error) { return nil, &Unknown{Message: "no job"} }

func (kept) Connection(string) error { return nil }

func (kept) Place(string) error { return nil }
