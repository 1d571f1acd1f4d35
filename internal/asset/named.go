package asset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Things that have a name and no version stand on shelves, one for each sort:
// "datastore", "compute", "registry", "schedule". Each is one record.

// Put writes a thing, replacing the one that has its name.
func Put[T any](ctx context.Context, c *Catalog, shelf, name string, thing T) error {
	key, b, err := encodeThing(shelf, name, thing)
	if err == nil {
		err = c.store.WriteRecord(ctx, key, b)
	}
	if err != nil {
		return fmt.Errorf("keep %s %q: %w", shelf, name, err)
	}
	return nil
}

// Add writes a thing if there is none of its name, and reports whether it did.
// Of many who try at once, exactly one does.
func Add[T any](ctx context.Context, c *Catalog, shelf, name string, thing T) (bool, error) {
	key, b, err := encodeThing(shelf, name, thing)
	if err != nil {
		return false, fmt.Errorf("keep %s %q: %w", shelf, name, err)
	}
	added, err := c.store.CreateRecord(ctx, key, b)
	if err != nil {
		return false, fmt.Errorf("keep %s %q: %w", shelf, name, err)
	}
	return added, nil
}

// Take returns a thing. A missing one is a [*NotFound].
func Take[T any](ctx context.Context, c *Catalog, shelf, name string) (T, error) {
	var thing T
	if err := checkThing(shelf, name); err != nil {
		return thing, err
	}
	key := thingKey(shelf, name)
	b, err := c.store.ReadRecord(ctx, key)
	if errors.Is(err, artifact.ErrGone) {
		return thing, c.noThing(ctx, shelf, name)
	}
	if err == nil {
		err = decode(key, b, &thing)
	}
	if err != nil {
		return thing, fmt.Errorf("look for %s %q: %w", shelf, name, err)
	}
	return thing, nil
}

// All returns every thing on a shelf, by name. Where some cannot be read, the
// error is [*Damaged], and the others are returned with it.
func All[T any](ctx context.Context, c *Catalog, shelf string) (map[string]T, error) {
	if err := checkShelf(shelf); err != nil {
		return nil, err
	}
	names, err := c.things(ctx, shelf)
	if err != nil {
		return nil, err
	}
	all := make(map[string]T, len(names))
	var mu sync.Mutex
	var damage damage
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.store.Parallel())
	for _, name := range names {
		g.Go(func() error {
			thing, err := Take[T](ctx, c, shelf, name)
			if errors.Is(err, ErrNotFound) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return damage.note(name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all[name] = thing
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return all, damage.err()
}

// Drop deletes a thing. A missing one is a [*NotFound].
func Drop(ctx context.Context, c *Catalog, shelf, name string) error {
	if err := checkThing(shelf, name); err != nil {
		return err
	}
	key := thingKey(shelf, name)
	_, err := c.store.ReadRecord(ctx, key)
	if errors.Is(err, artifact.ErrGone) {
		return c.noThing(ctx, shelf, name)
	}
	if err == nil {
		err = c.store.DeleteRecord(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("delete %s %q: %w", shelf, name, err)
	}
	return nil
}

func thingKey(shelf, name string) string { return root + shelf + "/" + name + suffix }

func encodeThing(shelf, name string, thing any) (key string, b []byte, err error) {
	if err := checkThing(shelf, name); err != nil {
		return "", nil, err
	}
	b, err = encode(thing)
	return thingKey(shelf, name), b, err
}

// checkThing reports what cannot become a key, or nil.
func checkThing(shelf, name string) error {
	if err := checkShelf(shelf); err != nil {
		return err
	}
	return pipeline.CheckAssetName(shelf+" name", name)
}

// checkShelf keeps things apart from assets, which have folders of their own.
func checkShelf(shelf string) error {
	letters := shelf != "" && strings.Trim(shelf, "abcdefghijklmnopqrstuvwxyz") == ""
	if !letters || slices.Contains(pipeline.AssetKinds(), pipeline.AssetKind(shelf)) {
		return fmt.Errorf("%q is not a sort of thing that has a name only", shelf)
	}
	return nil
}

// things returns the names on a shelf, sorted.
func (c *Catalog) things(ctx context.Context, shelf string) ([]string, error) {
	prefix := root + shelf + "/"
	keys, err := c.store.ListRecords(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list every %s: %w", shelf, err)
	}
	var names []string
	for _, key := range keys {
		if name, ok := fileName(key, prefix); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

func (c *Catalog) noThing(ctx context.Context, shelf, name string) error {
	names, err := c.things(ctx, shelf)
	if err != nil {
		return err
	}
	return &NotFound{Ref: pipeline.AssetRef{Kind: pipeline.AssetKind(shelf), Name: name}, Near: Near(name, names)}
}
