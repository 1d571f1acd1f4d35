package datastore

import (
	"context"
	"path"

	"github.com/millrace-ml/millrace/pipeline"
)

// place is where the data of a datastore, or of an address, lies: a [folder] of
// this machine, or [objects] in a bucket.
type place interface {
	// fetch brings what is at a target into the store, as what it is there: a
	// file or a tree. Where there is nothing the error is a [*nothing].
	fetch(ctx context.Context, at target) (pipeline.Artifact, error)
	// publish writes an artifact to a path below the place.
	publish(ctx context.Context, a pipeline.Artifact, path string) error
}

// target is what is wanted of a place.
type target struct {
	// path is clean and relative, "" for the whole place.
	path string
	// folder tells that no file can be meant.
	folder bool
	// name is what a file is called; where it is "", its own name is.
	name string
	// progress, if not nil, is told the bytes of a file read so far.
	progress func(int64)
}

// named gives a file the name by which it was asked for.
func (t target) named(a pipeline.Artifact, own string) pipeline.Artifact {
	for _, name := range []string{t.name, path.Base(own)} {
		if isName(name) {
			a.Name = name
			break
		}
	}
	return a
}

// nothing is the failure of looking where there is nothing.
type nothing struct{ error }

// Unwrap is the failure as people are told of it.
func (n *nothing) Unwrap() error { return n.error }
