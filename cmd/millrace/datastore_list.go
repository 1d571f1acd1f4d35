package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type datastoreListOptions struct {
	most int
}

func newDatastoreListCmd(a *app, runF func(context.Context, *datastoreListOptions) error) *cobra.Command {
	o := &datastoreListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the datastores",
		Long: `List the datastores: those that exist from the start, and then the others by name.

` + exitCodesHelp,
		Example: `  millrace datastore list -o table
  millrace datastore list --query "[?type=='s3'].name" -o tsv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("max-results") && o.most < 1 {
				return wrongUsage("", "--max-results: %d is not a number of datastores", o.most)
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDatastoreList(cmd.Context(), a, o)
		},
	}
	cmd.Flags().IntVarP(&o.most, "max-results", "r", 0, "`number` of datastores to list (default: all)")
	return cmd
}

func runDatastoreList(ctx context.Context, a *app, o *datastoreListOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	all, err := s.jobs.ListDatastores(ctx)
	if err := a.sayDamaged(err); err != nil {
		return err
	}
	if o.most > 0 && len(all) > o.most {
		all = all[:o.most]
	}
	rows := make([]map[string]any, len(all))
	for i, d := range all {
		rows[i] = runs.DatastoreDocument(d)
	}
	return a.print(rows, datastoreTable)
}
