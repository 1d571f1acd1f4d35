package main

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/runs"
)

// parsed runs a command line of a command that keeps its options instead of
// working, and returns them.
func parsed[O any](t *testing.T, newCmd func(*app, func(context.Context, *O) error) *cobra.Command, line string) (*O, error) {
	t.Helper()
	c := newConsole(t)
	var got *O
	cmd := newCmd(c.app, func(_ context.Context, o *O) error { got = o; return nil })
	root := &cobra.Command{Use: "millrace", SilenceErrors: true, SilenceUsage: true}
	root.SetFlagErrorFunc(flagError)
	c.addGlobalFlags(root.PersistentFlags())
	root.AddCommand(cmd)
	root.SetArgs(append([]string{cmd.Name()}, expandMany(strings.Fields(line))...))
	err := root.Execute()
	return got, err
}

func wants[O any](t *testing.T, newCmd func(*app, func(context.Context, *O) error) *cobra.Command, line string, want O) {
	t.Helper()
	got, err := parsed(t, newCmd, line)
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	sameNoun := cmp.Comparer(func(x, y *assetNoun) bool { return x == y })
	inside := cmp.AllowUnexported(want, source{}, listed{}, changes{}, change{}, afterCreate{}, assetRef{})
	if diff := cmp.Diff(&want, got, inside, sameNoun); diff != "" {
		t.Errorf("%s: %s", line, diff)
	}
}

func refuses[O any](t *testing.T, newCmd func(*app, func(context.Context, *O) error) *cobra.Command, line, want string) {
	t.Helper()
	got, err := parsed(t, newCmd, line)
	if err == nil || got != nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: got %v, %v, want %q", line, got, err, want)
	}
}

func TestRunReadsItsFlags(t *testing.T) {
	wants(t, newRunCmd, "f.yml", runOptions{source: source{file: "f.yml"}})
	wants(t, newRunCmd, "--set a=1 b=2 --ui f.yml -n second -s --cpu-slots 4",
		runOptions{source: source{file: "f.yml", set: []string{"a=1", "b=2"}, name: "second"}, ui: true, stream: true})
	wants(t, newRunCmd, "--resume calm_river", runOptions{resume: "calm_river"})
	refuses(t, newRunCmd, "", "FILE is missing")
	refuses(t, newRunCmd, "a.yml b.yml", `unexpected argument "b.yml"`)
	refuses(t, newRunCmd, "--resume calm_river f.yml", `unexpected argument "f.yml"`)
	refuses(t, newRunCmd, "--resume calm_river --set a=1", "--name and --set cannot change it")
}

func TestDevReadsItsFlags(t *testing.T) {
	wants(t, newDevCmd, "", devOptions{port: 7233, uiPort: 8233, ui: true})
	wants(t, newDevCmd, "--port 1 --ui-port 2 --ui=false --listen 0.0.0.0", devOptions{port: 1, uiPort: 2, listen: "0.0.0.0"})
	refuses(t, newDevCmd, "f.yml", `unexpected argument "f.yml"`)
}

