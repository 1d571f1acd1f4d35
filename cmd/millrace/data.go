package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/pipeline"
)

func dataNoun() *assetNoun {
	return &assetNoun{
		kind: pipeline.DataAsset, one: "data asset", many: "data assets", example: "titanic",
		columns: [][2]string{{"Data type", "type"}, {"Path", "path"}},
		changes: editable{texts: []string{"description"}, maps: []string{"tags", "properties"}},
	}
}

func newDataCmd(a *app) *cobra.Command {
	n := dataNoun()
	return newAssetCmd(a, n, &cobra.Command{
		Use:   "data",
		Short: "Keep data by name and version, as `az ml data` does",
		Long: `Keep data by name and version, for jobs to use as azureml:NAME:VERSION or
azureml:NAME@latest. Local files are copied into the store; what lies in a
datastore or on the web stays there. No server has to run.`,
		Example: `  millrace data create -n titanic --path titanic.csv --type uri_file
  millrace data create -f data.yml
  millrace data list -o table`,
	}, newDataCreateCmd(a, n, nil), newDataMountCmd(), newDataImportCmd())
}

func newDataCreateCmd(a *app, n *assetNoun, runF func(context.Context, *assetCreateOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a version of a data asset",
		Long: `Create a version of a data asset, from a file, by flags, or both: flags win. A
version that exists is the same one where its content is the same, and is
refused where it is not.`,
		Example: `  millrace data create -f data.yml --set version=3
  millrace data create -n titanic --path titanic.csv --type uri_file --description "who survived"
  millrace data create -n images --path azureml://datastores/workspaceblobstore/paths/images/`,
	}
	f := cmd.Flags()
	f.StringP("path", "p", "", "`path` or URI of the data")
	f.StringP("type", "t", "", "uri_file, uri_folder (default) or mltable")
	f.StringP("description", "d", "", "what it is")
	accept(f, []string{"datastore"}, nil)
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]cobra.Completion{"uri_file", "uri_folder", "mltable"}, cobra.ShellCompDirectiveNoFileComp))
	return newAssetCreateCmd(a, n, assetFlags{
		keys: map[string]string{"path": "path", "type": "type", "description": "description"}, paths: []string{"path"},
	}, runF, cmd)
}

// newDataMountCmd says what to do in the place of what az data mount does.
func newDataMountCmd() *cobra.Command {
	return refusal("mount", "Mount data, which Millrace does not do",
		"steps find the data of their inputs as files; `millrace job download` and the path that `data show` prints lead to them",
		"  millrace data show -n titanic --query path -o tsv")
}

func newDataImportCmd() *cobra.Command {
	return refusal("import", "Import data from elsewhere, which Millrace does not do",
		"export the data to a file, and create the data asset from that", "  millrace data create -n titanic --path titanic.csv --type uri_file")
}

// refusal is a verb of az that Millrace does not have, and says so.
func refusal(use, short, hint, example string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: short + ": " + hint + ".", Example: example, Hidden: true,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return refused(hint, "Millrace does not answer `%s`", cmd.CommandPath())
		},
	}
}
