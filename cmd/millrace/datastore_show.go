package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type datastoreShowOptions struct {
	name string
}

func newDatastoreShowCmd(a *app, runF func(context.Context, *datastoreShowOptions) error) *cobra.Command {
	o := &datastoreShowOptions{}
	cmd := &cobra.Command{
		Use:   "show -n NAME",
		Short: "Show a datastore",
		Long: `Show a datastore: where its data is, and where the credentials for it are. The
credentials themselves are not known.

` + exitCodesHelp,
		Example: `  millrace datastore show -n workspaceblobstore
  millrace datastore show -n lake --query url -o tsv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDatastoreShow(cmd.Context(), a, o)
		},
	}
	a.addDatastoreName(cmd, &o.name)
	return cmd
}

func runDatastoreShow(ctx context.Context, a *app, o *datastoreShowOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	d, err := s.jobs.ShowDatastore(ctx, o.name)
	if err != nil {
		return err
	}
	return a.print(runs.DatastoreDocument(d), datastoreTable)
}
