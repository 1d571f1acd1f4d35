package main

import "github.com/spf13/cobra"

func newLineageCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "lineage", Short: "Show what was made from what", Hidden: true})
}
