package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type datastoreUpdateOptions struct {
	name    string
	changes changes
}

func newDatastoreUpdateCmd(a *app, runF func(context.Context, *datastoreUpdateOptions) error) *cobra.Command {
	o := &datastoreUpdateOptions{}
	cmd := &cobra.Command{
		Use:   "update -n NAME",
		Short: "Change a datastore",
		Long: `Change what a datastore says: its description and tags, where its data is, what it
stands for, and where its credentials are. Of those that exist from the start only
the description and the tags can change.

` + exitCodesHelp,
		Example: `  millrace datastore update -n lake --set description="raw data" tags.team=red
  millrace datastore update -n lake --set 'credentials.secret_access_key=${{env:LAKE_KEY}}'
  millrace datastore update -n lake --add stands_for https://data.example.org/raw`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDatastoreUpdate(cmd.Context(), a, o)
		},
	}
	a.addDatastoreName(cmd, &o.name)
	addChanges(cmd.Flags(), &o.changes)
	return cmd
}

// datastoreParts are what can be changed of a datastore.
var datastoreParts = editable{
	texts: []string{"description", "url", "account_name", "container_name", "file_share_name", "filesystem", "store_name",
		"one_lake_workspace_name", "endpoint", "protocol"},
	maps:   []string{"tags"},
	values: []string{"credentials", "stands_for", "artifact"},
}

func runDatastoreUpdate(ctx context.Context, a *app, o *datastoreUpdateOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	d, warnings, err := s.jobs.UpdateDatastore(ctx, o.name, func(file *map[string]any) error {
		err := edit(file, &o.changes, datastoreParts, "datastore update")
		if err != nil && o.changes.speakOf("credentials") {
			// The error may repeat what somebody took for a place to write a secret.
			return wrongUsage("write --set 'credentials.KEY=${{env:NAME}}'", "datastore update: the credentials cannot be changed so")
		}
		return err
	})
	if wrong, ok := errors.AsType[*runs.NotADatastore](err); ok {
		return wrongUsage("", "datastore update: %w", wrong)
	}
	if err != nil {
		return err
	}
	for _, w := range warnings {
		a.say("%s; %s", w.Message, w.Hint) // the text that was read is nobody's file
	}
	a.adviseDatastore(d)
	return a.print(runs.DatastoreDocument(d), datastoreTable)
}

// speakOf reports whether a word of the changes has a text in it.
func (c *changes) speakOf(text string) bool {
	return slices.ContainsFunc(c.list, func(ch change) bool { return strings.Contains(strings.Join(ch.words, " "), text) })
}
