package asset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Catalog is what a store holds by name. It keeps no state of its own; any
// number may be used at once, in any process.
type Catalog struct {
	store *artifact.Store
	// id is the identity of the store where it needs no record.
	id string
}

// New returns the catalog in a store.
func New(store *artifact.Store) *Catalog { return &Catalog{store: store} }

// Store is where the catalog lies, and with it the artifacts of its assets.
func (c *Catalog) Store() *artifact.Store { return c.store }

// Find returns the version that a reference means: the one it names, archived
// or not, or else the latest that is not archived. What is missing is a
// [*NotFound].
func (c *Catalog) Find(ctx context.Context, ref pipeline.AssetRef) (Version, error) {
	if err := check(ref.Kind, ref.Name, ref.Version); err != nil {
		return Version{}, err
	}
	var v Version
	var err error
	if ref.Version != "" {
		v, err = c.exactly(ctx, ref)
	} else {
		v, err = c.latest(ctx, ref)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Version{}, fmt.Errorf("look for %s %q: %w", ref.Kind, ref.Short(), err)
	}
	return v, err
}

func (c *Catalog) exactly(ctx context.Context, ref pipeline.AssetRef) (Version, error) {
	v, err := c.read(ctx, ref.Kind, ref.Name, ref.Version)
	if errors.Is(err, artifact.ErrGone) {
		all, err := c.all(ctx, ref.Kind, ref.Name)
		if err := IgnoreDamaged(err); err != nil {
			return Version{}, err
		}
		return Version{}, c.notFound(ctx, ref, all)
	}
	if err != nil {
		return Version{}, err
	}
	return v, c.addNotes(ctx, &v)
}

func (c *Catalog) latest(ctx context.Context, ref pipeline.AssetRef) (Version, error) {
	all, err := c.all(ctx, ref.Kind, ref.Name)
	if err != nil {
		return Version{}, err
	}
	if v, ok := latest(all); ok && !v.Notes.Archived && slices.Contains([]string{"", pipeline.LatestLabel, pipeline.DefaultLabel}, ref.Label) {
		return v, nil
	}
	return Version{}, c.notFound(ctx, ref, all)
}

// latest is the newest version that is not archived or, where all are, the
// newest.
func latest(newestFirst []Version) (Version, bool) {
	for _, v := range newestFirst {
		if !v.Notes.Archived {
			return v, true
		}
	}
	if len(newestFirst) == 0 {
		return Version{}, false
	}
	return newestFirst[0], true
}

// mostVersions is how many versions an error offers.
const mostVersions = 5

// notFound says what there is in place of the reference, given all versions of
// its name.
func (c *Catalog) notFound(ctx context.Context, ref pipeline.AssetRef, newestFirst []Version) error {
	missing := &NotFound{Ref: ref}
	if len(newestFirst) == 0 {
		names, err := c.Names(ctx, ref.Kind)
		if err != nil {
			return err
		}
		missing.Near = Near(ref.Name, names)
		return missing
	}
	for _, v := range newestFirst[:min(mostVersions, len(newestFirst))] {
		missing.Versions = append(missing.Versions, v.Version)
	}
	missing.Older = len(newestFirst) - len(missing.Versions)
	missing.Archived = !slices.ContainsFunc(newestFirst, func(v Version) bool { return !v.Notes.Archived })
	return missing
}

// Versions returns all versions of a name, archived ones too, the newest first.
// Where some cannot be read, the error is [*Damaged], and the others are
// returned with it.
func (c *Catalog) Versions(ctx context.Context, kind pipeline.AssetKind, name string) ([]Version, error) {
	if err := check(kind, name, ""); err != nil {
		return nil, err
	}
	all, err := c.all(ctx, kind, name)
	if err != nil {
		return all, fmt.Errorf("list versions of %s %q: %w", kind, name, err)
	}
	if len(all) == 0 {
		return nil, c.notFound(ctx, pipeline.AssetRef{Kind: kind, Name: name}, nil)
	}
	return all, nil
}

// List returns the latest version of every name, in the order of the names. Of
// a name whose versions are all archived it is the latest of those. Where some
// versions cannot be read, the error is [*Damaged], and the list is that of the
// others.
func (c *Catalog) List(ctx context.Context, kind pipeline.AssetKind) ([]Version, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	names, err := c.found(ctx, kind, "")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind.Plural(), err)
	}
	all, err := c.readAll(ctx, kind, slices.Concat(slices.Collect(maps.Values(names))...))
	if err != nil {
		err = fmt.Errorf("list %s: %w", kind.Plural(), err)
	}
	byName := map[string][]Version{}
	for _, v := range all {
		byName[v.Name] = append(byName[v.Name], v)
	}
	var list []Version
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if v, ok := latest(byName[name]); ok {
			list = append(list, v)
		}
	}
	return list, err
}

// Names returns the names of all assets of a kind, sorted.
func (c *Catalog) Names(ctx context.Context, kind pipeline.AssetKind) ([]string, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	names, err := c.found(ctx, kind, "")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind.Plural(), err)
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// found lists the versions of one name, or of all ("").
func (c *Catalog) found(ctx context.Context, kind pipeline.AssetKind, name string) (map[string][]found, error) {
	prefix := kindPrefix(kind)
	if name != "" {
		prefix = namePrefix(kind, name)
	}
	keys, err := c.store.ListRecords(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return parseKeys(kind, keys), nil
}

// all reads all versions of a name, the newest first.
func (c *Catalog) all(ctx context.Context, kind pipeline.AssetKind, name string) ([]Version, error) {
	names, err := c.found(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	return c.readAll(ctx, kind, names[name])
}

// readAll reads versions with their notes, many at a time, and puts the newest
// first. One that has been deleted meanwhile is left out; so is one that cannot
// be read, which is then in the error, [*Damaged].
func (c *Catalog) readAll(ctx context.Context, kind pipeline.AssetKind, list []found) ([]Version, error) {
	all := make([]Version, len(list))
	var damage damage
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.store.Parallel())
	for i, f := range list {
		g.Go(func() error {
			v, err := c.read(ctx, kind, f.name, f.version)
			if errors.Is(err, artifact.ErrGone) {
				return nil
			}
			if err == nil && f.noted {
				err = c.addNotes(ctx, &v)
			}
			if err == nil {
				all[i] = v
			}
			return damage.note(f.name+":"+f.version, err)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(v Version) bool { return v.Version == "" })
	slices.SortFunc(all, newestFirst)
	return all, damage.err()
}

// newestFirst orders versions by the time of their creation. Of one time, the
// one with the larger number counts as newer.
func newestFirst(a, b Version) int {
	x, _ := number(a.Version)
	y, _ := number(b.Version)
	return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(y, x), cmp.Compare(b.Version, a.Version), cmp.Compare(a.Name, b.Name))
}
