package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newComputeCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "compute",
		Short: "Name the places where steps run, as `az ml compute` does",
		Long: `Name the places where steps run. A compute stands for a task queue: "gpu" where
its size is one of Azure's N series, "cpu" otherwise, or the one that --queue
names. cpu-cluster, gpu-cluster, local and serverless exist from the start.

` + exitCodesHelp,
		Example: `  millrace compute create -n trainers --type amlcompute --size Standard_NC6s_v3 --min-instances 0 --max-instances 4
  millrace compute list -o table`,
	})
	cmd.AddCommand(
		newComputeCreateCmd(a, nil),
		newComputeAttachCmd(a, nil),
		newComputeListCmd(a, nil),
		newComputeShowCmd(a, nil),
		newComputeUpdateCmd(a, nil),
		newComputeDeleteCmd(a, nil),
		newComputeDetachCmd(a, nil),
		newComputeStartCmd(a, nil),
		newComputeStopCmd(a, nil),
		newComputeRestartCmd(a, nil),
		newComputeSizesCmd(a, nil),
		newComputeUsageCmd(a, nil),
		newComputeNodesCmd(a, nil),
		refusal("connect-ssh", "Connect to a compute with ssh, which Millrace does not do",
			"its steps run on this machine", "  millrace compute show -n cpu-cluster"),
		refusal("enable-sso", "Let people log in to a compute, which Millrace does not do",
			"its steps run on this machine", "  millrace compute show -n cpu-cluster"),
	)
	return cmd
}

// addComputeName adds -n for the name of a compute that exists.
func (a *app) addComputeName(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "name", "n", "", "name of the `compute`")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		all, err := s.ListComputes(ctx)
		var names []string
		for _, c := range all {
			names = append(names, cobra.CompletionWithDesc(c.Name, c.Type))
		}
		return names, err
	}))
}

// completeThings completes the names of things that are kept. It starts
// nothing and creates nothing.
func (a *app) completeThings(names func(context.Context, *runs.Service) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		s, ok := a.forCompletion(cmd)
		if !ok {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, stop := context.WithTimeout(cmd.Context(), 2*time.Second)
		defer stop()
		list, err := names(ctx, s.jobs)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// computeTable is the table of one compute or a list of them, as az shows it.
func computeTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Compute type", "State", "Instance type", "Queue"}}
	for _, m := range rowsOf(data) {
		state := text(m["state"])
		if state == "" {
			state = text(m["provisioning_state"])
		}
		t.Add(text(m["name"]), text(m["type"]), state, text(m["size"]), text(m["queue"]))
	}
	return t
}

// rowsOf are the maps of a list, or the one map there is.
func rowsOf(data any) []map[string]any {
	list, ok := data.([]any)
	if !ok {
		list = []any{data}
	}
	rows := make([]map[string]any, 0, len(list))
	for _, row := range list {
		if m, ok := row.(map[string]any); ok {
			rows = append(rows, m)
		}
	}
	return rows
}

func (a *app) printCompute(s *runs.Service, c runs.Compute) error {
	return a.print(s.ComputeDocument(c), computeTable)
}
