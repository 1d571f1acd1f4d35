package runs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/millrace-ml/millrace/components"
	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	environments "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// The built-in registries are stores like others, beside the home's own, that
// are filled when they are first used. The folder's name tells which release
// they are of, so that two releases can share a home.

// filled is the record that says that a built-in registry is complete.
const filled = "registry/filled"

func (s *Service) builtIn(ctx context.Context, name string) (*asset.Catalog, error) {
	if s.Registries == "" {
		return nil, errors.New("there is no folder to keep it in")
	}
	fill, mark := fillCurated, environmentsMark()
	if name == StockRegistry {
		var err error
		if mark, err = filesMark(components.FS()); err != nil {
			return nil, err
		}
		fill = fillStock
	}
	at := filepath.Join(s.Registries, name+"@"+mark)
	store, err := artifact.Open(context.WithoutCancel(ctx), (&url.URL{Scheme: "file", Path: at}).String())
	if err != nil {
		return nil, err
	}
	c := asset.New(store).Called(name)
	if _, err := store.ReadRecord(ctx, filled); err == nil {
		return c, nil
	}
	if err := fill(ctx, c); err != nil {
		return nil, err
	}
	return c, store.WriteRecord(ctx, filled, nil)
}

// fillCurated names the curated environments.
func fillCurated(ctx context.Context, c *asset.Catalog) error {
	for _, e := range environments.AllCurated() {
		_, _, err := c.Create(ctx, asset.Version{
			Kind: pipeline.EnvironmentAsset, Name: e.Name, Version: "1", CreatedBy: StockRegistry,
			Definition: "image: " + e.Image + "\n", Notes: asset.Notes{Description: e.Description},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fillStock keeps the stock components, as anyone could: from their files.
func fillStock(ctx context.Context, c *asset.Catalog) error {
	dir, err := os.MkdirTemp("", "millrace-components-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, components.FS()); err != nil {
		return fmt.Errorf("unpack the stock components: %w", err)
	}
	for _, name := range components.Names() {
		f, err := azureml.LoadAsset(pipeline.ComponentAsset, filepath.Join(dir, name, "component.yml"), azureml.LoadOptions{Assets: curatedOnly{}})
		if err != nil {
			return err
		}
		if _, err := keep(ctx, c, f, StockRegistry, nil); err != nil {
			return err
		}
	}
	return nil
}

// curatedOnly knows the curated environments and nothing else.
type curatedOnly struct{}

func (curatedOnly) Find(ref pipeline.AssetRef) (*azureml.Asset, error) {
	if a := curatedEnvironment(ref); a != nil {
		return a, nil
	}
	return nil, &azureml.Unknown{Message: fmt.Sprintf("a stock component refers to %s", ref)}
}

func (curatedOnly) Output(job, _, _ string) (*azureml.Asset, error) {
	return nil, &azureml.Unknown{Message: fmt.Sprintf("a stock component refers to the job %s", job)}
}

func (curatedOnly) Place(string) error { return nil }

func (curatedOnly) Connection(string) error { return nil }

func environmentsMark() string {
	h := sha256.New()
	for _, e := range environments.AllCurated() {
		fmt.Fprintf(h, "%q %q %q\n", e.Name, e.Image, e.Description)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// filesMark tells one set of files from another.
func filesMark(fsys fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		fmt.Fprintf(h, "%q %q\n", path, data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:12], err
}

// inOrder are the values of a map by key.
func inOrder[T any](m map[string]T) []T {
	list := make([]T, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}
