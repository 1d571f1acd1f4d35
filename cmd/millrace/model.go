package main

import "github.com/spf13/cobra"

func newModelCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "model", Short: "Keep models by name and version", Hidden: true})
}
