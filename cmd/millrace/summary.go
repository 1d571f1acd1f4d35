package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

// summary tells a person what became of a job and what to do next. Logs that
// have been shown already are not repeated; set are the changes to the file that
// the job was submitted with.
func (a *app) summary(w *term.Stream, job *runs.Job, logShown bool, set []string) {
	style := map[pipeline.Status]term.Style{pipeline.Completed: term.Green, pipeline.Failed: term.Red}[job.Status]
	if style == "" {
		style = term.Yellow
	}
	took := ""
	if !job.Started.IsZero() && !job.Ended.IsZero() {
		took = " in " + term.Duration(job.Ended.Sub(job.Started))
	}
	fmt.Fprintf(w, "%s %s%s: %s\n", job.Name, w.Paint(style, string(job.Status)), took, countWords(job.Count()))
	tellMetrics(w, job)
	switch job.Status {
	case pipeline.Completed:
		a.next(w, append(a.tellOutputs(w, job), a.trials(job)...)...)
	case pipeline.Failed:
		a.tellFailure(w, job, logShown, set)
	case pipeline.Canceled:
		on := []string{a.command("run", "--resume", job.Name), "carries it on; steps that are done are reused"}
		next := append([][]string{on}, a.again(job, set)...)
		a.next(w, append(next, a.trials(job)...)...)
	}
}

