package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/runs"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// penguins is a job of three steps.
func penguins(status pipeline.Status, steps ...pipeline.StepState) *runs.Job {
	ref := func(step, output string) *pipeline.OutputRef { return &pipeline.OutputRef{Step: step, Output: output} }
	return &runs.Job{
		Name: "calm_river_0a1b2c3d4e", Type: pipeline.PipelineJob, Status: status, File: "my pipelines/penguins.yml",
		Started: noon, Ended: noon.Add(72 * time.Second), Steps: steps,
		Plan: &pipeline.Plan{
			Type:  pipeline.PipelineJob,
			Steps: []pipeline.Step{{Name: "prepare"}, {Name: "train"}, {Name: "report"}},
			Outputs: []pipeline.JobOutput{
				{Name: "model", Type: pipeline.MLflowModel, From: ref("train", "model")},
				{Name: "report", Type: pipeline.URIFile, From: ref("report", "page"), Path: "azureml://datastores/workspaceblobstore/paths/report.html"},
				{Name: "unbound", Type: pipeline.URIFolder},
			},
		},
	}
}

func step(name string, status pipeline.Status) pipeline.StepState {
	return pipeline.StepState{Name: name, Status: status, Attempts: 1, Started: noon, Ended: noon.Add(time.Second)}
}

func made(s pipeline.StepState, output string, a pipeline.Artifact) pipeline.StepState {
	s.Outputs = map[string]pipeline.Artifact{output: a}
	return s
}

func taken(s pipeline.StepState) pipeline.StepState {
	s.Reused = &pipeline.Origin{Job: "bold_otter", Step: s.Name}
	return s
}

func broken(s pipeline.StepState, f pipeline.Failure) pipeline.StepState {
	s.Failure = &f
	return s
}

func TestTheSummarySaysWhatBecameOfAJobAndWhatToDoNext(t *testing.T) {
	tree := pipeline.Artifact{Digest: pipeline.NewDigest(make([]byte, 32)), Tree: true, Size: 3 << 20, Files: 4}
	file := pipeline.Artifact{Digest: pipeline.NewDigest(make([]byte, 32)), Size: 812, Files: 1, Name: "report.html"}
	one := 1
	var log []string
	for i := range 20 {
		log = append(log, fmt.Sprintf("line %d", i))
	}
	crash := pipeline.Failure{
		Kind: pipeline.UserFailure, Message: "the program ended with exit code 1", ExitCode: &one,
		LogTail: append(log, "\x1b[31mValueError: bad\x1b[0m"), Hint: "look at line 3",
	}
	failed := penguins(pipeline.Failed, taken(step("prepare", pipeline.Completed)),
		broken(step("train", pipeline.Failed), crash), step("report", pipeline.NotStarted))
	failed.FailedStep, failed.Steps[1].Key = "train", "0123"
	command := &runs.Job{
		Name: "bold_otter", Type: pipeline.CommandJob, Status: pipeline.Failed, File: "hello.yml", Plan: &pipeline.Plan{},
		Steps: []pipeline.StepState{broken(step("main", pipeline.Failed), crash)}, FailedStep: "main",
	}
	command.Steps[0].Key = "0123"
	whole := penguins(pipeline.Completed, taken(step("prepare", pipeline.Completed)),
		made(step("train", pipeline.Completed), "model", tree), made(step("report", pipeline.Completed), "page", file))
	again := penguins(pipeline.Completed, taken(step("prepare", pipeline.Completed)), taken(step("train", pipeline.Completed)), taken(step("report", pipeline.Completed)))
	canceled := penguins(pipeline.Canceled, step("prepare", pipeline.Completed), step("train", pipeline.Canceled), step("report", pipeline.NotStarted))
	question := pipeline.Failure{Kind: pipeline.UserFailure, Message: "rejected by alice: too bad"}
	rejected := penguins(pipeline.Failed, step("prepare", pipeline.Completed), broken(pipeline.StepState{Name: "train", Status: pipeline.Failed}, question))
	rejected.FailedStep = "train"
	trials := pipeline.Failure{Kind: pipeline.UserFailure, Message: "all 3 trials failed; the first: the program ended with exit code 4"}
	hopeless := &runs.Job{
		Name: "shy_heron", Type: pipeline.SweepJob, Status: pipeline.Failed, File: "tune.yml", FailedStep: "main",
		Plan:  &pipeline.Plan{Steps: []pipeline.Step{{Name: "main", Sweep: &pipeline.Sweep{}}}},
		Steps: []pipeline.StepState{broken(pipeline.StepState{Name: "main", Status: pipeline.Failed, Parts: &pipeline.Parts{What: "trials", Total: 3, Failed: 3}}, trials)},
	}
	tuned := penguins(pipeline.Completed, step("prepare", pipeline.Completed), step("train", pipeline.Completed), step("report", pipeline.Completed))
	tuned.Plan.Steps[1].Sweep, tuned.Plan.Steps[2].Sweep = &pipeline.Sweep{}, &pipeline.Sweep{}
	tuned.Steps[1].Parts = &pipeline.Parts{What: "trials", Total: 3, Completed: 2, Failed: 1, Best: "train.2"}
	lost := penguins(pipeline.Failed, step("prepare", pipeline.NotStarted), step("train", pipeline.NotStarted), step("report", pipeline.NotStarted))
	lost.Failure = &pipeline.Failure{Kind: pipeline.Infrastructure, Message: "the store cannot be read"}
	for _, test := range []struct {
		name  string
		job   *runs.Job
		shown bool
	}{
		{"completed", whole, false}, {"reused", again, false}, {"failed", failed, false},
		{"failed_command", command, true}, {"canceled", canceled, false}, {"failed_as_a_whole", lost, false},
		{"rejected", rejected, false}, {"no_best_trial", hopeless, false}, {"tuned", tuned, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConsole(t)
			c.summary(c.Out, test.job, test.shown, nil)
			golden(t, "summary_"+test.name, c.out.String())
		})
	}
}

