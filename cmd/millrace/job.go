package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/runs"
)

func newJobCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "job",
		Short: "Submit jobs and look at them, as `az ml job` does",
		Long: `Submit jobs to the server of this home, and look at them. The verbs, flags and
JSON are those of ` + "`az ml job`" + `. To list, show, download and explain jobs no
server has to run.

` + exitCodesHelp,
		Example: `  millrace job create -f pipeline.yml --stream
  millrace job list -o table
  millrace job show -n calm_river_0a1b2c3d4e --query status -o tsv`,
	})
	cmd.AddCommand(
		newJobCreateCmd(a, nil),
		newJobListCmd(a, nil),
		newJobShowCmd(a, nil),
		newJobStreamCmd(a, nil),
		newJobCancelCmd(a, nil),
		newJobDownloadCmd(a, nil),
		newJobValidateCmd(a, nil),
		newJobCloneCmd(a, nil),
		newJobUpdateCmd(a, nil),
		newJobApprovalsCmd(a, nil),
		newJobApproveCmd(a, nil),
		newJobRejectCmd(a, nil),
		newJobArchiveCmd(a, nil),
		newJobRestoreCmd(a, nil),
		newJobServicesCmd(a, nil),
		newJobMetricsCmd(a, nil),
		newJobTrialsCmd(a, nil),
		newJobCompareCmd(a, nil),
		refusal("connect-ssh", "Connect to a step with ssh, which Millrace does not do",
			"steps run on this machine, in folders below `work` in the home", "  millrace job show -n calm_river_0a1b2c3d4e"),
	)
	return cmd
}

// addSet adds --set. `--set a=1 b=2` has become two of them by now.
func addSet(f *pflag.FlagSet, into *[]string) {
	f.StringArrayVar(into, "set", nil, "change a value of the file, as `path=value`; several may follow")
}

// completeYAML completes the names of YAML files.
func completeYAML(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yml", "yaml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeJobs completes the names of recent jobs. It starts nothing and
// creates nothing.
func (a *app) completeJobs(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	names, directive := a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		jobs, err := s.List(ctx, recentJobs)
		var names []string
		for _, j := range jobs {
			names = append(names, cobra.CompletionWithDesc(j.Name, string(j.Status)))
		}
		return names, err
	})(cmd, args, word)
	return names, directive | cobra.ShellCompDirectiveKeepOrder
}

// forCompletion finds the records of the home, if there is one.
func (a *app) forCompletion(cmd *cobra.Command) (*site, bool) {
	a.flags.homeGiven = cmd.Flags().Changed("home")
	c, err := a.config()
	if err != nil {
		return nil, false
	}
	if _, err := os.Stat(c.Home); err != nil {
		return nil, false
	}
	s, err := a.records()
	return s, err == nil
}

// interruptible ends the context of a command when the person asks for it.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}
