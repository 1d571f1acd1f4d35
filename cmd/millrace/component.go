package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

func componentNoun() *assetNoun {
	return &assetNoun{
		kind: pipeline.ComponentAsset, one: "component", many: "components", example: "train",
		columns: [][2]string{{"Component type", "type"}},
		changes: editable{texts: []string{"display_name", "description"}, maps: []string{"tags", "properties"}},
	}
}

func newComponentCmd(a *app) *cobra.Command {
	n := componentNoun()
	return newAssetCmd(a, n, &cobra.Command{
		Use:   "component",
		Short: "Keep components by name and version, as `az ml component` does",
		Long: `Keep components by name and version, for pipelines to use as azureml:NAME:VERSION,
azureml:NAME@latest or azureml://registries/REGISTRY/components/NAME. A version
never changes. No server has to run.`,
		Example: `  millrace component create -f train.yml
  millrace component list -o table
  millrace component show -n split_csv --registry-name millrace`,
	}, newComponentCreateCmd(a, n, nil), newComponentValidateCmd(a, nil))
}

func newComponentCreateCmd(a *app, n *assetNoun, runF func(context.Context, *assetCreateOptions) error) *cobra.Command {
	return newAssetCreateCmd(a, n, assetFlags{keys: map[string]string{}}, runF, &cobra.Command{
		Use:   "create -f FILE",
		Short: "Create a version of a component",
		Long: `Create a version of the component in FILE, and take everything along that the file
refers to. A version that exists is the same one where its content is the same,
and is refused where it is not.`,
		Example: `  millrace component create -f train.yml
  millrace component create -f train.yml --set version=7 -o none
  millrace component create -f train.yml --registry-name team`,
	})
}

type componentValidateOptions struct {
	file string
	set  []string
}

func newComponentValidateCmd(a *app, runF func(context.Context, *componentValidateOptions) error) *cobra.Command {
	o := &componentValidateOptions{}
	cmd := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check the file of a component",
		Long: `Read the file of a component and everything it refers to, and show all that is
wrong with it, with line and column. Nothing is kept.`,
		Example: "  millrace component validate -f train.yml\n  millrace component validate -f train.yml -o json --query result",
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "YAML `file` of the component")
	addSet(cmd.Flags(), &o.set)
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	return verb(a, cmd, o, runF, runComponentValidate, "file")
}

func runComponentValidate(ctx context.Context, a *app, o *componentValidateOptions) error {
	file, err := azureml.LoadAsset(pipeline.ComponentAsset, o.file, azureml.LoadOptions{Set: o.set, Assets: a.library(ctx)})
	return a.printValidation(o.file+" is valid\n", err, file.Warnings, nil)
}
