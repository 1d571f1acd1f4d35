package main

import "github.com/spf13/cobra"

func newEnvironmentCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "environment", Short: "Keep environments by name and version", Hidden: true})
}
