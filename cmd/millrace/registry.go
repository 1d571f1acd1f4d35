package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newRegistryCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "registry",
		Short: "Name stores that are shared, as `az ml registry` does",
		Long: `Name stores that are shared, so that teams and homes have components, environments,
models and data in common: azureml://registries/NAME/components/... . The registry
millrace, with the stock components, and the registry azureml, with the curated
environments, exist from the start.

` + exitCodesHelp,
		Example: `  millrace registry create -n team --url s3://bucket/team
  millrace registry list -o table
  millrace component list --registry-name millrace -o table`,
	})
	cmd.AddCommand(
		newRegistryCreateCmd(a, nil),
		newRegistryListCmd(a, nil),
		newRegistryShowCmd(a, nil),
		newRegistryDeleteCmd(a, nil),
	)
	return cmd
}

type registryCreateOptions struct {
	file string
	set  []string
}

func newRegistryCreateCmd(a *app, runF func(context.Context, *registryCreateOptions) error) *cobra.Command {
	o := &registryCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Name a shared store",
		Long: `Name a shared store: any URL of a store that the configuration takes. Without a URL
it is a folder of the home. Creating a registry again changes its description and
its tags, and never its URL: delete it first, which leaves the store as it is.`,
		Example: `  millrace registry create -n team --url s3://bucket/team
  millrace registry create -n team --url file:///mnt/share/team
  millrace registry create -f registry.yml`,
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the registry")
	f.StringP("name", "n", "", "`name` of the registry")
	f.String("url", "", "`URL` of the store, such as s3://bucket/folder or file:///folder")
	f.String("description", "", "what it is for")
	f.StringP("location", "l", "", "accepted, and not needed")
	_ = f.MarkHidden("location")
	var tags []string
	addTags(f, &tags)
	addSet(f, &o.set)
	accept(f, []string{"display-name", "public-network-access"}, []string{"no-wait"})
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	verb(a, cmd, o, runF, runRegistryCreate)
	finish := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.file == "" {
			if err := required(cmd, "name"); err != nil {
				return err
			}
		}
		set := given(f, map[string]string{"name": "name", "url": "url", "description": "description", "location": "location"})
		o.set = append(append(set, tagPairs(tags)...), o.set...)
		return finish(cmd, args)
	}
	return cmd
}

func runRegistryCreate(ctx context.Context, a *app, o *registryCreateOptions) error {
	file, err := azureml.LoadRegistry(o.file, azureml.LoadOptions{Set: o.set})
	if err != nil {
		return err
	}
	a.warn(file.Warnings)
	s, err := a.keeper()
	if err != nil {
		return err
	}
	r, err := s.CreateRegistry(ctx, runs.Registry{Name: file.Name, URL: file.URL, Description: file.Description, Tags: file.Tags})
	if errors.Is(err, runs.ErrOtherURL) {
		return &exitError{code: exitInvalid, err: err, hint: "to name another store so, first `" + a.command("registry", "delete", "-n", file.Name) + "`: the store itself stays"}
	}
	if err != nil {
		return err
	}
	if r.Made != "" {
		a.say("there was no %s; it is made and empty", r.Made)
	}
	return a.print(r.Document(), registryTable)
}

type registryListOptions struct {
	listed
}

func newRegistryListCmd(a *app, runF func(context.Context, *registryListOptions) error) *cobra.Command {
	o := &registryListOptions{}
	cmd := &cobra.Command{
		Use: "list", Short: "List the registries", Long: `List the registries, those that exist from the start first.`,
		Example: "  millrace registry list -o table\n  millrace registry list --query \"[?name=='team'].url\" -o tsv",
	}
	addMost(cmd, &o.listed, 0, "registries")
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *registryListOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		all, err := s.ListRegistries(ctx)
		if err := a.sayDamaged(err); err != nil {
			return err
		}
		rows := []map[string]any{}
		for _, r := range all {
			rows = append(rows, r.Document())
		}
		return a.print(cut(a, &o.listed, rows, moreResults), registryTable)
	})
}

type registryNameOptions struct {
	name string
	yes  bool
}

func newRegistryShowCmd(a *app, runF func(context.Context, *registryNameOptions) error) *cobra.Command {
	o := &registryNameOptions{}
	cmd := &cobra.Command{
		Use: "show -n NAME", Short: "Show a registry", Long: `Show a registry.`,
		Example: "  millrace registry show -n team --query url -o tsv",
	}
	a.addRegistryName(cmd, &o.name)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *registryNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		r, err := s.ShowRegistry(ctx, o.name)
		if err != nil {
			return err
		}
		return a.print(r.Document(), registryTable)
	}, "name")
}

func newRegistryDeleteCmd(a *app, runF func(context.Context, *registryNameOptions) error) *cobra.Command {
	o := &registryNameOptions{}
	cmd := &cobra.Command{
		Use: "delete -n NAME", Short: "Forget a registry", Long: `Forget the name of a shared store. The store itself stays as it is.`,
		Example: "  millrace registry delete -n team --yes",
	}
	a.addRegistryName(cmd, &o.name)
	addYes(cmd, &o.yes)
	accept(cmd.Flags(), nil, []string{"no-wait"})
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *registryNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		return s.DeleteRegistry(ctx, o.name)
	}, "name")
}

func (a *app) addRegistryName(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "name", "n", "", "`name` of the registry")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeRegistries)
}

// completeRegistries completes the names of registries.
func (a *app) completeRegistries(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	return a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		all, err := s.ListRegistries(ctx)
		var names []string
		for _, r := range all {
			names = append(names, r.Name)
		}
		return names, err
	})(cmd, args, word)
}

func registryTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Description", "URL"}}
	for _, m := range rowsOf(data) {
		t.Add(text(m["name"]), text(m["description"]), text(m["url"]))
	}
	return t
}