func countWords(c runs.Counts) string {
	if c.Done == c.Total && c.Reused == c.Total {
		if c.Total == 1 {
			return "1 step, reused"
		}
		return fmt.Sprintf("%d steps, all reused", c.Total)
	}
	text := fmt.Sprintf("%d of %s done", c.Done, term.Count(c.Total, "step"))
	if c.Done == c.Total {
		text = term.Count(c.Total, "step") + " done"
	}
	for _, part := range []struct {
		n    int
		word string
	}{{c.Reused, "reused"}, {c.Skipped, "skipped"}, {c.Failed, "failed"}, {c.Canceled, "canceled"}, {c.NotStarted + c.Waiting + c.Running, "not run"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	return text
}

// toldMetrics is how many metrics of a step, and toldSteps the steps with some,
// that are shown when a job has ended.
const toldMetrics, toldSteps = 8, 12

// tellMetrics lists what steps have told of themselves: their metrics, and of
// what they are made.
func tellMetrics(w *term.Stream, job *runs.Job) {
	t := &term.Table{}
	title, more := "steps:", 0
	for _, s := range job.Steps {
		var told []string
		if s.Parts != nil {
			told = append(told, term.Clean(s.Parts.String()))
		}
		if metrics := term.Metrics(s.Metrics, toldMetrics); metrics != "" {
			told, title = append(told, metrics), "metrics:"
		}
		switch {
		case told == nil:
		case len(t.Rows) == toldSteps:
			more++
		default:
			t.Add("  "+s.Name, strings.Join(told, ", "))
		}
	}
	if len(t.Rows) == 0 {
		return
	}
	fmt.Fprintln(w, title)
	_ = t.Write(w)
	if more > 0 {
		fmt.Fprintf(w, "  and of %s\n", term.Count(more, "more step"))
	}
}

// tellOutputs lists the outputs of the job as a whole, and returns how they are
// copied.
func (a *app) tellOutputs(w *term.Stream, job *runs.Job) (next [][]string) {
	t := &term.Table{}
	for _, out := range job.Plan.Outputs {
		if out.From == nil {
			continue
		}
		content, ok := outputOf(job, *out.From)
		if !ok {
			continue
		}
		what := term.Bytes(content.Size)
		if content.Tree {
			what = term.Count(content.Files, "file") + ", " + what
		}
		t.Add("  "+out.Name, string(out.Type), content.Digest.Short(), what, term.Clean(out.Path))
	}
	if len(t.Rows) > 0 {
		fmt.Fprintln(w, "outputs:")
		_ = t.Write(w)
	}
	tellAssets(w, job)
	if len(t.Rows) > 0 {
		next = [][]string{{a.command("job", "download", "-n", job.Name, "--all"), "copies them here"}}
	}
	return next
}

// trials is how the trials of a job's sweeps are listed, of those that have begun.
func (a *app) trials(job *runs.Job) (next [][]string) {
	sweeps := 0
	for i := range job.Plan.Steps {
		if job.Plan.Steps[i].Sweep != nil {
			sweeps++
		}
	}
	for _, state := range job.Steps {
		if step := job.Plan.Step(state.Name); step == nil || step.Sweep == nil || state.Parts == nil {
			continue
		}
		words := []string{"job", "trials", job.Name}
		if sweeps > 1 {
			words = append(words, state.Name)
		}
		if next = append(next, []string{a.command(words...), "lists the trials, the best first"}); len(next) == shownFailures {
			break
		}
	}
	return next
}

// tellAssets lists what outputs have become.
func tellAssets(w *term.Stream, job *runs.Job) {
	if len(job.Assets) == 0 {
		return
	}
	t := &term.Table{}
	for _, r := range job.Assets {
		from := r.Output
		if job.Type == pipeline.PipelineJob {
			from = r.Step + "." + r.Output
		}
		t.Add("  "+r.Asset, string(r.Kind), "from "+from)
	}
	fmt.Fprintln(w, "registered:")
	_ = t.Write(w)
}

func outputOf(job *runs.Job, ref pipeline.OutputRef) (pipeline.Artifact, bool) {
	for _, s := range job.Steps {
		if s.Name == ref.Step {
			content, ok := s.Outputs[ref.Output]
			return content, ok && s.Status == pipeline.Completed
		}
	}
	return pipeline.Artifact{}, false
}

// shownFailures is how many failed steps are shown with their logs, and sweeps
// with how their trials are listed.
const shownFailures = 3

func (a *app) tellFailure(w *term.Stream, job *runs.Job, logShown bool, set []string) {
	shown, ran := 0, ""
	for _, s := range failedFirst(job) {
		if shown == shownFailures {
			fmt.Fprintln(w, "more steps failed; see them with", a.command("job", "show", "-n", job.Name))
			break
		}
		shown++
		if ran == "" && s.Attempts > 0 {
			ran = s.Name
		}
		name := s.Name + ": "
		if job.Type.Single() {
			name = ""
		}
		a.failure(w, name, s.Failure, logShown)
	}
	if shown == 0 && job.Failure != nil {
		a.failure(w, "", job.Failure, logShown)
	}
	next := append(a.again(job, set), a.trials(job)...)
	if explainable(job) {
		next = append(next, []string{a.command("explain", job.Name, job.FailedStep), "shows what went into the step"})
	}
	if ran != "" {
		next = append(next, []string{a.command("job", "download", "-n", job.Name), "copies its logs and what it wrote"})
	}
	a.next(w, next...)
}

// explainable reports whether there is something to say of what went into the
// step that failed: approvals, data transfers, loops and sweeps without a best
// trial have no key.
func explainable(job *runs.Job) bool {
	return slices.ContainsFunc(job.Steps, func(s pipeline.StepState) bool { return s.Name == job.FailedStep && s.Key != "" })
}

// failedFirst lists the failed steps, the one that failed first before the rest.
func failedFirst(job *runs.Job) []pipeline.StepState {
	var first, rest []pipeline.StepState
	for _, s := range job.Steps {
		switch {
		case s.Failure == nil || s.Status != pipeline.Failed:
		case s.Name == job.FailedStep:
			first = append(first, s)
		default:
			rest = append(rest, s)
		}
	}
	return append(first, rest...)
}

// tailLines is how much of a log is shown with a failure.
const tailLines = 15

func (a *app) failure(w *term.Stream, name string, f *pipeline.Failure, logShown bool) {
	message := term.Clean(f.Message)
	if f.ExitCode != nil && !strings.Contains(message, fmt.Sprint(*f.ExitCode)) && *f.ExitCode != 0 {
		message += fmt.Sprintf(" (exit code %d)", *f.ExitCode)
	}
	fmt.Fprintln(w, w.Paint(term.Bold, name)+message)
	tail := f.LogTail
	if logShown {
		tail = nil
	}
	if len(tail) > tailLines {
		fmt.Fprintln(w, "  | ...")
		tail = tail[len(tail)-tailLines:]
	}
	for _, line := range tail {
		fmt.Fprintln(w, "  |", term.Clean(line))
	}
	if f.Hint != "" {
		fmt.Fprintln(w, w.Paint(term.Cyan, "hint:"), f.Hint)
	}
}

// again is how the job is run once more.
func (a *app) again(job *runs.Job, set []string) [][]string {
	if job.File == "" {
		return nil
	}
	words := []string{"run", job.File}
	for _, pair := range set {
		words = append(words, "--set", pair)
	}
	return [][]string{{a.command(words...), "runs it again; steps that are done are reused"}}
}

// next lists command lines to try, with what they do.
func (a *app) next(w *term.Stream, commands ...[]string) {
	if len(commands) == 0 {
		return
	}
	t := &term.Table{}
	for _, c := range commands {
		t.Add("  "+c[0], w.Paint(term.Faint, c[1]))
	}
	fmt.Fprintln(w, "next:")
	_ = t.Write(w)
}
