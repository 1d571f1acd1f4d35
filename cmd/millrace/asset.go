package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// assetNoun is one of the nouns component, data, environment and model. Their
// verbs are the same; what they are made of differs.
type assetNoun struct {
	kind pipeline.AssetKind
	// one and many are how help names them.
	one, many string
	// example is a name for examples.
	example string
	// columns are those that a table has after name and version: a title and a
	// key each.
	columns [][2]string
	// changes is what the notes of it can have.
	changes editable
}

// newAssetCmd makes the command of a noun.
func newAssetCmd(a *app, n *assetNoun, cmd *cobra.Command, more ...*cobra.Command) *cobra.Command {
	cmd.Long += "\n\n" + exitCodesHelp
	group(cmd)
	cmd.AddCommand(
		newAssetListCmd(a, n, nil),
		newAssetShowCmd(a, n, nil),
		newAssetUpdateCmd(a, n, nil),
		newAssetArchiveCmd(a, n, nil),
		newAssetRestoreCmd(a, n, nil),
		newAssetShareCmd(a, n, nil),
	)
	cmd.AddCommand(more...)
	return cmd
}

// assetRef is how the flags name a version.
type assetRef struct {
	name, version, label, registry string
}

func (r assetRef) of(n *assetNoun) pipeline.AssetRef {
	return pipeline.AssetRef{Registry: r.registry, Kind: n.kind, Name: r.name, Version: r.version, Label: r.label}
}

// addRef adds -n, -v, -l and --registry-name for a version that exists.
func (a *app) addRef(cmd *cobra.Command, n *assetNoun, r *assetRef) {
	f := cmd.Flags()
	a.addAssetName(cmd, n, r)
	f.StringVarP(&r.version, "version", "v", "", "`version` of the "+n.one)
	f.StringVarP(&r.label, "label", "l", "", "`label` of the "+n.one+": latest, which is meant where nothing is said")
	a.addRegistry(cmd, &r.registry)
	cmd.MarkFlagsMutuallyExclusive("version", "label")
	_ = cmd.RegisterFlagCompletionFunc("label", cobra.FixedCompletions([]cobra.Completion{pipeline.LatestLabel}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("version", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		c, err := s.Catalog(ctx, r.registry)
		if err != nil {
			return nil, err
		}
		all, err := c.Versions(ctx, n.kind, r.name)
		var versions []string
		for _, v := range all {
			versions = append(versions, v.Version)
		}
		return versions, err
	}))
}

func (a *app) addAssetName(cmd *cobra.Command, n *assetNoun, r *assetRef) {
	cmd.Flags().StringVarP(&r.name, "name", "n", "", "`name` of the "+n.one)
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		c, err := s.Catalog(ctx, r.registry)
		if err != nil {
			return nil, err
		}
		return c.Names(ctx, n.kind)
	}))
}

// addRegistry adds --registry-name.
func (a *app) addRegistry(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "registry-name", "", "in this `registry`, in place of the store of the jobs")
	_ = cmd.RegisterFlagCompletionFunc("registry-name", a.completeRegistries)
}

// catalog opens what the flag --registry-name means, and returns the service too.
func (a *app) catalog(ctx context.Context, registry string) (*runs.Service, *asset.Catalog, error) {
	s, err := a.keeper()
	if err != nil {
		return nil, nil, err
	}
	c, err := s.Catalog(ctx, registry)
	return s, c, err
}

// writable opens a catalog that is to be changed.
func (a *app) writable(ctx context.Context, registry string) (*runs.Service, *asset.Catalog, error) {
	s, c, err := a.catalog(ctx, registry)
	if err != nil || registry == "" {
		return s, c, err
	}
	r, err := s.ShowRegistry(ctx, registry)
	if err == nil && r.BuiltIn {
		err = fmt.Errorf("registry %s: %w", registry, runs.ErrBuiltIn)
	}
	return s, c, err
}

// printAsset prints a version.
func (a *app) printAsset(n *assetNoun, v asset.Version, registry string) error {
	return a.print(runs.AssetDocument(v, registry), n.versionTable)
}

// nameTable is the table of the latest versions of several names.
func (n *assetNoun) nameTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Latest version"}}
	for _, m := range rowsOf(data) {
		t.Add(text(m["name"]), text(m["latest_version"]))
	}
	return t
}

// versionTable is the table of versions.
func (n *assetNoun) versionTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Version"}}
	for _, c := range n.columns {
		t.Header = append(t.Header, c[0])
	}
	for _, m := range rowsOf(data) {
		cells := []string{text(m["name"]), text(m["version"])}
		for _, c := range n.columns {
			cells = append(cells, text(m[c[1]]))
		}
		t.Add(cells...)
	}
	return t
}
