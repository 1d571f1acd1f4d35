package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type jobDownloadOptions struct {
	name string
	runs.DownloadOptions
}

func newJobDownloadCmd(a *app, runF func(context.Context, *jobDownloadOptions) error) *cobra.Command {
	o := &jobDownloadOptions{}
	cmd := &cobra.Command{
		Use:   "download [-n] NAME",
		Short: "Copy what a job made to a folder",
		Long: `Copy what a job that has ended made: to artifacts/ the logs and what its steps
wrote to outputs/, to named-outputs/NAME/ an output. Without --output-name and
--all only the artifacts are copied. What stands there already is replaced.

` + exitCodesHelp,
		Example: `  millrace job download -n calm_river_0a1b2c3d4e
  millrace job download -n calm_river_0a1b2c3d4e --output-name model --download-path results
  millrace job download -n calm_river_0a1b2c3d4e --output-name train.metrics
  millrace job download -n calm_river_0a1b2c3d4e --all`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobDownload(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	f := cmd.Flags()
	f.StringVarP(&o.Dir, "download-path", "p", ".", "`folder` to copy to")
	f.StringVar(&o.Output, "output-name", "", "copy this `output`: of the job, or as STEP.OUTPUT of a step")
	f.BoolVar(&o.All, "all", false, "copy the artifacts and all outputs of the job")
	return cmd
}

func runJobDownload(ctx context.Context, a *app, o *jobDownloadOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	made, err := s.jobs.Download(ctx, o.name, o.DownloadOptions)
	if err != nil {
		return err
	}
	if len(made) == 0 {
		a.say("job %s left nothing to copy", o.name)
	}
	if a.wantsData() {
		return a.print(made, nil)
	}
	for _, path := range made {
		if _, err := fmt.Fprintln(a.Out, path); err != nil {
			return err
		}
	}
	return nil
}
