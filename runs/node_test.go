package runs

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/pipeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func template(text string) pipeline.Template {
	return pipeline.Template{{Text: text}}
}

// Every kind of node is shown in the shape in which az shows it.
func TestJobsShowNodesOfEveryKind(t *testing.T) {
	seed, code := int64(7), 0
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	digest := pipeline.Digest("blake3:" + string(bytes.Repeat([]byte("0"), 64)))
	plan := &pipeline.Plan{
		Name: "calm", Type: pipeline.PipelineJob,
		Steps: []pipeline.Step{
			{Name: "train", Command: template("python train.py"), Queue: "cpu", Retry: &pipeline.Retry{Attempts: 3, Delay: 1, Factor: 2, MaxDelay: 60, ExitCodes: []int{75}}},
			{Name: "tune", Kind: pipeline.SweepKind, Command: template("python train.py"), Queue: "cpu", Sweep: &pipeline.Sweep{
				Sampling: pipeline.Sampling{Type: "random", Seed: &seed, Rule: "sobol"},
				Space: []pipeline.Dimension{
					{Name: "lr", Domain: pipeline.Domain{Type: "loguniform", Min: -6, Max: -1}},
					{Name: "units", Domain: pipeline.Domain{Type: "randint", Upper: 64}},
					{Name: "momentum", Domain: pipeline.Domain{Type: "qnormal", Mu: 0.9, Sigma: 0.1, Q: 0.05}},
					{Name: "model", Domain: pipeline.Domain{Type: "choice", Values: []pipeline.Choice{
						{Text: "tree"}, {Nested: []pipeline.Dimension{{Name: "depth", Domain: pipeline.Domain{Type: "choice", Values: []pipeline.Choice{{Text: "3"}}}}}},
					}}},
				},
				Objective: pipeline.Objective{Metric: "val_loss", Minimise: true},
				Limits:    pipeline.SweepLimits{MaxTrials: 60, MaxConcurrent: 4, Timeout: 7200},
				Early:     &pipeline.EarlyTermination{Type: "bandit", Interval: 1, Delay: 5, SlackFactor: 0.2},
			}},
			{Name: "score", Kind: pipeline.ParallelKind, Queue: "cpu", Code: &pipeline.Code{Artifact: &pipeline.Artifact{Digest: digest, Tree: true}}, Parallel: &pipeline.Parallel{
				Input: "images", Files: 10, Entry: "score.py", Arguments: template("--model m"), AppendRowTo: "rows", Processes: 2,
				MaxFailedBatches: -1, MaxFailedItems: 5, Retries: 2, Timeout: 60, LogLevel: "INFO",
			}},
			{Name: "table", Kind: pipeline.ParallelKind, Queue: "cpu", Parallel: &pipeline.Parallel{Input: "rows", PartitionKeys: []string{"store"}, Entry: "t.py"}},
			{Name: "again", Kind: pipeline.DoWhile, Loop: &pipeline.Loop{
				Body: &pipeline.Plan{Steps: []pipeline.Step{{Name: "fit"}, {Name: "judge"}}}, Condition: "again", Most: 10,
				Mapping: []pipeline.Carry{{Output: "model", Input: "start"}, {Output: "model", Input: "best"}},
			}},
			{Name: "each", Kind: pipeline.ParallelFor, Loop: &pipeline.Loop{Body: &pipeline.Plan{Steps: []pipeline.Step{{Name: "fit"}}}, Items: []pipeline.Item{{Name: "a"}, {Name: "b"}}, AtOnce: 2}},
			{Name: "listed", Kind: pipeline.ParallelFor, Loop: &pipeline.Loop{ItemsInput: "cities"}},
			{Name: "ask", Kind: pipeline.ApprovalKind, Approval: &pipeline.Approval{Message: template("deploy?"), Approvers: []string{"ada"}, Timeout: 3600}},
			{Name: "bring", Kind: pipeline.TransferKind, Transfer: &pipeline.Transfer{Task: "import_data", External: &pipeline.External{
				Type: "database", Connection: "postgres://ada:HIDDEN@db/shop", Query: "select * from orders",
			}}},
			{Name: "copy", Kind: pipeline.TransferKind, Transfer: &pipeline.Transfer{Task: "copy_data", Merge: true}},
			{Name: "deploy", Command: template("deploy"), Guards: []pipeline.Guard{
				{Node: "good", From: pipeline.OutputRef{Step: "judge", Output: "good"}, Want: true}, {Node: "late", Value: true},
			}},
		},
	}
	job := &Job{Name: "calm", Type: pipeline.PipelineJob, Status: pipeline.Running, Plan: plan, Steps: []pipeline.StepState{
		{Name: "train", Status: pipeline.Completed, Queue: "cpu", Attempts: 1, Started: began, Ended: began.Add(time.Minute), ExitCode: &code,
			Values:  map[string]string{"good": "true"},
			Metrics: map[string]pipeline.Metric{"loss": {Last: 0.25, Min: 0.2, Max: pipeline.Number64(math.Inf(1)), Count: 30, Step: 29}}},
		{Name: "tune", Status: pipeline.Running, Queue: "cpu", Parts: &pipeline.Parts{What: "trials", Total: 60, Running: 2, Completed: 12, Reused: 3, Stopped: 3, Best: "tune.7"}},
		{Name: "deploy", Status: pipeline.Completed, Skipped: "good is false"},
	}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"jobs": job.Document()["jobs"], "steps": job.Document()["steps"]}); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "kinds.json")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
	if bytes.Contains(b.Bytes(), []byte("HIDDEN")) {
		t.Error("it shows a secret")
	}
}
