package main

import "github.com/spf13/cobra"

func newWorkspaceCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "workspace", Short: "Show the one workspace there is", Hidden: true})
}
