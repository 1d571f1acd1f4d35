package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/pipeline"
)

func modelNoun() *assetNoun {
	return &assetNoun{
		kind: pipeline.ModelAsset, one: "model", many: "models", example: "classifier",
		columns: [][2]string{{"Model type", "type"}, {"Stage", "stage"}, {"Path", "path"}},
		changes: editable{texts: []string{"display_name", "description", "stage"}, maps: []string{"tags", "properties"}},
	}
}

func newModelCmd(a *app) *cobra.Command {
	n := modelNoun()
	return newAssetCmd(a, n, &cobra.Command{
		Use:   "model",
		Short: "Keep models by name and version, as `az ml model` does",
		Long: `Keep models by name and version: files, folders, or what a job has made. No server
has to run.`,
		Example: `  millrace model create -n classifier --path azureml://jobs/calm_river_0a1b2c3d4e/outputs/model
  millrace model list -n classifier -o table
  millrace model download -n classifier --version 3 -p models`,
	}, newModelCreateCmd(a, n, nil), newModelDownloadCmd(a, n, nil), newModelPackageCmd())
}

func newModelCreateCmd(a *app, n *assetNoun, runF func(context.Context, *assetCreateOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a version of a model",
		Long: `Create a version of a model, from a file, by flags, or both: flags win. Its path is
local, in a datastore, or an output of a job. A version that exists is the same
one where its content is the same, and is refused where it is not.`,
		Example: `  millrace model create -n classifier --path model.pkl --stage staging
  millrace model create -n classifier --type mlflow_model --path azureml://jobs/calm_river_0a1b2c3d4e/outputs/artifacts/paths/model
  millrace model create -f model.yml --set version=3`,
	}
	f := cmd.Flags()
	f.StringP("path", "p", "", "`path` or URI of the model")
	f.StringP("type", "t", "", "custom_model (default), mlflow_model or triton_model")
	f.StringP("description", "d", "", "what it is")
	f.String("stage", "", "how far it has come, in a word of your own")
	accept(f, []string{"datastore"}, nil)
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]cobra.Completion{"custom_model", "mlflow_model", "triton_model"}, cobra.ShellCompDirectiveNoFileComp))
	return newAssetCreateCmd(a, n, assetFlags{
		keys: map[string]string{"path": "path", "type": "type", "description": "description", "stage": "stage"}, paths: []string{"path"},
	}, runF, cmd)
}

type modelDownloadOptions struct {
	ref assetRef
	dir string
}

func newModelDownloadCmd(a *app, n *assetNoun, runF func(context.Context, *modelDownloadOptions) error) *cobra.Command {
	o := &modelDownloadOptions{}
	cmd := &cobra.Command{
		Use:   "download -n NAME",
		Short: "Copy a model to a folder",
		Long: `Copy a model to a folder of its name. What has the names of its files there is
replaced.`,
		Example: "  millrace model download -n classifier --version 3\n  millrace model download -n classifier --label latest -p models",
	}
	a.addRef(cmd, n, &o.ref)
	cmd.Flags().StringVarP(&o.dir, "download-path", "p", ".", "`folder` to make the folder in")
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *modelDownloadOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		to, err := s.DownloadAsset(ctx, o.ref.of(n), o.dir)
		if err != nil {
			return err
		}
		a.say("model %s is in %s", o.ref.name, to)
		return nil
	}, "name")
}

func newModelPackageCmd() *cobra.Command {
	return refusal("package", "Package a model for serving, which Millrace does not do",
		"`millrace model download` copies the model for whatever serves it", "  millrace model download -n classifier")
}
