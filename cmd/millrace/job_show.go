package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/dialects/azureml"
	"github.com/millrace-ml/millrace/pipeline"
)

type jobShowOptions struct {
	name            string
	definition, web bool
}

func newJobShowCmd(a *app, runF func(context.Context, *jobShowOptions) error) *cobra.Command {
	o := &jobShowOptions{}
	cmd := &cobra.Command{
		Use:   "show [-n] NAME",
		Short: "Show a job and its steps",
		Long: `Show a job: what was asked for, and under "steps" what became of each of them. The
name may also be that of a child job, as job list --parent-job-name shows them.
With --definition, give back the YAML that was submitted.

` + exitCodesHelp,
		Example: `  millrace job show -n calm_river_0a1b2c3d4e -o yaml
  millrace job show -n calm_river_0a1b2c3d4e --definition > pipeline.yml
  millrace job show -n calm_river_0a1b2c3d4e -o table --query "steps[].{step: name, status: status, reused: reused}"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobShow(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	cmd.Flags().BoolVar(&o.definition, "definition", false, "give back the YAML that was submitted, with what --set changed in it")
	cmd.Flags().BoolVarP(&o.web, "web", "e", false, "open the job's page of the Temporal UI in a browser")
	return cmd
}

// adviseUnserved says what becomes of a job that nobody serves just now.
func (a *app) adviseUnserved(status pipeline.Status, name string) {
	if status == pipeline.NotResponding {
		a.say("job %s has not ended, and no server runs: `%s` or `%s` carries it on", name, a.command("run", "--resume", name), a.command("dev"))
	}
}

func runJobShow(ctx context.Context, a *app, o *jobShowOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	job, step, err := s.jobs.ShowAny(ctx, o.name)
	if err != nil {
		return err
	}
	if o.definition {
		if a.wantsData() {
			return a.print(azureml.Plain(job.Definition), nil)
		}
		_, err := io.WriteString(a.Out, job.Definition)
		return err
	}
	if o.web {
		a.browse(job.UI)
	}
	a.adviseUnserved(job.Status, job.Name)
	if step != "" {
		return a.print(job.Child(step), jobTable)
	}
	return a.print(job.Document(), jobTable)
}
