package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type computeListOptions struct {
	kind string
	listed
}

func newComputeListCmd(a *app, runF func(context.Context, *computeListOptions) error) *cobra.Command {
	o := &computeListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the computes",
		Long:  `List the computes by name, and the queue that each stands for.`,
		Example: `  millrace compute list -o table
  millrace compute list --type amlcompute --query "[].name" -o tsv`,
	}
	cmd.Flags().StringVarP(&o.kind, "type", "t", "", "list only those of this `type`")
	addMost(cmd, &o.listed, 0, "computes")
	return verb(a, cmd, o, runF, runComputeList)
}

func runComputeList(ctx context.Context, a *app, o *computeListOptions) error {
	s, err := a.keeper()
	if err != nil {
		return err
	}
	all, err := s.ListComputes(ctx)
	if err := a.sayDamaged(err); err != nil {
		return err
	}
	rows := []map[string]any{}
	for _, c := range all {
		if o.kind == "" || strings.EqualFold(c.Type, o.kind) {
			rows = append(rows, s.ComputeDocument(c))
		}
	}
	return a.print(cut(a, &o.listed, rows, moreResults), computeTable)
}

type computeNameOptions struct {
	name string
	yes  bool
}

func newComputeShowCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	o := &computeNameOptions{}
	cmd := &cobra.Command{
		Use: "show -n NAME", Short: "Show a compute", Long: `Show a compute.`,
		Example: "  millrace compute show -n cpu-cluster --query queue -o tsv",
	}
	a.addComputeName(cmd, &o.name)
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *computeNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		c, err := s.ShowCompute(ctx, o.name)
		if err != nil {
			return err
		}
		return a.printCompute(s, c)
	}, "name")
}

func newComputeDeleteCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	return computeDeleteCmd(a, runF, &cobra.Command{
		Use: "delete -n NAME", Short: "Forget a compute",
		Long:    `Forget a compute. One that exists from the start is then as it was at the start.`,
		Example: "  millrace compute delete -n trainers --yes",
	})
}

func newComputeDetachCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	return computeDeleteCmd(a, runF, &cobra.Command{
		Use: "detach -n NAME", Short: "Forget a compute that was attached",
		Long:    `Forget a compute that was attached.`,
		Example: "  millrace compute detach -n box --yes",
	})
}

func computeDeleteCmd(a *app, runF func(context.Context, *computeNameOptions) error, cmd *cobra.Command) *cobra.Command {
	o := &computeNameOptions{}
	a.addComputeName(cmd, &o.name)
	addYes(cmd, &o.yes)
	accept(cmd.Flags(), nil, []string{"no-wait"})
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *computeNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		return s.DeleteCompute(ctx, o.name)
	}, "name")
}

// addYes adds -y. Nothing asks here, so that it is only accepted.
func addYes(cmd *cobra.Command, into *bool) {
	cmd.Flags().BoolVarP(into, "yes", "y", false, "accepted; nothing is asked")
}

func newComputeStartCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	return computeStateCmd(a, runF, false, &cobra.Command{
		Use: "start -n NAME", Short: "Call a compute running",
		Long:    computeStateHelp,
		Example: "  millrace compute start -n box",
	})
}

func newComputeStopCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	return computeStateCmd(a, runF, true, &cobra.Command{
		Use: "stop -n NAME", Short: "Call a compute stopped",
		Long:    computeStateHelp,
		Example: "  millrace compute stop -n box",
	})
}

func newComputeRestartCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	return computeStateCmd(a, runF, false, &cobra.Command{
		Use: "restart -n NAME", Short: "Call a compute running again",
		Long:    computeStateHelp,
		Example: "  millrace compute restart -n box",
	})
}

const computeStateHelp = `Keep whether a compute is called running or stopped. There is no machine behind
it to start or stop: its steps run wherever a worker takes them.`

func computeStateCmd(a *app, runF func(context.Context, *computeNameOptions) error, stopped bool, cmd *cobra.Command) *cobra.Command {
	o := &computeNameOptions{}
	a.addComputeName(cmd, &o.name)
	accept(cmd.Flags(), nil, []string{"no-wait"})
	return verb(a, cmd, o, runF, func(ctx context.Context, a *app, o *computeNameOptions) error {
		s, err := a.keeper()
		if err != nil {
			return err
		}
		_, err = s.UpdateCompute(ctx, o.name, func(c *runs.Compute) error {
			c.Stopped = stopped
			return nil
		})
		return err
	}, "name")
}
