package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
)

type assetCreateOptions struct {
	noun           *assetNoun
	file, registry string
	set            []string
}

// assetFlags are the flags of a "create" that stand for keys of the file.
type assetFlags struct {
	keys map[string]string
	// paths are those whose values are paths: without a file they are those of
	// the current folder, and with one, too.
	paths []string
}

// newAssetCreateCmd finishes the verb "create" of a noun. The noun has added the
// flags that only it has.
func newAssetCreateCmd(a *app, n *assetNoun, flags assetFlags, runF func(context.Context, *assetCreateOptions) error, cmd *cobra.Command) *cobra.Command {
	o := &assetCreateOptions{noun: n}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the "+n.one)
	f.StringP("name", "n", "", "`name` of the "+n.one)
	f.StringP("version", "v", "", "`version` of the "+n.one+"; the next number where it is left out")
	var tags []string
	if f.Lookup("tags") == nil {
		addTags(f, &tags)
	}
	addSet(f, &o.set)
	a.addRegistry(cmd, &o.registry)
	accept(f, nil, []string{"no-wait", "skip-validation"})
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	flags.keys["name"], flags.keys["version"] = "name", "version"
	verb(a, cmd, o, runF, runAssetCreate)
	finish := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.file == "" {
			if err := required(cmd, "name"); err != nil {
				return err
			}
		}
		o.set = slices.Concat(given(f, flags.keys), tagPairs(tags), o.set)
		if o.file != "" {
			if err := fromHere(o.set, flags); err != nil {
				return err
			}
		}
		return finish(cmd, args)
	}
	return cmd
}

// fromHere makes the paths among the pairs absolute: those of --set are relative
// to the file, those of flags are not.
func fromHere(set []string, flags assetFlags) error {
	for i, pair := range set {
		key, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(flags.paths, key) || filepath.IsAbs(value) {
			continue
		}
		if u, err := url.Parse(value); err == nil && u.Scheme != "" {
			continue
		}
		if _, err := os.Stat(value); err != nil {
			continue // it may be meant relative to the file
		}
		absolute, err := filepath.Abs(value)
		if err != nil {
			return err
		}
		set[i] = key + "=" + absolute
	}
	return nil
}

func runAssetCreate(ctx context.Context, a *app, o *assetCreateOptions) error {
	file, err := azureml.LoadAsset(o.noun.kind, o.file, azureml.LoadOptions{Set: o.set, Assets: a.library(ctx)})
	if err != nil {
		return err
	}
	a.warn(file.Warnings)
	s, _, err := a.writable(ctx, o.registry)
	if err != nil {
		return err
	}
	v, err := s.CreateAsset(ctx, file, o.registry)
	if err != nil {
		return err
	}
	return a.printAsset(o.noun, v, o.registry)
}
