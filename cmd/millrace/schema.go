package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/internal/term"
)

func newSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of a kind of file",
		Long: `Print the JSON Schema of a kind of file, made from the tables that Millrace
checks such files by. An editor that has it completes keys and marks mistakes.
Without a KIND, list the kinds.

` + exitCodesHelp,
		Example: `  millrace schema
  millrace schema pipelineJob > pipelineJob.schema.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return arguments("KIND")(cmd, args)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var found []string
			if len(args) == 0 {
				for _, k := range azureml.SchemaKinds() {
					found = append(found, k.Name+"\t"+k.About)
				}
			}
			return found, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSchemas(a)
			}
			return printSchema(a, args[0])
		},
	}
}

func printSchema(a *app, kind string) error {
	s, ok := azureml.SchemaOf(kind)
	if !ok {
		return noSchema(kind)
	}
	if a.wantsData() {
		return a.print(s, nil)
	}
	// As it is, so that what it is stands before its parts.
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the schema of %s: %w", kind, err)
	}
	_, err = fmt.Fprintf(a.Out, "%s\n", text)
	return err
}

func listSchemas(a *app) error {
	if a.wantsData() {
		return a.print(azureml.SchemaKinds(), nil)
	}
	t := &term.Table{Header: []string{"Kind", "Files"}}
	for _, k := range azureml.SchemaKinds() {
		t.Add(k.Name, k.About)
	}
	return t.Write(a.Out)
}

func noSchema(kind string) error {
	var names []string
	for _, k := range azureml.SchemaKinds() {
		names = append(names, k.Name)
	}
	hint := "`millrace schema` lists the kinds"
	if near, ok := closest(kind, names); ok {
		hint = fmt.Sprintf("did you mean `millrace schema %s`?", near)
	}
	return wrongUsage(hint, "%q is not a kind of file", kind)
}
