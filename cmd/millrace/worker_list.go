package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/runs"
)

func newWorkerListCmd(a *app, runF func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the workers there are, and what they are doing",
		Long: `List the workers that use the store: the queues they serve, their slots and GPUs,
and the steps they run. A worker that has not been heard of for a minute and a
half is lost; after a day it is forgotten.

` + exitCodesHelp,
		Example: `  millrace worker list -o table
  millrace worker list --query "[?state=='lost'].name" -o tsv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(cmd.Context())
			}
			return runWorkerList(cmd.Context(), a)
		},
	}
}

func runWorkerList(ctx context.Context, a *app) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	list, err := s.jobs.ListWorkers(ctx)
	if err != nil {
		return err
	}
	data := make([]any, len(list))
	for i, w := range list {
		data[i] = w.Document()
	}
	return a.print(data, workerTable(list))
}

type workerShowOptions struct {
	name string
}

func newWorkerShowCmd(a *app, runF func(context.Context, *workerShowOptions) error) *cobra.Command {
	o := &workerShowOptions{}
	cmd := &cobra.Command{
		Use:     "show -n NAME",
		Short:   "Show a worker and the steps that it runs",
		Long:    "Show a worker: its queues, its GPUs and which step has each of them, its labels, and the steps that it runs.\n\n" + exitCodesHelp,
		Example: "  millrace worker show -n trainer7-4711 -o yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			} else if err := required(cmd, "name"); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runWorkerShow(cmd.Context(), a, o)
		},
	}
	cmd.Flags().StringVarP(&o.name, "name", "n", "", "name of the `worker`, as worker list shows it")
	_ = cmd.RegisterFlagCompletionFunc("name", a.completeThings(func(ctx context.Context, s *runs.Service) ([]string, error) {
		list, err := s.ListWorkers(ctx)
		var names []string
		for _, w := range list {
			names = append(names, cobra.CompletionWithDesc(w.Name, queuesOf(w)))
		}
		return names, err
	}))
	return cmd
}

func runWorkerShow(ctx context.Context, a *app, o *workerShowOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	w, err := s.jobs.ShowWorker(ctx, o.name)
	if err != nil {
		return err
	}
	return a.print(w.Document(), workerTable([]runs.Worker{w}))
}

// workerTable makes the table of some workers, whatever the data.
func workerTable(list []runs.Worker) func(any) *term.Table {
	return func(any) *term.Table {
		t := &term.Table{Header: []string{"Name", "State", "Queues", "GPUs", "Running", "Labels", "Version", "Started"}}
		for _, w := range list {
			t.Add(w.Name, w.State, queuesOf(w), gpusOf(w), runningOf(w), labelsOf(w), w.Version, w.Started.Format("2006-01-02T15:04:05Z"))
		}
		return t
	}
}

// queuesOf are the queues of a worker, with the slots in use: "cpu 2/8".
func queuesOf(w runs.Worker) string {
	var parts []string
	for _, q := range w.Queues {
		parts = append(parts, fmt.Sprintf("%s %d/%d", q.Name, q.Used, q.Slots))
	}
	return strings.Join(parts, ", ")
}

func gpusOf(w runs.Worker) string {
	if len(w.GPUs) == 0 {
		return ""
	}
	used := 0
	for _, g := range w.GPUs {
		if g.Used {
			used++
		}
	}
	return fmt.Sprintf("%d/%d", used, len(w.GPUs))
}

// runningOf names the first of the steps that a worker runs.
func runningOf(w runs.Worker) string {
	const most = 3
	var parts []string
	for i, r := range w.Running {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(w.Running)-most))
			break
		}
		name := r.Job + "." + r.Step
		if r.Job == "" {
			name = "a step of an earlier worker"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

func labelsOf(w runs.Worker) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(w.Labels)) {
		parts = append(parts, key+"="+w.Labels[key])
	}
	return strings.Join(parts, ",")
}
