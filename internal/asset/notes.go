package asset

import (
	"context"
	"fmt"
	"os/user"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/pipeline"
)

// Note changes what is noted of the version that a reference means. Of two who
// do so at once the later one stays.
func (c *Catalog) Note(ctx context.Context, ref pipeline.AssetRef, change func(*Notes) error) (Version, error) {
	v, err := c.Find(ctx, ref)
	if err != nil {
		return Version{}, err
	}
	v.Notes.ModifiedBy = Whoami()
	if err := change(&v.Notes); err != nil {
		return Version{}, err
	}
	return v, c.note(ctx, &v)
}

// note writes the notes of a version that exists.
func (c *Catalog) note(ctx context.Context, v *Version) error {
	v.Notes.Modified = time.Now().UTC().Round(0)
	b, err := encode(storedNotes{schema, v.Created, v.Notes})
	if err == nil {
		err = c.store.WriteRecord(ctx, notesKey(v.Kind, v.Name, v.Version), b)
	}
	if err != nil {
		return fmt.Errorf("change %s %q: %w", v.Kind, v.Ref("").Short(), err)
	}
	return nil
}

// Archive archives a version, or restores it. Without a version it does so with
// all that the name has; of those that cannot be read the error tells, which is
// [*Damaged] then.
func (c *Catalog) Archive(ctx context.Context, kind pipeline.AssetKind, name, version string, archived bool) error {
	var list []Version
	var err error
	if version == "" {
		list, err = c.Versions(ctx, kind, name)
	} else {
		list = make([]Version, 1)
		list[0], err = c.Find(ctx, pipeline.AssetRef{Kind: kind, Name: name, Version: version})
	}
	if IgnoreDamaged(err) != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.store.Parallel())
	for _, v := range list {
		if v.Notes.Archived != archived {
			v.Notes.Archived, v.Notes.ModifiedBy = archived, Whoami()
			g.Go(func() error { return c.note(ctx, &v) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return err
}

// Forget deletes a version and what is noted of it. A missing one is no error.
func (c *Catalog) Forget(ctx context.Context, kind pipeline.AssetKind, name, version string) error {
	if err := check(kind, name, ""); err != nil {
		return err
	}
	if err := pipeline.CheckAssetName("version", version); err != nil {
		return err
	}
	for _, key := range []string{versionKey(kind, name, version), notesKey(kind, name, version)} {
		if err := c.store.DeleteRecord(ctx, key); err != nil {
			return fmt.Errorf("delete %s %q: %w", kind, name+":"+version, err)
		}
	}
	return nil
}

// Whoami is the name of the user that this process runs for, or "".
func Whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
