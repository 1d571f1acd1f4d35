package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newConnectionCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "connection",
		Short: "Name databases and file systems outside, as `az ml connection` does",
		Long: `Name databases and file systems outside that data is imported from and exported
to: "connection: azureml:NAME" in the source or the sink of a data transfer.

` + exitCodesHelp,
		Example: `  millrace connection create -n shop --target postgres://db.example.com/shop --username loader --password env:SHOP_PASSWORD
  millrace connection list -o table`,
	})
	cmd.AddCommand(newConnectionCreateCmd(a, nil), newConnectionListCmd(a, nil), newConnectionShowCmd(a, nil), newConnectionDeleteCmd(a, nil))
	return cmd
}

type connectionCreateOptions struct {
	file, name, kind, target, username, password string
	set                                          []string
}

func newConnectionCreateCmd(a *app, runF func(context.Context, *connectionCreateOptions) error) *cobra.Command {
	o := &connectionCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create [-f FILE] -n NAME",
		Short: "Make a connection, or change what one of that name says",
		Long: `Make a connection from a file, from flags, or from both. One that has the name is
replaced. Targets are:
  postgres://HOST:PORT/DATABASE   with ?sslmode=require and other parameters
  sqlite:///ABSOLUTE/PATH         a file of the machine that the workers run on
  s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, azblob://CONTAINER/PREFIX
  file:///FOLDER

Credentials are never stored. A connection says where each of them is, env:NAME
or file:/PATH, and the workers look there when they need it. A target that is
secret as a whole can be such a reference, too.`,
		Example: `  millrace connection create -f shop.yml
  millrace connection create -n shop --target postgres://db.example.com/shop --username loader --password env:SHOP_PASSWORD
  millrace connection create -n local --target sqlite:///data/shop.db`,
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the connection")
	f.StringVarP(&o.name, "name", "n", "", "`name` of the connection (default: the one in the file)")
	f.StringVarP(&o.kind, "type", "t", "", "`type` of the connection (default: the one in the file, or that of the target)")
	f.StringVar(&o.target, "target", "", "`address` that it leads to, without a password")
	f.StringVar(&o.username, "username", "", "`user` of the database, or a reference to it")
	f.StringVar(&o.password, "password", "", "`reference` to the password: env:NAME or file:/PATH")
	addSet(f, &o.set)
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(connection.Types(), cobra.ShellCompDirectiveNoFileComp))
	return verb(a, cmd, o, runF, runConnectionCreate)
}

func runConnectionCreate(ctx context.Context, a *app, o *connectionCreateOptions) error {
	if o.file == "" && o.name == "" && len(o.set) == 0 {
		return wrongUsage("give -f FILE, or -n NAME and --target ADDRESS", "what to create is missing")
	}
	target := o.target
	if path, ok := strings.CutPrefix(target, "sqlite://"); ok && !strings.HasPrefix(path, "/") {
		// A path in a flag is one of the current folder.
		if absolute, err := filepath.Abs(path); err == nil {
			target = "sqlite://" + absolute
		}
	}
	var pairs []string
	for _, p := range [][2]string{
		{"name", o.name}, {"type", o.kind}, {"target", target}, {"credentials.username", o.username}, {"credentials.password", o.password},
	} {
		if p[1] != "" {
			pairs = append(pairs, p[0]+"="+p[1])
		}
	}
	f, err := azureml.LoadConnection(o.file, azureml.LoadOptions{Set: slices.Concat(pairs, o.set)})
	if err != nil {
		return f.Problems()
	}
	s, err := a.keeper()
	if err != nil {
		return err
	}
	d, err := s.CreateConnection(ctx, f)
	if err != nil {
		return err
	}
	if !a.flags.onlyErrors {
		a.renderProblems(f.Problems().Warnings())
	}
	return a.print(runs.ConnectionDocument(d), connectionTable)
}

type connectionNameOptions struct {
	name string
	yes  bool
}

func newConnectionListCmd(a *app, runF func(context.Context, *connectionNameOptions) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the connections", Long: `List the connections by name.`,
		Example: `  millrace connection list -o table
  millrace connection list --query "[?type=='postgres'].name" -o tsv`,
	}
	return verb(a, cmd, &connectionNameOptions{}, runF, func(ctx context.Context, a *app, _ *connectionNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		all, err := s.ListConnections(ctx)
		if err := a.sayDamaged(err); err != nil {
			return err
		}
		rows := make([]map[string]any, len(all))
		for i, d := range all {
			rows[i] = runs.ConnectionDocument(d)
		}
		return a.print(rows, connectionTable)
	})
}

func newConnectionShowCmd(a *app, runF func(context.Context, *connectionNameOptions) error) *cobra.Command {
	o := &connectionNameOptions{}
	cmd := &cobra.Command{
		Use: "show -n NAME", Short: "Show a connection",
		Long: `Show a connection: where it leads, and where the credentials for it are. The
credentials themselves are not known.`,
		Example: "  millrace connection show -n shop --query target -o tsv",
	}
	a.addConnectionName(cmd, &o.name)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *connectionNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		d, err := s.ShowConnection(ctx, o.name)
		if err != nil {
			return err
		}
		return a.print(runs.ConnectionDocument(d), connectionTable)
	}, "name")
}

func newConnectionDeleteCmd(a *app, runF func(context.Context, *connectionNameOptions) error) *cobra.Command {
	o := &connectionNameOptions{}
	cmd := &cobra.Command{
		Use: "delete -n NAME", Short: "Forget a connection, not what it leads to",
		Long:    `Forget a connection. What it leads to stays as it is.`,
		Example: "  millrace connection delete -n shop --yes",
	}
	a.addConnectionName(cmd, &o.name)
	addYes(cmd, &o.yes)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *connectionNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		return s.DeleteConnection(ctx, o.name)
	}, "name")
}

// addConnectionName adds -n for the name of a connection that exists.
func (a *app) addConnectionName(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "name", "n", "", "name of the `connection`")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		all, err := s.ListConnections(ctx)
		var names []string
		for _, d := range all {
			names = append(names, cobra.CompletionWithDesc(d.Name, d.Type))
		}
		return names, err
	}))
}

// connectionTable is the table of one connection or a list of them.
func connectionTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Type", "Target"}}
	for _, m := range rowsOf(data) {
		t.Add(text(m["name"]), text(m["type"]), text(m["target"]))
	}
	return t
}
