package main

import (
	"context"

	"github.com/spf13/cobra"
)

type datastoreDeleteOptions struct {
	name string
}

func newDatastoreDeleteCmd(a *app, runF func(context.Context, *datastoreDeleteOptions) error) *cobra.Command {
	o := &datastoreDeleteOptions{}
	cmd := &cobra.Command{
		Use:   "delete -n NAME",
		Short: "Forget a datastore, not its data",
		Long: `Forget a datastore. Its data stays where it is. The datastores that exist from the
start cannot be deleted.

` + exitCodesHelp,
		Example: "  millrace datastore delete -n lake",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDatastoreDelete(cmd.Context(), a, o)
		},
	}
	a.addDatastoreName(cmd, &o.name)
	return cmd
}

func runDatastoreDelete(ctx context.Context, a *app, o *datastoreDeleteOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	return s.jobs.DeleteDatastore(ctx, o.name)
}
