package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/runs"
)

// sayDamaged tells of records that cannot be read, for a list of the others. Any
// other error it returns.
func (a *app) sayDamaged(err error) error {
	some, ok := errors.AsType[*asset.Damaged](err)
	if !ok {
		return err
	}
	for _, about := range slices.Sorted(maps.Keys(some.Records)) {
		a.say("%s is left out: %s", about, some.Records[about])
	}
	return nil
}

// library finds what files refer to by name, in the store of the jobs and in
// the registries. It opens the store only when something has to be looked up.
func (a *app) library(ctx context.Context) *runs.Library {
	return &runs.Library{Context: ctx, Program: a.program, Service: func() (*runs.Service, error) {
		s, err := a.records()
		if err != nil {
			return nil, err
		}
		return s.jobs, nil
	}}
}
