package main

import "github.com/spf13/cobra"

func newSchemaCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "schema", Short: "Print the JSON Schema of a kind of file", Hidden: true})
}
