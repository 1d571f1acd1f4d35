package main

import "github.com/spf13/cobra"

func newDataCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "data", Short: "Keep data by name and version", Hidden: true})
}
