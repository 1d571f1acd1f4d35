package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/pipeline"
)

func environmentNoun() *assetNoun {
	return &assetNoun{
		kind: pipeline.EnvironmentAsset, one: "environment", many: "environments", example: "tools",
		columns: [][2]string{{"Image", "image"}},
		changes: editable{texts: []string{"description"}, maps: []string{"tags", "properties"}},
	}
}

func newEnvironmentCmd(a *app) *cobra.Command {
	n := environmentNoun()
	cmd := newAssetCmd(a, n, &cobra.Command{
		Use:   "environment",
		Short: "Keep environments by name and version, as `az ml environment` does, and make them",
		Long: `Keep the software that steps need by name and version, for jobs and components to
use as azureml:NAME:VERSION or azureml:NAME@latest, and see what of it is made on
this machine. No server has to run.`,
		Example: `  millrace environment create -n tools --image python:3.12 --conda-file conda.yml
  millrace environment list -o table
  millrace environment list --registry-name azureml -o table`,
	}, newEnvironmentCreateCmd(a, n, nil), newEnvironmentBuildCmd(a, nil), newEnvironmentPruneCmd(a, nil))
	for _, sub := range cmd.Commands() {
		switch sub.Name() {
		case "list", "show":
			withMade(a, sub)
		}
	}
	return cmd
}

func newEnvironmentCreateCmd(a *app, n *assetNoun, runF func(context.Context, *assetCreateOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a version of an environment",
		Long: `Create a version of an environment, from a file, by flags, or both: flags win. A
version that exists is the same one where its content is the same, and is
refused where it is not.`,
		Example: `  millrace environment create -f environment.yml
  millrace environment create -n tools --image python:3.12
  millrace environment create -n built --build-context docker --dockerfile-path Dockerfile`,
	}
	f := cmd.Flags()
	f.StringP("image", "i", "", "docker `image`")
	f.StringP("conda-file", "c", "", "conda `file`; it needs an image")
	f.StringP("build-context", "b", "", "`folder` that a docker image is made from")
	f.StringP("dockerfile-path", "d", "", "`path` of the Dockerfile inside of the build context")
	f.String("os-type", "", "linux (default) or windows; kept and shown")
	f.String("description", "", "what it is")
	accept(f, []string{"datastore"}, nil)
	return newAssetCreateCmd(a, n, assetFlags{
		keys: map[string]string{"image": "image", "conda-file": "conda_file", "build-context": "build.path", "dockerfile-path": "build.dockerfile_path",
			"os-type": "os_type", "description": "description"},
		paths: []string{"conda_file", "build.path"},
	}, runF, cmd)
}
