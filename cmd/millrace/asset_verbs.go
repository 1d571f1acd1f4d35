package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/runs"
)

type assetListOptions struct {
	noun *assetNoun
	ref  assetRef
	listed
}

func newAssetListCmd(a *app, n *assetNoun, runF func(context.Context, *assetListOptions) error) *cobra.Command {
	o := &assetListOptions{noun: n}
	cmd := &cobra.Command{
		Use: "list", Short: "List " + n.many,
		Long: "List the latest versions of all " + n.many + " or, with --name, all versions of one, the\nnewest first.",
		Example: "  millrace " + string(n.kind) + " list -o table\n  millrace " + string(n.kind) + " list -n " + n.example +
			" --query \"[].version\" -o tsv",
	}
	a.addAssetName(cmd, n, &o.ref)
	a.addRegistry(cmd, &o.ref.registry)
	addListed(cmd, &o.listed, 0, n.many)
	return verb(a, cmd, o, runF, runAssetList)
}

func runAssetList(ctx context.Context, a *app, o *assetListOptions) error {
	_, c, err := a.catalog(ctx, o.ref.registry)
	if err != nil {
		return err
	}
	var all []asset.Version
	if o.ref.name != "" {
		all, err = c.Versions(ctx, o.noun.kind, o.ref.name)
	} else {
		all, err = c.List(ctx, o.noun.kind)
	}
	if err := a.sayDamaged(err); err != nil {
		return err
	}
	rows := []map[string]any{}
	for _, v := range all {
		if !o.wants(v.Notes.Archived) {
			continue
		}
		d := runs.AssetDocument(v, o.ref.registry)
		if o.ref.name == "" {
			d["latest_version"] = v.Version
		}
		rows = append(rows, d)
	}
	table := o.noun.nameTable
	if o.ref.name != "" {
		table = o.noun.versionTable
	}
	return a.print(cut(a, &o.listed, rows, moreResults), table)
}

type assetShowOptions struct {
	noun *assetNoun
	ref  assetRef
}

func newAssetShowCmd(a *app, n *assetNoun, runF func(context.Context, *assetShowOptions) error) *cobra.Command {
	o := &assetShowOptions{noun: n}
	cmd := &cobra.Command{
		Use: "show -n NAME", Short: "Show " + article(n.one),
		Long: "Show a version of " + article(n.one) + ": the one that --version names, or the latest.",
		Example: "  millrace " + string(n.kind) + " show -n " + n.example + " --version 1\n  millrace " + string(n.kind) + " show -n " + n.example +
			" --label latest --query version -o tsv",
	}
	a.addRef(cmd, n, &o.ref)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *assetShowOptions) error {
		_, c, err := a.catalog(ctx, o.ref.registry)
		if err != nil {
			return err
		}
		v, err := c.Find(ctx, o.ref.of(o.noun))
		if err != nil {
			return err
		}
		return a.printAsset(o.noun, v, o.ref.registry)
	}, "name")
}

type assetUpdateOptions struct {
	noun    *assetNoun
	ref     assetRef
	changes changes
}

func newAssetUpdateCmd(a *app, n *assetNoun, runF func(context.Context, *assetUpdateOptions) error) *cobra.Command {
	o := &assetUpdateOptions{noun: n}
	cmd := &cobra.Command{
		Use: "update -n NAME", Short: "Change what describes " + article(n.one),
		Long: "Change what describes a version of " + article(n.one) + ". What it is stays as it was: for\nthat, create another version.",
		Example: "  millrace " + string(n.kind) + " update -n " + n.example + " -v 1 --set description=\"the first\" tags.team=red\n  millrace " +
			string(n.kind) + " update -n " + n.example + " --label latest --remove tags.team",
	}
	a.addRef(cmd, n, &o.ref)
	addChanges(cmd.Flags(), &o.changes)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *assetUpdateOptions) error {
		_, c, err := a.writable(ctx, o.ref.registry)
		if err != nil {
			return err
		}
		v, err := c.Note(ctx, o.ref.of(o.noun), func(notes *asset.Notes) error {
			return edit(notes, &o.changes, o.noun.changes, string(o.noun.kind)+" update")
		})
		if err != nil {
			return err
		}
		return a.printAsset(o.noun, v, o.ref.registry)
	}, "name")
}

