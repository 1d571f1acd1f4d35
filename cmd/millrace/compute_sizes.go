package main

import (
	"context"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
)

// computeSize is a type of machine that Azure has.
type computeSize struct {
	name, family string
	cpus, gpus   int
	memory       float64 // GB
}

// computeSizes are the types that scripts name most. Any other name may be
// given as well: only whether it has GPUs matters, and the name says that.
var computeSizes = []computeSize{
	{"Standard_D2_v2", "standardDv2Family", 2, 0, 7},
	{"Standard_D13_v2", "standardDv2Family", 8, 0, 56},
	{"Standard_DS2_v2", "standardDSv2Family", 2, 0, 7},
	{"Standard_DS3_v2", "standardDSv2Family", 4, 0, 14},
	{"Standard_DS4_v2", "standardDSv2Family", 8, 0, 28},
	{"Standard_DS11_v2", "standardDSv2Family", 2, 0, 14},
	{"Standard_DS12_v2", "standardDSv2Family", 4, 0, 28},
	{"Standard_D4s_v3", "standardDSv3Family", 4, 0, 16},
	{"Standard_D8s_v3", "standardDSv3Family", 8, 0, 32},
	{"Standard_D16s_v3", "standardDSv3Family", 16, 0, 64},
	{"Standard_E4s_v3", "standardESv3Family", 4, 0, 32},
	{"Standard_E16s_v3", "standardESv3Family", 16, 0, 128},
	{"Standard_F4s_v2", "standardFSv2Family", 4, 0, 8},
	{"Standard_F16s_v2", "standardFSv2Family", 16, 0, 32},
	{"Standard_NC6", "standardNCFamily", 6, 1, 56},
	{"Standard_NC12", "standardNCFamily", 12, 2, 112},
	{"Standard_NC24", "standardNCFamily", 24, 4, 224},
	{"Standard_NC6s_v3", "standardNCSv3Family", 6, 1, 112},
	{"Standard_NC12s_v3", "standardNCSv3Family", 12, 2, 224},
	{"Standard_NC24s_v3", "standardNCSv3Family", 24, 4, 448},
	{"Standard_NC24rs_v3", "standardNCSv3Family", 24, 4, 448},
	{"Standard_NC24ads_A100_v4", "standardNCADSA100v4Family", 24, 1, 220},
	{"Standard_NC4as_T4_v3", "standardNCASv3_T4Family", 4, 1, 28},
	{"Standard_ND40rs_v2", "standardNDSv2Family", 40, 8, 672},
	{"Standard_ND96asr_v4", "standardNDASv4_A100Family", 96, 8, 900},
	{"Standard_ND96amsr_A100_v4", "standardNDAMSv4_A100Family", 96, 8, 1900},
	{"Standard_NV6", "standardNVFamily", 6, 1, 56},
}

func completeSizes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, s := range computeSizes {
		names = append(names, s.name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

type computeSizesOptions struct {
	kind string
}

func newComputeSizesCmd(a *app, runF func(context.Context, *computeSizesOptions) error) *cobra.Command {
	o := &computeSizesOptions{}
	cmd := &cobra.Command{
		Use: "list-sizes", Short: "List sizes of machines",
		Long: `List sizes of machines, as Azure names them. Any other size can be given too: those
of the N series stand for the queue "gpu", all others for "cpu".`,
		Example: `  millrace compute list-sizes -o table
  millrace compute list-sizes --query "[?gpus>` + "`0`" + `].name" -o tsv`,
	}
	cmd.Flags().StringVarP(&o.kind, "type", "t", "", "accepted; all sizes are listed")
	accept(cmd.Flags(), []string{"location"}, nil)
	return verb(a, cmd, o, runF, runComputeSizes)
}

func runComputeSizes(_ context.Context, a *app, _ *computeSizesOptions) error {
	rows := make([]map[string]any, len(computeSizes))
	for i, s := range computeSizes {
		rows[i] = map[string]any{
			"name": s.name, "family": s.family, "v_cp_us": s.cpus, "gpus": s.gpus, "memory_gb": s.memory,
			"os_vhd_size_mb": nil, "max_resource_volume_mb": nil, "low_priority_capable": true, "premium_io": true,
			"supported_compute_types": []string{"AmlCompute", "ComputeInstance"},
		}
	}
	return a.print(rows, nil)
}

type computeUsageOptions struct{}

func newComputeUsageCmd(a *app, runF func(context.Context, *computeUsageOptions) error) *cobra.Command {
	o := &computeUsageOptions{}
	cmd := &cobra.Command{
		Use: "list-usage", Short: "Show how many cores this machine has",
		Long:    `Show how many cores this machine has, where Azure shows a quota.`,
		Example: "  millrace compute list-usage -o table",
	}
	accept(cmd.Flags(), []string{"location"}, nil)
	return verb(a, cmd, o, runF, runComputeUsage)
}

func runComputeUsage(_ context.Context, a *app, _ *computeUsageOptions) error {
	row := map[string]any{
		"name": map[string]any{"value": "cores", "localized_value": "cores of this machine"}, "unit": "Count",
		"current_value": 0, "limit": runtime.NumCPU(), "type": "Microsoft.MachineLearningServices/usages",
	}
	return a.print([]any{row}, func(data any) *term.Table {
		t := &term.Table{Header: []string{"Name", "Limit", "Unit"}}
		for _, m := range rowsOf(data) {
			name, _ := m["name"].(map[string]any)
			t.Add(text(name["localized_value"]), shown(m["limit"]), text(m["unit"]))
		}
		return t
	})
}

func newComputeNodesCmd(a *app, runF func(context.Context, *computeNameOptions) error) *cobra.Command {
	o := &computeNameOptions{}
	cmd := &cobra.Command{
		Use: "list-nodes -n NAME", Short: "List the machines of a compute",
		Long:    `List the machines of a compute: this one, while a process serves the home.`,
		Example: "  millrace compute list-nodes -n cpu-cluster",
	}
	a.addComputeName(cmd, &o.name)
	return verb(a, cmd, o, runF, runComputeNodes, "name")
}

func runComputeNodes(ctx context.Context, a *app, o *computeNameOptions) error {
	s, err := a.keeper()
	if err != nil {
		return err
	}
	if _, err := s.ShowCompute(ctx, o.name); err != nil {
		return err
	}
	h, err := a.home()
	if err != nil {
		return err
	}
	nodes := []any{}
	if host, err := os.Hostname(); err == nil && h.Served() {
		nodes = append(nodes, map[string]any{
			"node_id": host, "node_state": "idle", "private_ip_address": nil, "public_ip_address": nil, "port": nil, "run_id": nil,
		})
	}
	return a.print(nodes, nil)
}
