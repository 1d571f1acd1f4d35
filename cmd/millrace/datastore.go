package main

import "github.com/spf13/cobra"

func newDatastoreCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "datastore", Short: "Name places where data lies", Hidden: true})
}