func TestJobVerbsReadTheFlagsOfAz(t *testing.T) {
	wants(t, newJobCreateCmd, "--file f.yml --set a.b=1 c=2 --stream --web -g group -w workspace --subscription s",
		jobCreateOptions{source: source{file: "f.yml", set: []string{"a.b=1", "c=2"}}, after: afterCreate{stream: true, web: true}})
	wants(t, newJobCreateCmd, "-f f.yml -n x --skip-validation",
		jobCreateOptions{source: source{file: "f.yml", name: "x"}, skipValidation: true})
	wants(t, newJobCreateCmd, "-f f.yml -a saved.yml", jobCreateOptions{source: source{file: "f.yml"}, after: afterCreate{saveAs: "saved.yml"}})
	refuses(t, newJobCloneCmd, "", "JOB is missing")
	refuses(t, newJobCloneCmd, "-n calm_river", "JOB is missing: the job to submit again")
	wants(t, newJobCloneCmd, "calm_river --set a=1 b=2 -n x -s", jobCloneOptions{from: "calm_river", name: "x", set: []string{"a=1", "b=2"}, after: afterCreate{stream: true}})
	wants(t, newJobListCmd, "", jobListOptions{listed: listed{most: 50}})
	wants(t, newJobListCmd, "-r 3 --all-results", jobListOptions{listed: listed{most: 3, all: true}})
	wants(t, newJobListCmd, "--parent-job-name x --include-archived", jobListOptions{parent: "x", listed: listed{most: 50, includeArchived: true}})
	wants(t, newJobListCmd, "--archived-only --tag a=1", jobListOptions{tags: []string{"a=1"}, listed: listed{most: 50, archivedOnly: true}})
	wants(t, newJobShowCmd, "-n x --web", jobShowOptions{name: "x", web: true})
	wants(t, newJobShowCmd, "-n x --definition", jobShowOptions{name: "x", definition: true})
	wants(t, newJobStreamCmd, "--name x", jobStreamOptions{name: "x"})
	wants(t, newJobCancelCmd, "-n x --no-wait", jobCancelOptions{name: "x", noWait: true})
	wants(t, newJobCancelCmd, "-t sweep", jobCancelOptions{tag: "sweep"})
	wants(t, newJobArchiveCmd, "--name x", jobArchiveOptions{name: "x", archived: true})
	wants(t, newJobRestoreCmd, "-n x", jobArchiveOptions{name: "x"})
	wants(t, newJobServicesCmd, "-n x -i 1", jobServicesOptions{name: "x", node: 1})
	wants(t, newJobUpdateCmd, "-n x --set tags.a=1 description=b --remove tags.c --web", jobUpdateOptions{name: "x", web: true, changes: changes{list: []change{
		{"set", []string{"tags.a=1"}}, {"set", []string{"description=b"}}, {"remove", []string{"tags.c"}},
	}}})
	wants(t, newJobDownloadCmd, "-n x", jobDownloadOptions{name: "x", DownloadOptions: runs.DownloadOptions{Dir: "."}})
	wants(t, newJobDownloadCmd, "-n x -p to --output-name model --all",
		jobDownloadOptions{name: "x", DownloadOptions: runs.DownloadOptions{Dir: "to", Output: "model", All: true}})
	wants(t, newJobValidateCmd, "-f f.yml --set a=1", jobValidateOptions{source: source{file: "f.yml", set: []string{"a=1"}}})
	wants(t, newExplainCmd, "calm_river train", explainOptions{job: "calm_river", step: "train"})

	// A job is named with or without -n.
	wants(t, newJobShowCmd, "x", jobShowOptions{name: "x"})
	wants(t, newJobShowCmd, "x -n x", jobShowOptions{name: "x"})
	wants(t, newJobCancelCmd, "x --no-wait", jobCancelOptions{name: "x", noWait: true})
	wants(t, newJobArchiveCmd, "x", jobArchiveOptions{name: "x", archived: true})
	wants(t, newExplainCmd, "-n calm_river train", explainOptions{job: "calm_river", step: "train"})
	wants(t, newExplainCmd, "calm_river train -n calm_river", explainOptions{job: "calm_river", step: "train"})
	wants(t, newJobMetricsCmd, "-n calm_river", jobMetricsOptions{job: "calm_river"})
	wants(t, newJobTrialsCmd, "train -n calm_river", jobTrialsOptions{job: "calm_river", step: "train"})
	wants(t, newJobApproveCmd, "-n calm_river", jobAnswerOptions{job: "calm_river", approve: true})
	wants(t, newJobApprovalsCmd, "-n calm_river", jobApprovalsOptions{job: "calm_river"})
	wants(t, newLineageCmd, "-n calm_river", lineageOptions{start: "calm_river"})
	refuses(t, newJobShowCmd, "x -n y", "x and -n y are two jobs")
	refuses(t, newJobShowCmd, "x y", `unexpected argument "y"`)
	refuses(t, newJobCancelCmd, "x -t y", "exclude each other")
	refuses(t, newExplainCmd, "calm_river train -n other", "calm_river and -n other are two jobs")
	refuses(t, newLineageCmd, "x -n y", "x and -n y are two jobs")

	refuses(t, newJobCreateCmd, "f.yml", `unexpected argument "f.yml"`)
	refuses(t, newJobCreateCmd, "", "-f/--file is missing")
	refuses(t, newJobShowCmd, "", "-n/--name is missing")
	refuses(t, newJobListCmd, "-r 0", "not a number of jobs")
	refuses(t, newJobCancelCmd, "-n x -t y", "exclude each other")
	refuses(t, newJobCancelCmd, "", "-n/--name is missing")
	refuses(t, newExplainCmd, "", "JOB is missing")
}

func TestEveryCommandHelpsWithAnExample(t *testing.T) {
	c := newConsole(t)
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Name() == "help" || cmd.Name() == "completion" {
			return
		}
		if cmd.Short == "" || !strings.Contains(cmd.Example, "  millrace") {
			t.Errorf("%s has no help or no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRootCmd(c.app))
}

func TestAMistypedWordIsAnsweredWithTheRightOne(t *testing.T) {
	for line, want := range map[string]string{
		"rnu":                     "did you mean `millrace run`?",
		"job crate":               "did you mean `millrace job create`?",
		"job val":                 "did you mean `millrace job validate`?",
		"job xyzzyx":              "`millrace job --help` lists the commands",
		"run f.yml --sett x":      "did you mean --set?",
		"job list --max-reslts 3": "did you mean --max-results?",
	} {
		c := newConsole(t)
		if code := c.run(strings.Fields(line)...); code != exitUsage || !strings.Contains(c.err.String(), want) {
			t.Errorf("%s: code %d: %s", line, code, c.err.String())
		}
	}
}
