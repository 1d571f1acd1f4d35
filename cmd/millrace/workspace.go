package main

import (
	"context"
	"net/url"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newWorkspaceCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "workspace",
		Short: "Show the home as the workspace that az speaks of",
		Long: `Show the home as the one workspace there is. Scripts ask az for its name, its
location and where MLflow finds it.

` + exitCodesHelp,
		Example: "  millrace workspace show --query mlflow_tracking_uri -o tsv",
	})
	cmd.AddCommand(
		newWorkspaceShowCmd(a, nil),
		newWorkspaceListCmd(a, nil),
		newWorkspaceCreateCmd(a, nil),
		refusal("delete", "Delete the workspace, which Millrace does not do",
			"all that Millrace keeps is in the folder of the home and in its store", "  millrace workspace show --query home -o tsv"),
	)
	return cmd
}

type workspaceOptions struct {
	name string
}

func newWorkspaceShowCmd(a *app, runF func(context.Context, *workspaceOptions) error) *cobra.Command {
	o := &workspaceOptions{}
	cmd := &cobra.Command{
		Use: "show", Short: "Show the workspace", Long: `Show the home as the workspace; any name is its own.`,
		Example: "  millrace workspace show\n  millrace workspace show --query mlflow_tracking_uri -o tsv",
	}
	cmd.Flags().StringVarP(&o.name, "name", "n", "", "accepted; there is one workspace")
	return verb(a, cmd, o, runF, func(_ context.Context, a *app, o *workspaceOptions) error {
		d, err := a.workspace(o.name)
		if err != nil {
			return err
		}
		return a.print(d, workspaceTable)
	})
}

func newWorkspaceListCmd(a *app, runF func(context.Context, *workspaceOptions) error) *cobra.Command {
	o := &workspaceOptions{}
	cmd := &cobra.Command{
		Use: "list", Short: "List the one workspace there is", Long: `List the one workspace there is.`,
		Example: "  millrace workspace list -o table",
	}
	accept(cmd.Flags(), []string{"max-results"}, nil)
	return verb(a, cmd, o, runF, func(_ context.Context, a *app, o *workspaceOptions) error {
		d, err := a.workspace(o.name)
		if err != nil {
			return err
		}
		return a.print([]any{d}, workspaceTable)
	})
}

func newWorkspaceCreateCmd(a *app, runF func(context.Context, *workspaceOptions) error) *cobra.Command {
	o := &workspaceOptions{}
	cmd := &cobra.Command{
		Use: "create", Short: "Create the workspace, which is there", Long: `Show the workspace; there is nothing to create.`,
		Example:            "  millrace workspace create -n main",
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
	}
	cmd.Flags().StringVarP(&o.name, "name", "n", "", "accepted; there is one workspace")
	verb(a, cmd, o, runF, func(_ context.Context, a *app, o *workspaceOptions) error {
		d, err := a.workspace(o.name)
		if err != nil {
			return err
		}
		a.say("there is one workspace, the home of this machine; nothing had to be created")
		return a.print(d, workspaceTable)
	})
	cmd.Args = cobra.ArbitraryArgs // the values of flags that are not known
	return cmd
}

// workspace is the home in the shape that "az ml workspace show" gives one.
func (a *app) workspace(name string) (map[string]any, error) {
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	settings, err := a.azSettings()
	if err != nil {
		return nil, err
	}
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	first := func(words ...string) string {
		for _, w := range words {
			if w != "" {
				return w
			}
		}
		return ""
	}
	name = first(name, a.flags.ignored[1], settings["defaults.workspace"], runs.Workspace)
	folder := func(parts ...string) string {
		return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(append([]string{h.Dir()}, parts...)...))}).String()
	}
	return map[string]any{
		"name": name, "display_name": name, "description": nil, "tags": map[string]any{}, "id": runs.WorkspaceID,
		"location":       first(settings["defaults.location"], "local"),
		"resource_group": first(a.flags.ignored[0], settings["defaults.group"], runs.ResourceGroup), "resourceGroup": runs.ResourceGroup,
		// Steps report to an address of their own. This is for programs beside
		// them: MLflow keeps what it is told in a folder where it is given one.
		"mlflow_tracking_uri": first(c.TrackingURI, folder("mlruns")),
		"discovery_url":       nil, "storage_account": nil, "key_vault": nil, "application_insights": nil, "container_registry": nil,
		"hbi_workspace": false, "public_network_access": "Disabled", "provisioning_state": "Succeeded", "home": h.Dir(),
	}, nil
}

func workspaceTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Resource group", "Location", "Home"}}
	for _, m := range rowsOf(data) {
		t.Add(text(m["name"]), text(m["resource_group"]), text(m["location"]), text(m["home"]))
	}
	return t
}
