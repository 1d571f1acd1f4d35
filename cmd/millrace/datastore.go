package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newDatastoreCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "datastore",
		Short: "Name places where data lies, as `az ml datastore` does",
		Long: `Name places where data lies: a folder, a bucket, a container in Azure. Files read
from and publish to azureml://datastores/NAME/paths/PATH. Four datastores exist
from the start; workspaceblobstore is meant where a file names none.

A datastore can also stand for addresses elsewhere, so that files that name data
in Azure or on the web read it from a folder: see ` + "`millrace datastore map --help`" + `.

` + exitCodesHelp,
		Example: `  millrace datastore create -n lake --url s3://bucket/prefix?region=eu-west-1
  millrace datastore map wasbs://datasets@azuremlexamples.blob.core.windows.net ./datasets
  millrace datastore list -o table`,
	})
	cmd.AddCommand(
		newDatastoreCreateCmd(a, nil),
		newDatastoreMapCmd(a, nil),
		newDatastoreListCmd(a, nil),
		newDatastoreShowCmd(a, nil),
		newDatastoreUpdateCmd(a, nil),
		newDatastoreDeleteCmd(a, nil),
	)
	return cmd
}

// addDatastoreName adds -n for the name of a datastore that exists.
func (a *app) addDatastoreName(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "name", "n", "", "name of the `datastore`")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		all, err := s.ListDatastores(ctx)
		var names []string
		for _, d := range all {
			names = append(names, cobra.CompletionWithDesc(d.Name, string(d.Type)))
		}
		return names, err
	}))
}

// datastoreTable is the table of one datastore or a list of them, as az shows
// it, with the address that az has no column for.
func datastoreTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Storage type", "Storage account name", "URL"}}
	for _, m := range rowsOf(data) {
		account := text(m["account_name"])
		if account == "" {
			account = text(m["store_name"])
		}
		t.Add(text(m["name"]), text(m["type"]), account, text(m["url"]))
	}
	return t
}
