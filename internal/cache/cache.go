package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// Cache is the memory of finished steps that goes with a store. It holds no
// state of its own; any number may be used at once, in any process.
type Cache struct {
	store *artifact.Store
}

// New returns the cache in a store.
func New(store *artifact.Store) *Cache { return &Cache{store} }

// entrySchema is the version of the stored form of an [Entry].
const entrySchema = 1

// Entry is what a finished step has made.
type Entry struct {
	Key Key `json:"key"`
	// Outputs are the declared outputs and [pipeline.Artifacts], by name.
	Outputs map[string]pipeline.Artifact `json:"outputs"`
	// Values are what control outputs hold; Metrics are what was reported.
	Values  map[string]string          `json:"values,omitempty"`
	Metrics map[string]pipeline.Metric `json:"metrics,omitempty"`
	// Models are those that the program has registered.
	Models []pipeline.Model `json:"models,omitempty"`
	// Ingredients are what Key is the hash of.
	Ingredients []Ingredient `json:"ingredients"`
	// Job and Step say who made it.
	Job  string `json:"job"`
	Step string `json:"step"`
	// Worker made it, at this attempt.
	Worker  string `json:"worker,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	// ExitCode is the program's: usually 0.
	ExitCode int       `json:"exit_code"`
	Created  time.Time `json:"created"`
	// Duration is how long the program ran, which is what reuse saves.
	Duration time.Duration `json:"duration_ns"`
}

// stored is the form of an [Entry] in the bucket.
type stored struct {
	Schema int `json:"schema"`
	Entry
}

func entryKey(k Key) string { return "cache/" + string(k[:2]) + "/" + string(k) }

// Record remembers an entry. Of two for one key the newest stays.
func (c *Cache) Record(ctx context.Context, e Entry) error {
	if _, err := ParseKey(string(e.Key)); err != nil {
		return fmt.Errorf("record a result: %w", err)
	}
	b, err := json.Marshal(stored{entrySchema, e})
	if err != nil {
		return fmt.Errorf("record a result: %w", err)
	}
	return c.store.WriteRecord(ctx, entryKey(e.Key), b)
}

// Entry returns what is recorded under a key, whether or not its artifacts are
// still there. It returns nil if there is nothing that can be read.
func (c *Cache) Entry(ctx context.Context, k Key) (*Entry, error) {
	if _, err := ParseKey(string(k)); err != nil {
		return nil, err
	}
	b, err := c.store.ReadRecord(ctx, entryKey(k))
	if errors.Is(err, artifact.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up a result: %w", err)
	}
	return parseEntry(b, k), nil
}

// parseEntry returns nil for a record that is damaged or of another version:
// what it stood for is made anew.
func parseEntry(b []byte, k Key) *Entry {
	var s stored
	if json.Unmarshal(b, &s) != nil || s.Schema != entrySchema || s.Key != k {
		return nil
	}
	for _, a := range s.Outputs {
		if _, err := pipeline.ParseDigest(string(a.Digest)); err != nil {
			return nil
		}
	}
	return &s.Entry
}

// Lookup returns the entry that can be used in place of running the step: nil
// if there is none, or if any of its artifacts has gone.
func (c *Cache) Lookup(ctx context.Context, k Key) (*Entry, error) {
	e, err := c.Entry(ctx, k)
	if e == nil || err != nil {
		return nil, err
	}
	for _, a := range e.Outputs {
		ok, err := c.store.Has(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("look up a result: %w", err)
		}
		if !ok {
			return nil, nil
		}
	}
	return e, nil
}

// LookupMany looks many keys up at once. The answers stand as the keys do, nil
// for a miss.
func (c *Cache) LookupMany(ctx context.Context, keys []Key) ([]*Entry, error) {
	entries := make([]*Entry, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.store.Parallel())
	for i, k := range keys {
		g.Go(func() error {
			var err error
			entries[i], err = c.Lookup(ctx, k)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return entries, nil
}
