package main

import "github.com/spf13/cobra"

func newInitCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "init", Short: "Write a starter project", Hidden: true})
}
