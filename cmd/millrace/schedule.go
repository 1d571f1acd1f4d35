package main

import "github.com/spf13/cobra"

func newScheduleCmd(_ *app) *cobra.Command {
	return group(&cobra.Command{Use: "schedule", Short: "Submit jobs again and again", Hidden: true})
}
