package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

type jobCompareOptions struct {
	jobs []string
	all  bool
}

// maxCompared is how many jobs fit side by side, for people and for memory.
const maxCompared = 50

func newJobCompareCmd(a *app, runF func(context.Context, *jobCompareOptions) error) *cobra.Command {
	o := &jobCompareOptions{}
	cmd := &cobra.Command{
		Use:   "compare JOB JOB...",
		Short: "Show jobs side by side: parameters, metrics, inputs, environment, code",
		Long: `Show what went into jobs and what came out of them side by side: their parameters
and those that their steps have logged, metrics, inputs, environment and code, with
the files that differ. Steps are matched by their names. What is the same in all
jobs is left out unless --all is given.

` + exitCodesHelp,
		Example: `  millrace job compare calm_river_0a1b2c3d4e bold_sea_1b2c3d4e5f
  millrace job compare first second third --all
  millrace job compare first second -o json --query "facts[?section=='metrics']"`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) < 2:
				return wrongUsage("two or more, as in `millrace job compare first second`", "JOB is missing")
			case len(args) > maxCompared:
				return wrongUsage("", "at most %d jobs are compared at once", maxCompared)
			}
			return nil
		},
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.jobs = args
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runJobCompare(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "show what is the same in all jobs too")
	return cmd
}

func runJobCompare(ctx context.Context, a *app, o *jobCompareOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer s.leave()
	c, err := s.jobs.Compare(ctx, o.jobs...)
	if err != nil {
		return err
	}
	if !o.all {
		c.Facts = slices.DeleteFunc(c.Facts, func(f runs.Fact) bool { return !f.Differs })
	}
	if a.wantsData() {
		jobs := make([]any, len(c.Jobs))
		for i, job := range c.Jobs {
			jobs[i] = runs.Summary(*job)
		}
		return a.print(map[string]any{"jobs": jobs, "facts": append([]runs.Fact{}, c.Facts...)}, compareGrid)
	}
	if len(c.Facts) == 0 {
		_, err := fmt.Fprintln(a.Out, "nothing differs")
		return err
	}
	return a.comparison(c)
}

// compareGrid is the table of a comparison: a row for each fact.
func compareGrid(data any) *term.Table {
	m, _ := data.(map[string]any)
	jobs, _ := m["jobs"].([]any)
	t := &term.Table{Header: []string{"Section", "Step", "Name"}}
	for _, job := range jobs {
		j, _ := job.(map[string]any)
		t.Header = append(t.Header, text(j["name"]))
	}
	facts, _ := m["facts"].([]any)
	for _, fact := range facts {
		f, _ := fact.(map[string]any)
		row := []string{text(f["section"]), text(f["step"]), text(f["name"])}
		values, _ := f["values"].([]any)
		for _, v := range values {
			row = append(row, text(v))
		}
		t.Add(row...)
	}
	return t
}

// comparison writes a comparison for people: a table for each section.
func (a *app) comparison(c *runs.Comparison) error {
	w := a.Out
	single := !slices.ContainsFunc(c.Jobs, func(j *runs.Job) bool { return !j.Type.Single() })
	width, _ := w.Window()
	cell := max(16, (min(width, 200)-24)/len(c.Jobs)-2)
	first := true
	for _, section := range runs.Sections() {
		t := &term.Table{Header: []string{string(section)}}
		for _, job := range c.Jobs {
			t.Header = append(t.Header, job.Name)
		}
		var files []string
		for _, f := range c.Facts {
			if f.Section != section {
				continue
			}
			name := f.Name
			if f.Step != "" && !single {
				name = f.Step + "." + f.Name
			}
			row := []string{name}
			alike := commonStart(f.Values)
			for _, value := range f.Values {
				row = append(row, shownValue(section, value, alike, cell))
			}
			t.Add(row...)
			files = append(files, changedIn(name, c.Jobs, f.Files)...)
		}
		if len(t.Rows) == 0 {
			continue
		}
		if !first {
			fmt.Fprintln(w)
		}
		first = false
		if err := t.Write(w); err != nil {
			return err
		}
		for _, line := range files {
			fmt.Fprintln(w, line)
		}
	}
	return nil
}

// commonStart is with what all values begin that are there.
func commonStart(values []*string) string {
	var start *string
	for _, v := range values {
		switch {
		case v == nil:
		case start == nil:
			start = v
		default:
			n := 0
			for n < min(len(*start), len(*v)) && (*start)[n] == (*v)[n] {
				n++
			}
			s := strings.ToValidUTF8((*start)[:n], "")
			start = &s
		}
	}
	if start == nil {
		return ""
	}
	return *start
}

// shownValue is a value in its cell: numbers and digests in short, and of long
// texts that begin alike what they differ in.
func shownValue(section runs.Section, value *string, alike string, width int) string {
	if value == nil {
		return "-"
	}
	text := *value
	if section == runs.MetricsSection {
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return term.Number(n)
		}
	}
	if len(text) > width && len(alike) > width/2 && len(alike) < len(text) {
		// From the beginning of the word in which the difference lies.
		text = "... " + text[strings.LastIndexAny(alike, " \n\t/")+1:]
	}
	words := strings.Fields(text)
	for i, word := range words {
		if digest, err := pipeline.ParseDigest(word); err == nil {
			words[i] = digest.Short()
		}
	}
	return term.Cut(term.Clean(strings.Join(words, " ")), width)
}

// changedIn lists the files of trees that differ, the first of many.
func changedIn(name string, jobs []*runs.Job, files [][]runs.FileChange) []string {
	const most = 20
	var lines []string
	for i, changes := range files {
		for n, change := range changes {
			if n == most {
				lines = append(lines, fmt.Sprintf("  %s of %s: and %d more files", name, jobs[i+1].Name, len(changes)-most))
				break
			}
			lines = append(lines, fmt.Sprintf("  %s of %s: %s %s", name, jobs[i+1].Name, change.Kind, term.Clean(change.Path)))
		}
	}
	return lines
}
