package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type jobCreateOptions struct {
	source
	after          afterCreate
	skipValidation bool
}

// afterCreate is what is done once a job was submitted.
type afterCreate struct {
	stream, web bool
	saveAs      string
}

func (o *afterCreate) addFlags(f *pflag.FlagSet) {
	f.BoolVarP(&o.stream, "stream", "s", false, "show what the steps print, until the job has ended")
	f.BoolVarP(&o.web, "web", "e", false, "open the job's page of the Temporal UI in a browser")
	f.StringVarP(&o.saveAs, "save-as", "a", "", "write the job, as it is printed, to this YAML `file` too")
}

func newJobCreateCmd(a *app, runF func(context.Context, *jobCreateOptions) error) *cobra.Command {
	o := &jobCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create -f FILE",
		Short: "Submit a job to the server of this home",
		Long: `Submit the job in FILE to the process that serves this home (` + "`millrace dev`" + `, or a
` + "`millrace run`" + ` that is at work) and print it. With --stream, follow it to its end.

` + exitCodesHelp,
		Example: `  millrace job create -f pipeline.yml
  millrace job create -f pipeline.yml --set inputs.epochs=3 settings.force_rerun=true --stream
  millrace job create -f pipeline.yml --query name -o tsv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "file"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobCreate(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "YAML `file` of the job")
	f.StringVarP(&o.name, "name", "n", "", "`name` of the job (default: the one in the file, or a new one)")
	addSet(f, &o.set)
	o.after.addFlags(f)
	f.BoolVar(&o.skipValidation, "skip-validation", false, "accepted; the file is checked in any case, which takes no time")
	_ = f.MarkHidden("skip-validation")
	_ = cmd.RegisterFlagCompletionFunc("file", completeYAML)
	return cmd
}

func runJobCreate(ctx context.Context, a *app, o *jobCreateOptions) error {
	submission, err := a.compile(o.source)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	return o.after.submit(ctx, a, s, submission)
}

// submit submits a job, and does what is to be done then.
func (o *afterCreate) submit(ctx context.Context, a *app, s *site, submission runs.Submission) error {
	traced, end := a.span(ctx, "job create")
	job, err := s.jobs.Submit(traced, submission)
	end(err)
	if err != nil {
		return err
	}
	if o.web {
		a.browse(job.UI)
	}
	if o.stream {
		// The log is for people; stdout is kept for the job.
		if job, err = a.stream(ctx, s, job.Name, a.Err); err != nil {
			return err
		}
	}
	if o.saveAs != "" {
		if err := saveYAML(o.saveAs, job.Document()); err != nil {
			return err
		}
	}
	if err := a.print(job.Document(), jobTable); err != nil {
		return err
	}
	return endOf(job, o.stream)
}

// saveYAML writes data to a file.
func saveYAML(path string, data any) error {
	plain, err := term.Plain(data)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := term.Write(&term.Stream{Writer: &b}, term.YAML, plain, nil); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		return fmt.Errorf("--save-as: %w", err)
	}
	return nil
}

// endOf is the exit code of a command that waited for a job's end.
func endOf(job *runs.Job, waited bool) error {
	if waited && job.Status != pipeline.Completed {
		return said(exitFailed)
	}
	return nil
}

// jobTable is the table of one job or a list of them, as az shows it.
func jobTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Name", "Status", "Experiment", "Compute target", "Job type", "Created on"}}
	list, ok := data.([]any)
	if !ok {
		list = []any{data}
	}
	for _, row := range list {
		m, _ := row.(map[string]any)
		created, _ := m["creation_context"].(map[string]any)
		t.Add(text(m["name"]), text(m["status"]), text(m["experiment_name"]), text(m["compute"]), text(m["type"]), text(created["created_at"]))
	}
	return t
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
