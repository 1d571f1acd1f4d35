package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestAssetVerbsReadTheFlagsOfAz(t *testing.T) {
	n := modelNoun()
	list := func(a *app, f func(context.Context, *assetListOptions) error) *cobra.Command {
		return newAssetListCmd(a, n, f)
	}
	wants(t, list, "", assetListOptions{noun: n})
	wants(t, list, "-n m -r 3 --include-archived --registry-name team",
		assetListOptions{noun: n, ref: assetRef{name: "m", registry: "team"}, listed: listed{most: 3, includeArchived: true}})
	refuses(t, list, "--include-archived --archived-only", "none of the others can be")

	show := func(a *app, f func(context.Context, *assetShowOptions) error) *cobra.Command {
		return newAssetShowCmd(a, n, f)
	}
	wants(t, show, "-n m -v 1", assetShowOptions{noun: n, ref: assetRef{name: "m", version: "1"}})
	wants(t, show, "--name m --label latest -g g -w w", assetShowOptions{noun: n, ref: assetRef{name: "m", label: "latest"}})
	refuses(t, show, "", "-n/--name is missing")
	refuses(t, show, "-n m -v 1 -l latest", "none of the others can be")

	update := func(a *app, f func(context.Context, *assetUpdateOptions) error) *cobra.Command {
		return newAssetUpdateCmd(a, n, f)
	}
	wants(t, update, "-n m -v 1 --set stage=x --force-string", assetUpdateOptions{noun: n, ref: assetRef{name: "m", version: "1"},
		changes: changes{forceString: true, list: []change{{"set", []string{"stage=x"}}}}})

	archive := func(a *app, f func(context.Context, *assetArchiveOptions) error) *cobra.Command {
		return newAssetArchiveCmd(a, n, f)
	}
	wants(t, archive, "-n m", assetArchiveOptions{noun: n, ref: assetRef{name: "m"}, archived: true})

	share := func(a *app, f func(context.Context, *assetShareOptions) error) *cobra.Command {
		return newAssetShareCmd(a, n, f)
	}
	wants(t, share, "--name m --version 1 --share-with-name n --share-with-version 2 --registry-name r", assetShareOptions{noun: n,
		from: assetRef{name: "m", version: "1"}, to: assetRef{name: "n", version: "2", registry: "r"}})
	refuses(t, share, "-n m", "registry-name is missing")

	download := func(a *app, f func(context.Context, *modelDownloadOptions) error) *cobra.Command {
		return newModelDownloadCmd(a, n, f)
	}
	wants(t, download, "-n m -v 1 -p to", modelDownloadOptions{ref: assetRef{name: "m", version: "1"}, dir: "to"})
	wants(t, download, "-n m", modelDownloadOptions{ref: assetRef{name: "m"}, dir: "."})
}

func TestFlagsOfCreateStandForKeysOfTheFile(t *testing.T) {
	for _, test := range []struct {
		noun *assetNoun
		make func(*app, *assetNoun, func(context.Context, *assetCreateOptions) error) *cobra.Command
		line string
		want assetCreateOptions
	}{
		{componentNoun(), newComponentCreateCmd, "-f c.yml -n c -v 3 --set a=b", assetCreateOptions{file: "c.yml", set: []string{"name=c", "version=3", "a=b"}}},
		{dataNoun(), newDataCreateCmd, "-n d -p file.csv -t uri_file -d text --tags a=1 b=2 --datastore x --no-wait",
			assetCreateOptions{set: []string{"description=text", "name=d", "path=file.csv", "type=uri_file", "tags.a=1", "tags.b=2"}}},
		{modelNoun(), newModelCreateCmd, "--name m --path runs:/x/model --type mlflow_model --stage s --registry-name r --skip-validation",
			assetCreateOptions{registry: "r", set: []string{"name=m", "path=runs:/x/model", "stage=s", "type=mlflow_model"}}},
		{environmentNoun(), newEnvironmentCreateCmd, "-n e -i image -c conda.yml --os-type linux",
			assetCreateOptions{set: []string{"conda_file=conda.yml", "image=image", "name=e", "os_type=linux"}}},
		{environmentNoun(), newEnvironmentCreateCmd, "-n e -b context -d Dockerfile",
			assetCreateOptions{set: []string{"build.path=context", "build.dockerfile_path=Dockerfile", "name=e"}}},
	} {
		newCmd := func(a *app, f func(context.Context, *assetCreateOptions) error) *cobra.Command {
			return test.make(a, test.noun, f)
		}
		test.want.noun = test.noun
		wants(t, newCmd, test.line, test.want)
	}
	refuses(t, func(a *app, f func(context.Context, *assetCreateOptions) error) *cobra.Command {
		return newDataCreateCmd(a, dataNoun(), f)
	}, "--path x", "-n/--name is missing")
}

