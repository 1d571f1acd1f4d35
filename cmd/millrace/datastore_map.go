package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type datastoreMapOptions struct {
	address, to, name string
}

func newDatastoreMapCmd(a *app, runF func(context.Context, *datastoreMapOptions) error) *cobra.Command {
	o := &datastoreMapOptions{}
	cmd := &cobra.Command{
		Use:   "map ADDRESS FOLDER",
		Short: "Read what files name elsewhere from a folder or bucket",
		Long: `Have a folder stand for an address elsewhere: what files name below the address is
read from the folder, without network. The address may be
  wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH, or any other address of
                                that container: abfss://, https://, wasb://
  https://HOST/PATH             a file or a folder on the web
  s3://BUCKET/PATH, gs://BUCKET/PATH, adl://ACCOUNT.azuredatalakestore.net/PATH
and in the place of a folder a file may stand, or the URL of a bucket.

It makes a datastore, which ` + "`millrace datastore delete`" + ` deletes. Mapping the address
again changes where it leads.

` + exitCodesHelp,
		Example: `  millrace datastore map wasbs://datasets@azuremlexamples.blob.core.windows.net ./datasets
  millrace datastore map https://azuremlexamples.blob.core.windows.net/datasets/iris.csv ./iris.csv
  millrace datastore map https://data.example.org/2026 s3://mirror/2026?region=eu-west-1 -n mirror`,
		Args: arguments("ADDRESS", "FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.address, o.to = args[0], args[1]
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDatastoreMap(cmd.Context(), a, o)
		},
	}
	cmd.Flags().StringVarP(&o.name, "name", "n", "", "`name` of the datastore (default: made of the address)")
	return cmd
}

func runDatastoreMap(ctx context.Context, a *app, o *datastoreMapOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	name := o.name
	if name == "" {
		name, err = s.jobs.NameForAddress(ctx, o.address)
		if failure, ok := errors.AsType[*pipeline.Failure](err); ok {
			return wrongUsage(failure.Hint, "%s", failure.Message)
		}
		if err != nil {
			return err
		}
	}
	create := datastoreCreateOptions{name: name, url: o.to, set: []string{"stands_for=" + o.address}}
	f, _ := azureml.LoadDatastore("", azureml.LoadOptions{Set: create.pairs()})
	if _, err := runs.DefineDatastore(f); err != nil {
		return f.Problems()
	}
	return a.makeDatastore(ctx, f)
}
