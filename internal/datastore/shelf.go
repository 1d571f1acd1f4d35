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
	d, err := asset.Take[Definition](ctx, s.catalog, shelf, name)
	if IsFixed(name) && (err == nil || errors.Is(err, asset.ErrNotFound)) {
		return s.fixed(name, d), nil
	}
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
// others by name. Those whose records are damaged are in the error, an
// [asset.Damaged].
func (s Shelf) All(ctx context.Context) ([]Definition, error) {
	kept, err := asset.All[Definition](ctx, s.catalog, shelf)
	if asset.IgnoreDamaged(err) != nil {
		return nil, err
	}
	var all []Definition
	for _, name := range Fixed() {
		all = append(all, s.fixed(name, kept[name]))
	}
	return append(all, inOrder(kept)...), err
}

// Names are the names of all datastores that can be read, in the same order.
func (s Shelf) Names(ctx context.Context) ([]string, error) {
	all, err := s.All(ctx)
	if asset.IgnoreDamaged(err) != nil {
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
	kept, err := asset.All[Definition](ctx, s.catalog, shelf)
	return inOrder(kept), err
}

// inOrder are the datastores that people made, by name.
func inOrder(kept map[string]Definition) []Definition {
	var list []Definition
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if !IsFixed(name) {
			list = append(list, kept[name])
		}
	}
	return list
}

// Put keeps a definition, in the place of any that has its name. It refuses one
// that holds a secret. Of a fixed datastore only what describes it is kept.
func (s Shelf) Put(ctx context.Context, d Definition) error {
	if IsFixed(d.Name) {
		d = Definition{Name: d.Name, Description: d.Description, Tags: d.Tags, Modified: d.Modified, ModifiedBy: d.ModifiedBy}
	}
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

// fixed is the definition of a datastore that always exists, given what people
// have noted about it.
func (s Shelf) fixed(name string, d Definition) Definition {
	d.Name, d.Type = name, AzureBlob
	if name == "workspacefilestore" || name == "workspaceworkingdirectory" {
		d.Type = AzureFile
	}
	if dir := s.store.Dir(); dir != "" {
		d.URL = urlOf(filepath.Join(dir, "datastores", name))
	}
	return d
}