type assetArchiveOptions struct {
	noun     *assetNoun
	ref      assetRef
	archived bool
}

func newAssetArchiveCmd(a *app, n *assetNoun, runF func(context.Context, *assetArchiveOptions) error) *cobra.Command {
	return assetArchiveCmd(a, &assetArchiveOptions{noun: n, archived: true}, runF, &cobra.Command{
		Use: "archive -n NAME", Short: "Take " + article(n.one) + " out of lists",
		Long: "Take a version of " + article(n.one) + ", or all versions where none is named, out of lists and\nout of what \"latest\" means. What refers to a version goes on finding it.",
		Example: "  millrace " + string(n.kind) + " archive -n " + n.example + " --version 1\n  millrace " + string(n.kind) +
			" archive -n " + n.example,
	})
}

func newAssetRestoreCmd(a *app, n *assetNoun, runF func(context.Context, *assetArchiveOptions) error) *cobra.Command {
	return assetArchiveCmd(a, &assetArchiveOptions{noun: n}, runF, &cobra.Command{
		Use: "restore -n NAME", Short: "Bring an archived " + n.one + " back into lists",
		Long:    "Bring an archived version of " + article(n.one) + ", or all where none is named, back into lists.",
		Example: "  millrace " + string(n.kind) + " restore -n " + n.example + " --version 1",
	})
}

func assetArchiveCmd(a *app, o *assetArchiveOptions, runF func(context.Context, *assetArchiveOptions) error, cmd *cobra.Command) *cobra.Command {
	a.addRef(cmd, o.noun, &o.ref)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *assetArchiveOptions) error {
		_, c, err := a.writable(ctx, o.ref.registry)
		if err != nil {
			return err
		}
		version := o.ref.version
		if o.ref.label != "" {
			v, err := c.Find(ctx, o.ref.of(o.noun))
			if err != nil {
				return err
			}
			version = v.Version
		}
		return c.Archive(ctx, o.noun.kind, o.ref.name, version, o.archived)
	}, "name")
}

type assetShareOptions struct {
	noun *assetNoun
	// from names no registry; to need not have a name and a version.
	from, to assetRef
}

func newAssetShareCmd(a *app, n *assetNoun, runF func(context.Context, *assetShareOptions) error) *cobra.Command {
	o := &assetShareOptions{noun: n}
	cmd := &cobra.Command{
		Use: "share -n NAME --registry-name REGISTRY", Short: "Copy " + article(n.one) + " to a registry",
		Long: "Copy a version of " + article(n.one) + " from the store of the jobs to a registry, with everything\nit refers to, for other homes to use. Name and version stay, unless others are given. What it\nrefers to gets another version where the registry has something else under its own.",
		Example: "  millrace " + string(n.kind) + " share -n " + n.example + " --version 1 --registry-name team\n  millrace " + string(n.kind) +
			" share -n " + n.example + " --version 1 --share-with-name best --share-with-version 2 --registry-name team",
	}
	a.addAssetName(cmd, n, &o.from)
	f := cmd.Flags()
	f.StringVarP(&o.from.version, "version", "v", "", "`version` of the "+n.one+"; the latest where it is left out")
	f.StringVar(&o.to.name, "share-with-name", "", "`name` in the registry")
	f.StringVar(&o.to.version, "share-with-version", "", "`version` in the registry")
	a.addRegistry(cmd, &o.to.registry)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *assetShareOptions) error {
		s, _, err := a.writable(ctx, o.to.registry)
		if err != nil {
			return err
		}
		v, err := s.Share(ctx, o.from.of(n), o.to.of(n))
		if errors.Is(err, asset.ErrExists) {
			return refused("give it another version there with --share-with-version, or another name with --share-with-name", "%w", err)
		}
		if err != nil {
			return err
		}
		return a.printAsset(n, v, o.to.registry)
	}, "name", "registry-name")
}

// article puts "a" or "an" before a noun.
func article(noun string) string {
	if noun[0] == 'e' {
		return "an " + noun
	}
	return "a " + noun
}