func TestTheNextCommandsCarryTheFlagsThatWereGiven(t *testing.T) {
	c := newConsole(t)
	c.flags.homeGiven, c.flags.home = true, "/my home"
	c.summary(c.Out, penguins(pipeline.Canceled, step("prepare", pipeline.Canceled)), false, []string{"inputs.lr=0.1", "display_name=it's"})
	golden(t, "summary_with_flags", c.out.String())
}

func TestExplanationsShowWhatDiffers(t *testing.T) {
	c := newConsole(t)
	c.Out.Size = func() (int, int) { return 80, 24 }
	err := c.explain(&runs.Explanation{
		Job: "calm_river", Step: "train", Status: pipeline.Completed,
		Verdict: "ran, because 3 ingredients differ from its run in job bold_otter",
		Key:     "0123", Nearest: &pipeline.Origin{Job: "bold_otter", Step: "train"},
		Ingredients: []cache.Ingredient{
			{Label: "schema", Text: "1"},
			{Label: "command", Text: "python train.py --learning-rate ${{inputs.lr}} --data ${{inputs.data}} --and-a-lot-more-of-it"},
			{Label: "input lr", Text: "0.2"},
			{Label: "environment conda file", Text: "name: a\nchannels: [b]\n"},
		},
		Changes: []runs.Change{
			{Change: cache.Change{Kind: cache.Changed, Label: "input lr", Old: "0.1", New: "0.2"}},
			{Change: cache.Change{Kind: cache.Changed, Label: "environment conda file", Old: "name: a\nchannels: [c]\n", New: "name: a\nchannels: [b]\n"}},
			{Change: cache.Change{Kind: cache.Removed, Label: "variable SEED", Old: "1"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "explain", c.out.String())
}

func TestOfLongTextsOnlyTheDifferingWordsAreShown(t *testing.T) {
	for _, test := range []struct{ old, now, onlyOld, onlyNow string }{
		{"0.1", "0.2", "0.1", "0.2"},
		{"a\nb\nc", "a\nc", "b", ""},
		{"a\nb", "b\na", "a|b", "b|a"},
	} {
		a, b := differing(test.old, test.now)
		if join(a) != test.onlyOld || join(b) != test.onlyNow {
			t.Errorf("%q, %q: %q, %q", test.old, test.now, a, b)
		}
	}
}

func join(list []string) string {
	text := ""
	for i, s := range list {
		if i > 0 {
			text += "|"
		}
		text += s
	}
	return text
}
