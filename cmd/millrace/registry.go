package main

import "github.com/spf13/cobra"

func newRegistryCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "registry", Short: "Share assets between stores", Hidden: true})
}
