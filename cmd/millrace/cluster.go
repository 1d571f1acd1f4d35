package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/term"
)

func newClusterCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "cluster",
		Short: "Set up a Temporal server and a store for workers on many machines",
		Long: `Set up a Temporal server and a store for workers on many machines. Both are those
that workers are told of: TEMPORAL_ADDRESS (or TEMPORAL_PROFILE) names the server,
MILLRACE_STORE the store. One machine alone needs neither: ` + "`millrace dev`" + ` has its own.

` + exitCodesHelp,
		Example: `  millrace cluster init
  millrace cluster check -o json`,
	})
	cmd.AddCommand(newClusterInitCmd(a, nil), newClusterCheckCmd(a, nil))
	return cmd
}

type clusterOptions struct {
	// retention is how long a namespace is to keep finished jobs; 0 leaves
	// that as it is, or as it is usual.
	retention days
	// mend has what is missing made.
	mend bool
	// wait is how long what is missing may take to come.
	wait time.Duration
}

func (o *clusterOptions) addWait(f *pflag.FlagSet) {
	f.DurationVar(&o.wait, "wait", 0, "how `long` to repeat this until all is ready, such as 2m (default: not at all)")
}

func newClusterInitCmd(a *app, runF func(context.Context, *clusterOptions) error) *cobra.Command {
	o := &clusterOptions{mend: true}
	cmd := &cobra.Command{
		Use: "init", Short: "Register namespace and search attributes, and check the store",
		Long: `Register the namespace and the search attributes of jobs with the Temporal server,
as far as they are missing, and check that the store does what workers rely on. It
can be repeated, and says what is still missing and what to do about it.`,
		Example: `  TEMPORAL_ADDRESS=temporal:7233 MILLRACE_STORE=s3://bucket millrace cluster init
  millrace cluster init --retention 90d`,
	}
	cmd.Flags().Var(&o.retention, "retention", "how many `days` Temporal keeps the history of a finished job, such as 90d (default, for a new namespace: 30d)")
	o.addWait(cmd.Flags())
	return verb(a, cmd, o, runF, runCluster)
}

func newClusterCheckCmd(a *app, runF func(context.Context, *clusterOptions) error) *cobra.Command {
	o := &clusterOptions{}
	cmd := &cobra.Command{
		Use: "check", Short: "Say whether server and store are ready for workers",
		Long: `Say whether the Temporal server and the store are ready for workers, and what is
missing. Nothing is changed; the store is tried with a few small records, which are
deleted again.`,
		Example: "  millrace cluster check\n  millrace cluster check -o json --query ready",
	}
	o.addWait(cmd.Flags())
	return verb(a, cmd, o, runF, runCluster)
}

// standing is what came out about one thing that a cluster needs.
type standing string

const (
	standingReady   standing = "ready"
	standingMade    standing = "made"
	standingMissing standing = "missing"
	standingFailed  standing = "failed"
)

// finding is what was found about one thing.
type finding struct {
	Name   string   `json:"name"`
	Status standing `json:"status"`
	Detail string   `json:"detail"`
	// Advice says what to do where something has to be done.
	Advice string `json:"advice,omitempty"`
}

func (f finding) good() bool { return f.Status == standingReady || f.Status == standingMade }

// clusterReport is what is printed.
type clusterReport struct {
	Address   string    `json:"address"`
	Namespace string    `json:"namespace"`
	Store     string    `json:"store"`
	Ready     bool      `json:"ready"`
	Checks    []finding `json:"checks"`
}

func runCluster(ctx context.Context, a *app, o *clusterOptions) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	if c.Temporal == nil {
		return wrongUsage("one machine alone needs no cluster: `"+a.command("dev")+"` starts all that it takes",
			"no Temporal server is named: set TEMPORAL_ADDRESS, or TEMPORAL_PROFILE")
	}
	r := a.inspectCluster(ctx, c, o)
	for begin := time.Now(); !r.Ready && time.Since(begin) < o.wait && sleep(ctx, clusterPause) == nil; {
		r = a.inspectCluster(ctx, c, o)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := a.printCluster(r); err != nil {
		return err
	}
	if !r.Ready {
		return said(exitUnreachable)
	}
	return nil
}

// clusterPause is the time between two looks at a cluster that gets ready.
const clusterPause = 2 * time.Second

func (a *app) inspectCluster(ctx context.Context, c config.Config, o *clusterOptions) clusterReport {
	r := clusterReport{Address: c.Temporal.Address, Namespace: c.Temporal.Namespace, Store: storeShown(c.Store), Ready: true}
	r.Checks = append(a.inspectTemporal(ctx, *c.Temporal, o), a.inspectStore(ctx, c.Store)...)
	for _, f := range r.Checks {
		r.Ready = r.Ready && f.good()
	}
	return r
}

func (a *app) printCluster(r clusterReport) error {
	if a.wantsData() {
		return a.print(r, clusterTable)
	}
	if err := clusterTable(r.plain()).Write(a.Out); err != nil {
		return err
	}
	for _, f := range r.Checks {
		if f.Advice != "" {
			a.say("%s: %s", f.Name, f.Advice)
		}
	}
	if r.Ready {
		a.say("ready for workers: `%s` starts one", a.command("worker", "start", "--queue", "pipelines"))
	}
	return nil
}

// plain is the report as the table takes it.
func (r clusterReport) plain() any {
	var rows []any
	for _, f := range r.Checks {
		rows = append(rows, map[string]any{"name": f.Name, "status": string(f.Status), "detail": f.Detail})
	}
	return map[string]any{"checks": rows}
}

func clusterTable(data any) *term.Table {
	t := &term.Table{Header: []string{"Check", "Status", "Detail"}}
	report, _ := data.(map[string]any)
	for _, m := range rowsOf(report["checks"]) {
		t.Add(text(m["name"]), text(m["status"]), text(m["detail"]))
	}
	return t
}

// days is a flag: a number of days, with or without a d behind it.
type days int

// maxDays is a hundred years.
const maxDays = 36_500

func (d *days) Set(s string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || n < 1 || n > maxDays {
		return fmt.Errorf("want a number of days, such as 90d, from 1d to %dd", maxDays)
	}
	*d = days(n)
	return nil
}

func (d *days) String() string {
	if *d == 0 {
		return ""
	}
	return strconv.Itoa(int(*d)) + "d"
}

// Type names the kind of value in help texts.
func (d *days) Type() string { return "days" }

func (d days) duration() time.Duration { return time.Duration(d) * 24 * time.Hour }
