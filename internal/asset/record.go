package asset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

const (
	// schema is the version of the stored form of versions and notes.
	schema = 1
	// maxRecord bounds a record; the largest is the definition of a pipeline
	// component with all that is in it.
	maxRecord = 16 << 20
)

// storedVersion is the form of a [Version] in the store. Its notes are those
// that it was created with.
type storedVersion struct {
	Schema int `json:"schema"`
	Version
}

// storedNotes is the form of [Notes] in the store.
type storedNotes struct {
	Schema int `json:"schema"`
	// Of is when the version was created that they are about. One that was
	// deleted may leave its notes behind, to be those of no later one.
	Of time.Time `json:"of"`
	Notes
}

func encode(record any) ([]byte, error) {
	b, err := json.Marshal(record)
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("%d bytes are more than a record may have (%d)", len(b), maxRecord)
	}
	return b, err
}

// decode reads a record of that key into a pointer.
func decode(key string, b []byte, into any) error {
	err := json.Unmarshal(b, into)
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("it has %d bytes", len(b))
	}
	if err != nil {
		return damaged(key, "%w", err)
	}
	return nil
}

// damaged is the error for a record that does not hold what it should.
func damaged(key, why string, args ...any) error {
	return unreadable{fmt.Errorf("the record %s is damaged: %w", key, fmt.Errorf(why, args...))}
}

func checkSchema(key string, found int) error {
	if found > schema {
		return unreadable{fmt.Errorf("the record %s was written by a newer Millrace (schema %d)", key, found)}
	}
	if found < 1 {
		return damaged(key, "it has no schema")
	}
	return nil
}

// parseVersion reads a version, and makes sure that it is the one of its key
// and that its digests can be used.
func parseVersion(key string, b []byte) (Version, error) {
	var s storedVersion
	if err := decode(key, b, &s); err != nil {
		return Version{}, err
	}
	if err := checkSchema(key, s.Schema); err != nil {
		return Version{}, err
	}
	v := s.Version
	if versionKey(v.Kind, v.Name, v.Version) != key {
		return Version{}, damaged(key, "it is about %s %s:%s", v.Kind, v.Name, v.Version)
	}
	for _, a := range v.content() {
		if _, err := pipeline.ParseDigest(string(a.Digest)); err != nil {
			return Version{}, damaged(key, "%w", err)
		}
	}
	return v, nil
}

// content are all artifacts of a version.
func (v Version) content() []pipeline.Artifact {
	all := v.Artifacts
	if v.Artifact != nil {
		all = append([]pipeline.Artifact{*v.Artifact}, all...)
	}
	return all
}

// read returns a version without what has been noted since it was created, or
// [artifact.ErrGone].
func (c *Catalog) read(ctx context.Context, kind pipeline.AssetKind, name, version string) (Version, error) {
	key := versionKey(kind, name, version)
	b, err := c.store.ReadRecord(ctx, key)
	if err != nil {
		return Version{}, err
	}
	return parseVersion(key, b)
}

// addNotes puts in the notes that lie beside a version, if there are any.
func (c *Catalog) addNotes(ctx context.Context, v *Version) error {
	key := notesKey(v.Kind, v.Name, v.Version)
	b, err := c.store.ReadRecord(ctx, key)
	if errors.Is(err, artifact.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	var s storedNotes
	if err := decode(key, b, &s); err != nil {
		return err
	}
	if err := checkSchema(key, s.Schema); err != nil {
		return err
	}
	if s.Of.Equal(v.Created) {
		v.Notes = s.Notes
	}
	return nil
}

// fileName is the part of a key that names the thing, if the key lies directly
// below prefix.
func fileName(key, prefix string) (string, bool) {
	name, ok := strings.CutSuffix(strings.TrimPrefix(key, prefix), suffix)
	return name, ok && name != "" && !strings.Contains(name, "/")
}
