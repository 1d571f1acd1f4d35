package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	environments "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

// Registry is a store that is shared under a name.
type Registry struct {
	Name string `json:"name"`
	// URL is that of the store; "" is a folder of its own beside the home's.
	URL         string            `json:"url"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Created     time.Time         `json:"created"`
	// BuiltIn registries exist from the start.
	BuiltIn bool `json:"-"`
	// Made is the folder that was made for one that was just created.
	Made string `json:"-"`
}

// StockRegistry is the name of the registry with the stock components.
const StockRegistry = "millrace"

// registryShelf is where registries are kept.
const registryShelf = "registry"

var (
	// ErrBuiltIn says that something exists from the start and stays as it is.
	ErrBuiltIn = errors.New("exists from the start and cannot be changed")
	// ErrOtherURL says that the name of a registry is that of another store.
	ErrOtherURL = errors.New("is there with another URL")
	// ErrUnreachable says that the store of a registry does not answer.
	ErrUnreachable = errors.New("cannot be reached")
)

func builtInRegistries() []Registry {
	return []Registry{
		{Name: environments.CuratedRegistry, Description: "the curated environments of Azure ML, by name", BuiltIn: true},
		{Name: StockRegistry, Description: "the stock components", BuiltIn: true},
	}
}

// CreateRegistry names a shared store. Creating it again changes what is said of
// it, but never moves the name to another store: that is [ErrOtherURL].
func (s *Service) CreateRegistry(ctx context.Context, r Registry) (Registry, error) {
	if err := pipeline.CheckAssetName("registry", r.Name); err != nil {
		return r, err
	}
	for _, b := range builtInRegistries() {
		if b.Name == r.Name {
			return r, fmt.Errorf("registry %s: %w", r.Name, ErrBuiltIn)
		}
	}
	there, err := asset.Take[Registry](ctx, asset.New(s.Store), registryShelf, r.Name)
	known := err == nil
	if err != nil && !errors.Is(err, asset.ErrNotFound) {
		return r, err
	}
	own := r.URL == ""
	switch {
	case known && (own || sameURL(r.URL, there.URL)):
		r.URL, r.Created = there.URL, there.Created
		r.Description = cmp.Or(r.Description, there.Description)
		if len(r.Tags) == 0 {
			r.Tags = there.Tags
		}
	case known:
		return r, fmt.Errorf("registry %s %w, %s", r.Name, ErrOtherURL, there.URL)
	case own && s.Registries == "":
		return r, fmt.Errorf("registry %s: it needs the URL of a store", r.Name)
	case own:
		r.URL = (&url.URL{Scheme: "file", Path: filepath.Join(s.Registries, r.Name)}).String()
	}
	folder, exists := r.folder()
	store, err := artifact.Open(ctx, r.URL)
	if err != nil {
		return r, fmt.Errorf("registry %s %w: %w", r.Name, ErrUnreachable, err)
	}
	_ = store.Close()
	if !exists && (known || !own) {
		r.Made = folder
	}
	if known {
		return r, asset.Put(ctx, asset.New(s.Store), registryShelf, r.Name, r)
	}
	r.Created = time.Now().UTC()
	added, err := asset.Add(ctx, asset.New(s.Store), registryShelf, r.Name, r)
	if err == nil && !added { // somebody else was faster
		return s.CreateRegistry(ctx, r)
	}
	return r, err
}

// sameURL tells whether two URLs are of one store, as far as they say.
func sameURL(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }

// folder is that of a registry on a disk, and whether it is there. Others have
// none, and are there as far as that can be known.
func (r Registry) folder() (path string, exists bool) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "file" {
		return "", true
	}
	path = filepath.FromSlash(u.Path)
	_, err = os.Stat(path)
	return path, !errors.Is(err, fs.ErrNotExist)
}

// ListRegistries returns the registries by name, the built-in ones first. Those
// whose records are damaged are in the error, an [asset.Damaged].
func (s *Service) ListRegistries(ctx context.Context) ([]Registry, error) {
	all, err := asset.All[Registry](ctx, asset.New(s.Store), registryShelf)
	if asset.IgnoreDamaged(err) != nil {
		return nil, err
	}
	return append(builtInRegistries(), inOrder(all)...), err
}

// ShowRegistry returns one registry, or an [asset.NotFound].
func (s *Service) ShowRegistry(ctx context.Context, name string) (Registry, error) {
	for _, b := range builtInRegistries() {
		if b.Name == name {
			return b, nil
		}
	}
	r, err := asset.Take[Registry](ctx, asset.New(s.Store), registryShelf, name)
	if missing, ok := errors.AsType[*asset.NotFound](err); ok {
		all, err := s.ListRegistries(ctx)
		if asset.IgnoreDamaged(err) != nil {
			return r, err
		}
		names := make([]string, len(all))
		for i := range all {
			names[i] = all[i].Name
		}
		missing.Near = asset.Near(name, names)
	}
	return r, err
}

// DeleteRegistry forgets the name of a shared store. The store stays.
func (s *Service) DeleteRegistry(ctx context.Context, name string) error {
	// One whose record is damaged can be deleted, too.
	err := asset.Drop(ctx, asset.New(s.Store), registryShelf, name)
	if !errors.Is(err, asset.ErrNotFound) {
		return err
	}
	r, err := s.ShowRegistry(ctx, name)
	if err == nil && r.BuiltIn {
		err = fmt.Errorf("registry %s: %w", name, ErrBuiltIn)
	}
	return err
}

// open opens the store of a registry. A folder that is missing is not made: it
// may be on a disk that is not mounted, and would look like an empty registry.
func (r Registry) open(ctx context.Context) (*artifact.Store, error) {
	if folder, exists := r.folder(); !exists {
		return nil, fmt.Errorf("registry %s %w: there is no folder %s; mount the disk that it is on, or make it anew, empty, with `registry create -n %s`",
			r.Name, ErrUnreachable, folder, r.Name)
	}
	store, err := artifact.Open(ctx, r.URL)
	if err != nil {
		return nil, fmt.Errorf("registry %s %w: %w", r.Name, ErrUnreachable, err)
	}
	return store, nil
}

// OpenRegistries are registries that have been used, for the services of one
// process to share: opening one may take a while. The zero value is none.
type OpenRegistries struct {
	mu       sync.Mutex
	catalogs map[string]*asset.Catalog // by name and URL
}

// stores are those of the registries.
func (o *OpenRegistries) stores() []*artifact.Store {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []*artifact.Store
	for _, name := range slices.Sorted(maps.Keys(o.catalogs)) {
		list = append(list, o.catalogs[name].Store())
	}
	return list
}

// catalog returns that of a registry, which open opens where nobody has yet.
func (o *OpenRegistries) catalog(r Registry, open func() (*asset.Catalog, error)) (*asset.Catalog, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := r.Name + " " + r.URL
	if c := o.catalogs[key]; c != nil {
		return c, nil
	}
	c, err := open()
	if err != nil {
		return nil, err
	}
	if o.catalogs == nil {
		o.catalogs = map[string]*asset.Catalog{}
	}
	o.catalogs[key] = c
	return c, nil
}

// Catalog opens the catalog of a registry; "" is that of the jobs' store.
func (s *Service) Catalog(ctx context.Context, registry string) (*asset.Catalog, error) {
	if registry == "" {
		return asset.New(s.Store), nil
	}
	r, err := s.ShowRegistry(ctx, registry)
	if err != nil {
		return nil, err
	}
	return s.Open.catalog(r, func() (*asset.Catalog, error) {
		if r.BuiltIn {
			c, err := s.builtIn(ctx, registry)
			if err != nil {
				return nil, fmt.Errorf("registry %s: %w", registry, err)
			}
			return c, nil
		}
		// It stays open for as long as the process uses it.
		store, err := r.open(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		return asset.New(store), nil
	})
}