func TestComputeVerbsReadTheFlagsOfAz(t *testing.T) {
	wants(t, newComputeCreateCmd, "-n c -t amlcompute --size Standard_NC6 --min-instances 0 --max-instances 4 --tags a=1 b=2 --identity-type x --no-wait",
		computeCreateOptions{set: []string{"max_instances=4", "min_instances=0", "name=c", "size=Standard_NC6", "type=amlcompute", "tags.a=1", "tags.b=2"}})
	wants(t, newComputeCreateCmd, "-f c.yml --set a=b", computeCreateOptions{file: "c.yml", set: []string{"a=b"}})
	refuses(t, newComputeCreateCmd, "-t amlcompute", "-n/--name is missing")
	wants(t, newComputeAttachCmd, "-n c -t kubernetes --resource-id /x --namespace y", computeCreateOptions{set: []string{"name=c", "resource_id=/x", "type=kubernetes"}})
	wants(t, newComputeListCmd, "--type amlcompute -r 2", computeListOptions{kind: "amlcompute", listed: listed{most: 2}})
	wants(t, newComputeShowCmd, "--name c", computeNameOptions{name: "c"})
	wants(t, newComputeDeleteCmd, "--name c --yes --no-wait", computeNameOptions{name: "c", yes: true})
	wants(t, newComputeUpdateCmd, "-n c --min-instances 1 --set size=x", computeUpdateOptions{name: "c", changes: changes{list: []change{
		{"set", []string{"min_instances=1"}}, {"set", []string{"size=x"}},
	}}})
	wants(t, newRegistryCreateCmd, "-n r --url mem:// -l here --tags a=1", registryCreateOptions{set: []string{"location=here", "name=r", "url=mem://", "tags.a=1"}})
	wants(t, newRegistryDeleteCmd, "-n r -y", registryNameOptions{name: "r", yes: true})
	wants(t, newWorkspaceShowCmd, "-n w", workspaceOptions{name: "w"})
	wants(t, newWorkspaceCreateCmd, "-n w -l here --managed-network x", workspaceOptions{name: "w"})
}

func TestNamesThatExistAreCompleted(t *testing.T) {
	c := newConsole(t)
	h, err := c.home()
	if err != nil {
		t.Fatal(err)
	}
	store, err := artifact.Open(t.Context(), h.StoreURL())
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2"} {
		if _, _, err := asset.New(store).Create(t.Context(), asset.Version{Kind: pipeline.ComponentAsset, Name: "train", Version: version, Definition: version}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"component show -n ":                                    "train",
		"component show -n train -v ":                           "2 1",
		"component show -n train -l ":                           "latest",
		"component list --registry-name ":                       "azureml millrace",
		"component show --registry-name azureml -n ":            "",
		"compute show -n ":                                      "cpu-cluster gpu-cluster local serverless",
		"compute create --type ":                                "amlcompute computeinstance kubernetes virtualmachine synapsespark",
		"registry show -n ":                                     "azureml millrace",
		"model create -t ":                                      "custom_model mlflow_model triton_model",
		"environment ":                                          "archive build create list prune restore share show update",
		"job clone ":                                            "",
		"component share --registry-name millrace -n ":          "train",
		"data create --registry-name ":                          "azureml millrace",
		"component show -n nobody -v ":                          "",
		"component show -n train --registry-name nowhere -v ":   "",
		"component show -n train --registry-name ../../etc -v ": "",
	} {
		words := strings.Split(line, " ")
		out := completed(t, c, words)
		if !slices.Equal(strings.Fields(want), out) {
			t.Errorf("%s: %q, want %q", line, out, want)
		}
	}
}

// completed are the words that the shell would offer, without descriptions.
func completed(t *testing.T, c *console, words []string) []string {
	t.Helper()
	c.out.Reset()
	if code := c.run(append([]string{"__complete"}, words...)...); code != exitDone {
		t.Fatalf("%v: code %d, %s", words, code, c.err.String())
	}
	list := []string{}
	for line := range strings.Lines(c.out.String()) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if word != "" && !strings.HasPrefix(word, ":") {
			list = append(list, word)
		}
	}
	return list
}
