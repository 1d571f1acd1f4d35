package main

import "github.com/spf13/cobra"

func newComputeCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "compute", Short: "Name computes, and the queues they stand for", Hidden: true})
}
