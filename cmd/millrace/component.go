package main

import "github.com/spf13/cobra"

func newComponentCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "component", Short: "Keep components by name and version", Hidden: true})
}
