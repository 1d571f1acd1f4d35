package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type runOptions struct {
	source
	resume string
	stream bool
	ui     bool
}

func newRunCmd(a *app, runF func(context.Context, *runOptions) error) *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run [FILE]",
		Short: "Run a pipeline or command job here and now",
		Long: `Submit the job in FILE, follow it to its end, and serve everything it needs in
this one process. Where another process serves the home already, that one runs
the job. Without FILE it is pipeline.yml or job.yml of the current folder.

Ctrl-C asks to cancel the job and waits for its end; a second Ctrl-C leaves at
once. Either way --resume carries the job on; what is finished is not run again.

` + exitCodesHelp,
		Example: `  millrace run pipeline.yml
  millrace run pipeline.yml --set inputs.learning_rate=0.01 --name second_try
  millrace run pipeline.yml --output json --query outputs
  millrace run --resume second_try`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("resume") || len(args) == 0 {
				return arguments()(cmd, args)
			}
			return arguments("FILE")(cmd, args)
		},
		ValidArgsFunction: completeYAML,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.file = args[0]
			} else if !cmd.Flags().Changed("resume") {
				var err error
				if o.file, err = a.usualFile(); err != nil {
					return err
				}
				a.say("running %s", o.file)
			}
			if o.resume != "" && (o.name != "" || len(o.set) > 0) {
				return wrongUsage("", "--resume carries a job on as it was submitted: --name and --set cannot change it")
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runRun(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.name, "name", "n", "", "`name` of the job (default: the one in the file, or a new one)")
	addSet(f, &o.set)
	f.StringVar(&o.resume, "resume", "", "carry on the `job` of that name instead of submitting one")
	f.BoolVarP(&o.stream, "stream", "s", false, "show what the steps print; a command job's output is always shown")
	f.BoolVar(&o.ui, "ui", false, "start the Temporal UI too, and print the address of the job's page")
	a.flags.serving.add(f)
	_ = cmd.RegisterFlagCompletionFunc("resume", a.completeJobs)
	return cmd
}

// usualFile is the one file of the current folder that is called as files of
// jobs usually are.
func (a *app) usualFile() (string, error) {
	names := []string{"pipeline.yml", "pipeline.yaml", "job.yml", "job.yaml"}
	var found []string
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", wrongUsage(fmt.Sprintf("name it, as in `%s`; `%s` writes a project to start from", a.command("run", "train.yml"), a.command("init")),
			"FILE is missing, and the current folder has none of %s", strings.Join(names, ", "))
	case 1:
		return found[0], nil
	}
	return "", wrongUsage(fmt.Sprintf("name one of them, as in `%s`", a.command("run", found[0])),
		"FILE is missing, and the current folder has %s", strings.Join(found, " and "))
}

// runRun is `millrace run`: it submits or takes up a job, and sees it through.
func runRun(ctx context.Context, a *app, o *runOptions) error {
	// A broken file leaves nothing behind: no server, no home. Neither does the
	// name of a job that has ended, or never was.
	var submission runs.Submission
	var err error
	name := o.resume
	if name == "" {
		if submission, err = a.compile(o.source); err != nil {
			return err
		}
		name = submission.Plan.Name
	} else if ended, err := a.ended(ctx, name); err != nil {
		return err
	} else if ended != nil {
		a.say("job %s has ended already", name)
		return a.outcome(ended, nil)
	}

	s := &session{app: a, options: o, name: name, progress: a.newProgress()}
	defer s.close()
	job, err := s.see(ctx, submission)
	if s.leaving.Load() {
		return s.leave()
	}
	if err != nil {
		return err
	}
	s.progress.Close()
	result := a.outcome(job, s)
	a.awaitNotices(ctx, s.site, job)
	s.stay()
	return result
}

// ended returns the job if it has ended for good, from its records alone, or
// nil. A canceled one can be carried on.
func (a *app) ended(ctx context.Context, name string) (*runs.Job, error) {
	records, err := a.records()
	if err != nil {
		return nil, err
	}
	job, err := records.jobs.Show(ctx, name)
	if err != nil || !job.Status.Ended() || job.Status == pipeline.Canceled {
		return nil, err
	}
	return job, nil
}

// outcome prints what became of the job, and turns it into an exit code. The
// session is nil where the job was not followed.
func (a *app) outcome(job *runs.Job, s *session) error {
	people := a.Err
	if !a.wantsData() {
		people = a.Out
	}
	if !a.flags.onlyErrors || job.Status == pipeline.Failed {
		var set []string
		if s != nil {
			set = s.options.set
		}
		a.summary(people, job, s != nil && s.logs != nil, set)
	}
	if a.wantsData() {
		if err := a.print(job.Document(), jobTable); err != nil {
			return err
		}
	}
	switch {
	case job.Status == pipeline.Completed:
		return nil
	case job.Status == pipeline.Canceled && s != nil && s.canceled.Load():
		return said(exitInterrupted)
	}
	return said(exitFailed)
}
