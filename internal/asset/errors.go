package asset

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/millrace-ml/millrace/pipeline"
)

var (
	// ErrNotFound is what every [*NotFound] is.
	ErrNotFound = errors.New("not found")
	// ErrExists says that a version exists with other content.
	ErrExists = errors.New("exists with other content")
)

// NotFound says that there is no such asset or named thing, and what there is
// instead. It is [ErrNotFound].
type NotFound struct {
	// Ref is what was looked for. Of a named thing only Kind, the shelf, and
	// Name are set.
	Ref pipeline.AssetRef
	// Near are existing names that look like the one that does not exist.
	Near []string
	// Versions are the newest versions, where the name exists.
	Versions []string
	// Older is how many versions there are besides.
	Older int
	// Archived says that there are versions, but all are archived, so that the
	// latest is none of them.
	Archived bool
}

// Error says it in one sentence.
func (e *NotFound) Error() string {
	what := fmt.Sprintf("%s %q", e.Ref.Kind, e.Ref.Name)
	if e.Ref.Registry != "" {
		what += fmt.Sprintf(" in the registry %q", e.Ref.Registry)
	}
	has := strings.Join(e.Versions, ", ")
	if e.Older > 0 {
		has += fmt.Sprintf(" and %d older", e.Older)
	}
	switch {
	case len(e.Versions) == 0 && len(e.Near) == 0:
		return "there is no " + what
	case len(e.Versions) == 0:
		return fmt.Sprintf("there is no %s (did you mean %s?)", what, either(e.Near))
	case e.Ref.Version != "":
		return fmt.Sprintf("%s has no version %s (it has %s)", what, e.Ref.Version, has)
	case e.Archived:
		return fmt.Sprintf("all versions of %s are archived (%s): name one of them, or restore one", what, has)
	}
	return fmt.Sprintf("%s has no label %q: the labels are latest and default (its versions are %s)", what, e.Ref.Label, has)
}

// Is makes every NotFound ErrNotFound.
func (e *NotFound) Is(target error) bool { return target == ErrNotFound }

// Damaged says which records cannot be read. It comes together with all others,
// for those who can do without.
type Damaged struct {
	// Records are the errors by what the records are about: "NAME:VERSION" of
	// assets, the name of things that have no more.
	Records map[string]error
}

// Error names them all, a line each.
func (d *Damaged) Error() string {
	lines := make([]string, 0, len(d.Records))
	for _, about := range slices.Sorted(maps.Keys(d.Records)) {
		lines = append(lines, d.Records[about].Error())
	}
	return strings.Join(lines, "\n")
}

// IgnoreDamaged returns nil for a [*Damaged], and any other error as it is: for
// those who can do without what cannot be read.
func IgnoreDamaged(err error) error {
	if _, ok := errors.AsType[*Damaged](err); ok {
		return nil
	}
	return err
}

// unreadable is the error for a record that does not hold what it should.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// damage gathers what cannot be read, for many at once.
type damage struct {
	mu      sync.Mutex
	records map[string]error
}

// note keeps the error for a record that cannot be read, and returns any other.
func (d *damage) note(about string, err error) error {
	cause, ok := errors.AsType[unreadable](err)
	if !ok {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records = map[string]error{}
	}
	d.records[about] = cause
	return nil
}

// err is the [*Damaged] of what was noted, or nil.
func (d *damage) err() error {
	if len(d.records) == 0 {
		return nil
	}
	return &Damaged{d.records}
}

// either words a choice: "a", "b" or "c".
func either(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// exists is the [ErrExists] that says what is there.
type exists struct {
	there Version
	what  string // it has, in words
}

func (e *exists) Error() string {
	since := e.there.Created.Format("2006-01-02 15:04:05 MST")
	return fmt.Sprintf("%s %q has had a version %s since %s, with %s", e.there.Kind, e.there.Name, e.there.Version, since, e.what)
}

func (e *exists) Is(target error) bool { return target == ErrExists }
