package asset

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/millrace-ml/millrace/pipeline"
)

// Create writes a version, and reports whether it did. One that has no version
// yet gets the next number. If the version exists with the same content, it is
// returned as it is; with other content, the error is [ErrExists]. A time of
// creation is kept where the version is given, too; the times of numbers that
// are counted on rise as the numbers do.
func (c *Catalog) Create(ctx context.Context, v Version) (made Version, created bool, err error) {
	if err := check(v.Kind, v.Name, v.Version); err != nil {
		return Version{}, false, err
	}
	if v.Version == "" {
		made, err = c.createNext(ctx, v)
		created = err == nil
	} else {
		made, created, err = c.createExactly(ctx, v)
	}
	if err != nil && !errors.Is(err, ErrExists) {
		err = fmt.Errorf("create %s %q: %w", v.Kind, v.Ref("").Short(), err)
	}
	return made, created, err
}

func (c *Catalog) createExactly(ctx context.Context, v Version) (Version, bool, error) {
	for {
		made, created, err := c.write(ctx, v)
		if err != nil || created {
			return made, created, err
		}
		there, err := c.exactly(ctx, v.Ref(""))
		if errors.Is(err, ErrNotFound) && ctx.Err() == nil {
			continue // deleted since
		}
		if err != nil {
			return Version{}, false, err
		}
		if what := difference(there, v); what != "" {
			return Version{}, false, &exists{there, what}
		}
		return there, false, nil
	}
}

// createNext counts on from the highest number there is. Each number that is
// lost was won by somebody else, so that it ends; and since only a number that
// is taken is passed over, none is left out. When twice as many have been lost
// as before it steps back from the crowd, for about as long as they took, and
// looks how far the others have come.
func (c *Catalog) createNext(ctx context.Context, v Version) (Version, error) {
	next, took := int64(1), time.Duration(0)
	for lost, look := 0, 0; ; lost++ {
		if lost == look {
			if err := pause(ctx, time.Duration(lost)*took); err != nil {
				return Version{}, err
			}
			highest, err := c.highest(ctx, v.Kind, v.Name)
			if err != nil {
				return Version{}, err
			}
			next, look = max(next, highest+1), max(1, 2*look)
		}
		v.Version, v.Created = strconv.FormatInt(next, 10), time.Time{} // later than that of the number before
		begin := time.Now()
		made, created, err := c.write(ctx, v)
		if err != nil || created {
			return made, err
		}
		next, took = next+1, time.Since(begin)
	}
}

// pause waits for a random time that is at most so long.
func pause(ctx context.Context, most time.Duration) error {
	if most <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(most)):
		return nil
	}
}

// highest is the highest number that is a version, or 0.
func (c *Catalog) highest(ctx context.Context, kind pipeline.AssetKind, name string) (int64, error) {
	names, err := c.found(ctx, kind, name)
	highest := int64(0)
	for _, f := range names[name] {
		if n, ok := number(f.version); ok {
			highest = max(highest, n)
		}
	}
	return highest, err
}

// number reads a version that is a number, with room for another one after it.
func number(version string) (int64, bool) {
	n, err := strconv.ParseInt(version, 10, 63)
	return n, err == nil
}

// write creates the record of a version, if there is none, and returns what a
// reader will find.
func (c *Catalog) write(ctx context.Context, v Version) (Version, bool, error) {
	if v.Created.IsZero() {
		v.Created = time.Now()
	}
	v.Created = v.Created.UTC().Round(0)
	b, err := encode(storedVersion{schema, v})
	if err != nil {
		return Version{}, false, err
	}
	key := versionKey(v.Kind, v.Name, v.Version)
	made, err := parseVersion(key, b)
	if err != nil {
		return Version{}, false, err
	}
	created, err := c.store.CreateRecord(ctx, key, b)
	return made, created, err
}

// Same returns the version that has the content of v, whatever its number: the
// one that is numbered so, too, or else the oldest.
func (c *Catalog) Same(ctx context.Context, v Version) (same Version, found bool, err error) {
	all, err := c.Versions(ctx, v.Kind, v.Name)
	if IgnoreDamaged(err) != nil && !errors.Is(err, ErrNotFound) {
		return Version{}, false, err
	}
	for _, there := range all { // the newest first
		if difference(there, v) != "" {
			continue
		}
		if same, found = there, true; there.Version == v.Version {
			break
		}
	}
	return same, found, nil
}

// difference says what the first of two versions has and the second has not, or
// is "". What is noted of them, when they were made and from what, is not content.
func difference(a, b Version) string {
	switch {
	case a.Type != b.Type:
		return "another type"
	case a.Definition != b.Definition:
		return "another definition"
	case a.URI != b.URI:
		return "another path"
	case !sameArtifact(a.Artifact, b.Artifact), !slices.EqualFunc(inOrder(a.Artifacts), inOrder(b.Artifacts), same):
		return "other content"
	case !sameJSON(a.Flavors, b.Flavors):
		return "other flavors"
	}
	return ""
}

func sameArtifact(a, b *pipeline.Artifact) bool {
	if a == nil || b == nil {
		return a == b
	}
	return same(*a, *b)
}

// same leaves out what the digest says already.
func same(a, b pipeline.Artifact) bool {
	return a.Digest == b.Digest && a.Tree == b.Tree && a.Name == b.Name
}

func inOrder(list []pipeline.Artifact) []pipeline.Artifact {
	return slices.SortedFunc(slices.Values(list), func(a, b pipeline.Artifact) int {
		return cmp.Or(cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Name, b.Name))
	})
}

func sameJSON(a, b map[string]any) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
