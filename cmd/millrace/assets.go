package main

import (
	"context"

	"github.com/millrace-ml/millrace/runs"
)

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
