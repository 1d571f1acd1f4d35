package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

type jobListOptions struct {
	parent string
	tags   []string
	listed
}

// listed are the flags of every verb "list" about how much it shows.
type listed struct {
	most                          int
	all                           bool
	includeArchived, archivedOnly bool
}

// addMost adds the one that bounds the list; most is how many are shown where
// nobody says, 0 for all.
func addMost(cmd *cobra.Command, l *listed, most int, things string) {
	cmd.Flags().IntVarP(&l.most, "max-results", "r", most, "`number` of "+things+" to list")
}

// addListed adds all of them.
func addListed(cmd *cobra.Command, l *listed, most int, things string) {
	addMost(cmd, l, most, things)
	f := cmd.Flags()
	f.BoolVar(&l.includeArchived, "include-archived", false, "list archived "+things+" too")
	f.BoolVar(&l.archivedOnly, "archived-only", false, "list archived "+things+" only")
	cmd.MarkFlagsMutuallyExclusive("include-archived", "archived-only")
}

// wants tells whether something is listed, by whether it is archived.
func (l *listed) wants(archived bool) bool {
	return !archived && !l.archivedOnly || archived && (l.archivedOnly || l.includeArchived)
}

// cut takes as many as are wanted, and says so where there were more.
func cut[T any](a *app, l *listed, list []T, hint string) []T {
	if l.all || l.most <= 0 || len(list) <= l.most {
		return list
	}
	a.say("Displaying top %d results from the list command; %s", l.most, hint)
	return list[:l.most]
}

func newJobListCmd(a *app, runF func(context.Context, *jobListOptions) error) *cobra.Command {
	o := &jobListOptions{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, the newest first",
		Long: `List the jobs of this home, the newest first, whether or not a server runs. With
--parent-job-name, list the steps of a job as az lists child jobs, or the
iterations of a step that is a loop.

` + exitCodesHelp,
		Example: `  millrace job list -o table
  millrace job list --max-results 5 --query "[?status=='Failed'].name" -o tsv
  millrace job list --tag team=red --include-archived
  millrace job list --parent-job-name calm_river_0a1b2c3d4e --query "[].name" -o tsv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.most < 1 {
				return wrongUsage("--all-results lists all", "--max-results: %d is not a number of jobs", o.most)
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobList(cmd.Context(), a, o)
		},
	}
	addListed(cmd, &o.listed, 50, "jobs")
	f := cmd.Flags()
	f.BoolVar(&o.all, "all-results", false, "list all jobs")
	f.StringVarP(&o.parent, "parent-job-name", "p", "", "list the steps of this `job`")
	f.StringArrayVar(&o.tags, "tag", nil, "list only jobs with this `tag`: name or name=value")
	_ = cmd.RegisterFlagCompletionFunc("parent-job-name", a.completeJobs)
	return cmd
}

// allResults is the hint where a list of jobs was cut.
const allResults = "--all-results lists all"

func runJobList(ctx context.Context, a *app, o *jobListOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	if o.parent != "" {
		most := o.most + 1 // one more tells that there are more
		if o.all {
			most = 0
		}
		children, err := s.jobs.ChildrenOf(ctx, o.parent, most)
		if err != nil {
			return err
		}
		return a.print(cut(a, &o.listed, children, allResults), jobTable)
	}
	jobs, err := s.jobs.Select(ctx, o.selection())
	if err != nil {
		return err
	}
	rows := []map[string]any{}
	for _, job := range cut(a, &o.listed, jobs, allResults) {
		rows = append(rows, runs.Summary(job))
		a.adviseUnserved(job.Status, job.Name)
	}
	return a.print(rows, jobTable)
}

func (o *jobListOptions) selection() runs.Selection {
	sel := runs.Selection{Most: o.most + 1, Tags: pairs(o.tags)} // one more tells that there are more
	if o.all {
		sel.Most = 0
	}
	switch {
	case o.archivedOnly:
		sel.Archived = runs.TakeOnly
	case o.includeArchived:
		sel.Archived = runs.TakeIn
	}
	return sel
}

// pairs reads words of the form name=value; a name alone has the value "".
func pairs(words []string) map[string]string {
	m := make(map[string]string, len(words))
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		m[name] = value
	}
	return m
}
