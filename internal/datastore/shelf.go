package datastore

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
)

// DefaultDatastore is meant where a file names none.
const DefaultDatastore = "workspaceblobstore"

// Fixed are the datastores that always exist. They lie beside the artifacts.
func Fixed() []string {
	return []string{DefaultDatastore, "workspacefilestore", "workspaceworkingdirectory", "workspaceartifactstore"}
}

// IsFixed reports whether a datastore always exists, where it does.
func IsFixed(name string) bool { return slices.Contains(Fixed(), name) }

// shelf is where the catalog keeps definitions.
const shelf = "datastore"

// Shelf holds the definitions of a store's datastores.
type Shelf struct {
	store   *artifact.Store
	catalog *asset.Catalog
}

// NewShelf returns the shelf of a store.
func NewShelf(store *artifact.Store) Shelf { return Shelf{store, asset.New(store)} }

// Find returns the definition of a datastore. A missing one is an
// [*asset.NotFound].
func (s Shelf) Find(ctx context.Context, name string) (Definition, error) {
	if IsFixed(name) {
		return s.fixed(name), nil
	}
	d, err := asset.Take[Definition](ctx, s.catalog, shelf, name)
	if missing, ok := errors.AsType[*asset.NotFound](err); ok {
		names, err := s.Names(ctx)
		if err != nil {
			return Definition{}, err
		}
		return Definition{}, &asset.NotFound{Ref: missing.Ref, Near: asset.Near(name, names)}
	}
	return d, err
}

// All returns the definitions of all datastores, the fixed ones first, the
// others by name.
func (s Shelf) All(ctx context.Context) ([]Definition, error) {
	made, err := s.made(ctx)
	if err != nil {
		return nil, err
	}
	var all []Definition
	for _, name := range Fixed() {
		all = append(all, s.fixed(name))
	}
	return append(all, made...), nil
}

// Names are the names of all datastores, in the same order.
func (s Shelf) Names(ctx context.Context) ([]string, error) {
	all, err := s.All(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.Name
	}
	return names, nil
}

// made are the datastores that people made, by name.
func (s Shelf) made(ctx context.Context) ([]Definition, error) {
	byName, err := asset.All[Definition](ctx, s.catalog, shelf)
	if err != nil {
		return nil, err
	}
	var list []Definition
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if !IsFixed(name) {
			list = append(list, byName[name])
		}
	}
	return list, nil
}

// Put keeps a definition, in the place of any that has its name. It refuses one
// that holds a secret.
func (s Shelf) Put(ctx context.Context, d Definition) error {
	if err := d.checkReferences(); err != nil {
		return err
	}
	if found := d.Check(); len(found) > 0 {
		return found[0]
	}
	return asset.Put(ctx, s.catalog, shelf, d.Name, d)
}

// Drop forgets a definition; the data stays where it is. A missing one is an
// [*asset.NotFound].
func (s Shelf) Drop(ctx context.Context, name string) error {
	if _, err := s.Find(ctx, name); err != nil {
		return err
	}
	return asset.Drop(ctx, s.catalog, shelf, name)
}

// fixed is the definition of a datastore that always exists.
func (s Shelf) fixed(name string) Definition {
	d := Definition{Name: name, Type: AzureBlob}
	if name == "workspacefilestore" || name == "workspaceworkingdirectory" {
		d.Type = AzureFile
	}
	if dir := s.store.Dir(); dir != "" {
		d.URL = urlOf(filepath.Join(dir, "datastores", name))
	}
	return d
}
