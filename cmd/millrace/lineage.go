package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/lineage"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type lineageOptions struct {
	start                string
	kind                 string
	upstream, downstream bool
	depth                int
	// drawing is the format of a picture that was asked for with -o.
	drawing string
}

func newLineageCmd(a *app, runF func(context.Context, *lineageOptions) error) *cobra.Command {
	o := &lineageOptions{}
	c := &cobra.Command{
		Use:   "lineage START",
		Short: "Show what was made from what",
		Long: `Show what something was made from, and what was made from it: the data, code,
environments and steps, through all jobs. START is

  azureml:NAME:VERSION          a version of an asset, also @latest, also of a registry
  JOB, -n JOB                   a job
  JOB/STEP                      a step of a job
  JOB/OUTPUT, JOB/STEP/OUTPUT   what a job or a step made
  blake3:DIGITS                 content, by the beginning of its digest
  azureml://..., https://...    a place that data was read from or written to

The answer comes from the records in the store, so it needs no server. Of more
than 10000 jobs the newest are read. Besides the usual formats, -o takes mermaid
and dot, which draw a graph.

` + exitCodesHelp,
		Example: `  millrace lineage azureml:iris_model:3
  millrace lineage azureml:iris@latest --type data --downstream
  millrace lineage calm_river_0a1b2c3d4e/train/model --depth 2
  millrace lineage calm_river_0a1b2c3d4e -o mermaid > lineage.mmd`,
		Args:              arguments("START"),
		ValidArgsFunction: a.completeJobs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if slices.Contains(drawings, a.flags.output) {
				o.drawing, a.flags.output = a.flags.output, ""
			}
			return a.readFlags(cmd)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.start = args[0]
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runLineage(cmd.Context(), a, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.kind, "type", "", "the `kind` of asset that is meant: component, data, environment or model")
	f.BoolVar(&o.upstream, "upstream", false, "only what it was made from")
	f.BoolVar(&o.downstream, "downstream", false, "only what was made from it")
	f.IntVar(&o.depth, "depth", 0, "go through at most this `number` of steps")
	_ = c.RegisterFlagCompletionFunc("type", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return assetKinds(), cobra.ShellCompDirectiveNoFileComp
	})
	return a.orName(c, 1)
}

func assetKinds() []string {
	var names []string
	for _, k := range pipeline.AssetKinds() {
		names = append(names, string(k))
	}
	return names
}

func runLineage(ctx context.Context, a *app, o *lineageOptions) error {
	query, err := o.query(a)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.records()
	if err != nil {
		return err
	}
	defer s.leave()
	l, err := s.jobs.Lineage(ctx, o.start, query)
	if unknown, ok := errors.AsType[*lineage.Unknown](err); ok {
		return missing(unknown.Hint, "%w", unknown)
	}
	if err != nil {
		return err
	}
	for _, p := range l.Problems {
		a.say("not read: %s", term.Clean(p))
	}
	if l.LeftOut > 0 {
		a.say("%s not read: there are too many", term.Count(l.LeftOut, "older job"))
	}
	switch {
	case o.drawing != "":
		return draw(a.Out, o.drawing, l)
	case a.wantsData():
		return a.print(l, lineageTable)
	}
	return printLineage(a.Out, l)
}

// query checks the flags against each other.
func (o *lineageOptions) query(a *app) (runs.LineageOptions, error) {
	q := runs.LineageOptions{Kind: pipeline.AssetKind(o.kind), Depth: o.depth}
	switch {
	case o.kind != "" && !slices.Contains(assetKinds(), o.kind):
		return q, wrongUsage("choose one of "+strings.Join(assetKinds(), ", "), "--type: %q is not a kind of asset", o.kind)
	case o.depth < 0:
		return q, wrongUsage("", "--depth: %d is less than nothing", o.depth)
	case o.drawing != "" && a.flags.search != nil:
		return q, wrongUsage("take -o json", "--query cannot pick from a drawing")
	}
	// Both together are the same as neither.
	if o.upstream != o.downstream {
		q.Direction = lineage.Upstream
		if o.downstream {
			q.Direction = lineage.Downstream
		}
	}
	return q, nil
}

// lineageTable is the table of the things of a lineage, in the order in which
// they were made.
func lineageTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Kind", "Name", "Status", "Time"}}
	m, _ := data.(map[string]any)
	nodes, _ := m["nodes"].([]any)
	for _, node := range nodes {
		n, _ := node.(map[string]any)
		t.Add(text(n["kind"]), text(n["name"]), text(n["status"]), text(n["time"]))
	}
	return t
}
