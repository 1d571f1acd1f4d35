package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type jobStreamOptions struct {
	name string
}

func newJobStreamCmd(a *app, runF func(context.Context, *jobStreamOptions) error) *cobra.Command {
	o := &jobStreamOptions{}
	cmd := &cobra.Command{
		Use:   "stream [-n] NAME",
		Short: "Show what the steps of a job print, until it has ended",
		Long: `Show what the steps of a job have printed and print, until the job has ended. In a
pipeline each line stands after the name of its step.

` + exitCodesHelp,
		Example: "  millrace job stream -n calm_river_0a1b2c3d4e",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobStream(cmd.Context(), a, o)
		},
	}
	a.addName(cmd, &o.name)
	return cmd
}

func runJobStream(ctx context.Context, a *app, o *jobStreamOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	job, err := a.stream(ctx, s, o.name, a.Out)
	if err != nil {
		return err
	}
	return endOf(job, true)
}

// stream writes a job's log in the layout of az, and returns the job as it
// ended. What failed is said on stderr.
func (a *app) stream(ctx context.Context, s *site, name string, w *term.Stream) (*runs.Job, error) {
	job, step, err := s.jobs.ShowAny(ctx, name)
	if err != nil {
		return nil, err
	}
	if step != "" {
		return nil, fmt.Errorf("%s %w: `%s` shows what its steps print", name, runs.ErrStep, a.command("job", "stream", "-n", job.Name))
	}
	if h, err := a.home(); err == nil {
		if stop, err := h.Follow(name); err == nil {
			defer stop()
		}
	}
	log := &streamed{w: w, said: map[string]bool{}}
	log.head(job)
	reader := newLogs(job.Type, log.line)
	job, err = a.attend(ctx, s, name, func(job *runs.Job) {
		log.silent(job)
		reader.follow(ctx, s.jobs, job)
	})
	if err != nil {
		reader.breakOff()
		if ctx.Err() != nil {
			a.say("stopped following; job %s goes on: `%s` follows it again, `%s` ends it",
				name, a.command("job", "stream", "-n", name), a.command("job", "cancel", "-n", name))
			return nil, said(exitInterrupted)
		}
		return nil, err
	}
	reader.finish(ctx, s.jobs, job)
	log.end(job)
	if job.Status != pipeline.Completed {
		a.summary(a.Err, job, true, nil)
	}
	return job, nil
}

// streamed writes in the layout of `az ml job stream`.
type streamed struct {
	mu   sync.Mutex
	w    *term.Stream
	said map[string]bool // steps that print nothing
}

// line writes a line that a step printed.
func (s *streamed) line(step, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w.Terminal {
		line = term.Clean(line)
	}
	if step != "" {
		line = s.w.Paint(term.Cyan, step) + " | " + line
	}
	fmt.Fprintln(s.w, line)
}

// silent says of the steps of a pipeline that print nothing why: they were
// reused, were skipped, or wait for somebody's word.
func (s *streamed) silent(job *runs.Job) {
	for _, state := range job.Steps {
		if job.Type != pipeline.PipelineJob || s.said[state.Name] {
			continue
		}
		switch {
		case state.Reused != nil:
			s.said[state.Name] = true
			s.line(state.Name, "reused from "+state.Reused.Job+"."+state.Reused.Step)
		case state.Skipped != "":
			s.said[state.Name] = true
			s.line(state.Name, "skipped: "+state.Skipped)
		case state.Question.Open() && state.Waiting != "":
			s.said[state.Name] = true
			s.line(state.Name, state.Waiting)
		}
	}
}

func (s *streamed) head(job *runs.Job) {
	s.about(job)
	const file = "Streaming user_logs/std_log.txt"
	fmt.Fprintf(s.w, "\n%s\n%s\n\n", file, strings.Repeat("=", len(file)))
}

func (s *streamed) about(job *runs.Job) {
	fmt.Fprintf(s.w, "RunId: %s\n", job.Name)
	if job.UI != "" {
		fmt.Fprintf(s.w, "Web View: %s\n", job.UI)
	}
}

func (s *streamed) end(job *runs.Job) {
	const title = "Execution Summary"
	fmt.Fprintf(s.w, "\n%s\n%s\n", title, strings.Repeat("=", len(title)))
	s.about(job)
}
