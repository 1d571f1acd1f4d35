//go:build cluster && linux

package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// trio is a worker for the jobs themselves and two that run steps.
func trio(slots int) []Worker {
	args := []string{"--slots", fmt.Sprint(slots), "--python", "/usr"}
	return []Worker{
		{Name: "pipelines", Queue: "pipelines"},
		{Name: "cpu1", Queue: "cpu", Args: args},
		{Name: "cpu2", Queue: "cpu", Args: args},
	}
}

// A pipeline comes out the same, to the byte, on three workers of a cluster and
// in one process on one machine.
func TestClusterMakesWhatOneProcessMakes(t *testing.T) {
	const width, depth, slots = 30, 10, 2
	f := newFleet(t, trio(slots)...)
	start(t, f.Workers...)
	file := write(t, f, "wide.yml", grid(width, depth))

	begin := time.Now()
	millrace(t, f, "job", "create", "-f", file, "-n", "wide", "-o", "none")
	there := awaitEnd(t, f, "wide")
	report(t, "three workers", width*depth, time.Since(begin))
	if there.Status != "Completed" {
		t.Fatalf("on the cluster the job is %s", there.Status)
	}

	alone := func(words ...string) []byte {
		cmd := exec.CommandContext(t.Context(), f.program("millrace"), words...)
		cmd.Env = append(f.environment(), "MILLRACE_HOME="+filepath.Join(f.dir, "alone"))
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("millrace %s: %v\n%s", strings.Join(words, " "), err, said.String())
		}
		return out
	}
	begin = time.Now()
	alone("run", file, "-n", "wide", "--cpu-slots", fmt.Sprint(2*slots), "--ui=false", "--python", "/usr", "-o", "none")
	report(t, "one process", width*depth, time.Since(begin))
	var here job
	if err := json.Unmarshal(alone("job", "show", "-n", "wide", "-o", "json"), &here); err != nil {
		t.Fatal(err)
	}

	workers := map[string]int{}
	if len(there.Steps) != width*depth || len(here.Steps) != width*depth {
		t.Fatalf("%d steps on the cluster and %d in one process", len(there.Steps), len(here.Steps))
	}
	for i, step := range there.Steps {
		workers[step.Worker]++
		got, want := step.Outputs["after"].Digest, here.Steps[i].Outputs["after"].Digest
		if got == "" || got != want {
			t.Errorf("%s made %s on the cluster and %s in one process", step.Name, got, want)
		}
	}
	if len(workers) != 2 {
		t.Errorf("steps ran on %v, want two workers", workers)
	}
	compareDownloads(t, f, alone)
}

// compareDownloads compares the files that people get.
func compareDownloads(t *testing.T, f *Fleet, alone func(...string) []byte) {
	t.Helper()
	both := map[string]string{"there": filepath.Join(f.dir, "there"), "here": filepath.Join(f.dir, "here")}
	millrace(t, f, "job", "download", "-n", "wide", "--all", "-p", both["there"])
	alone("job", "download", "-n", "wide", "--all", "-p", both["here"])
	out, err := exec.Command("diff", "-r", filepath.Join(both["there"], "named-outputs"), filepath.Join(both["here"], "named-outputs")).CombinedOutput()
	if err != nil {
		t.Errorf("what is downloaded differs: %v\n%s", err, out)
	}
}

func report(t *testing.T, where string, steps int, took time.Duration) {
	t.Logf("%-14s %d steps in %5.1f s: %5.1f steps a second", where, steps, took.Seconds(), float64(steps)/took.Seconds())
}

// Steps for which there is no worker wait, and say for what; they run once
// there is one.
func TestClusterStepsWaitForTheirWorker(t *testing.T) {
	f := newFleet(t, append(trio(1), Worker{Name: "gpu", Queue: "gpu", Args: []string{"--gpus", "fake:2", "--python", "/usr"}})...)
	gpu := f.Workers[3]
	start(t, f.Workers[:3]...)
	file := write(t, f, "gpus.yml", `type: pipeline
jobs:
  prepare: {type: command, command: "echo 1 > ${{outputs.o}}/n", compute: azureml:cpu-cluster, outputs: {o: {type: uri_folder}}}
  train:
    type: command
    command: echo "on $CUDA_VISIBLE_DEVICES" > ${{outputs.o}}/n
    compute: azureml:gpu-cluster
    inputs: {i: "${{parent.jobs.prepare.outputs.o}}"}
    outputs: {o: {type: uri_folder}}
  both:
    type: command
    command: echo "on $CUDA_VISIBLE_DEVICES" > ${{outputs.o}}/n
    compute: azureml:gpu-cluster
    resources: {instance_count: 1, properties: {gpus: 2}}
    inputs: {i: "${{parent.jobs.prepare.outputs.o}}"}
    outputs: {o: {type: uri_folder}}
`)
	millrace(t, f, "job", "create", "-f", file, "-n", "gpus", "-o", "none")
	until(t, "the job says what it waits for", func() bool {
		shown := millrace(t, f, "job", "show", "-n", "gpus", "-o", "json")
		return strings.Contains(shown, `no worker polls queue \"gpu\"`)
	})
	start(t, gpu)
	if j := awaitEnd(t, f, "gpus"); j.Status != "Completed" {
		t.Fatalf("the job is %s", j.Status)
	}
	for step, want := range map[string][]string{"train": {"on 0\n", "on 1\n"}, "both": {"on 0,1\n"}} {
		dir := filepath.Join(f.dir, step)
		millrace(t, f, "job", "download", "-n", "gpus", "--output-name", step+".o", "-p", dir)
		got, err := os.ReadFile(filepath.Join(dir, "named-outputs", step+".o", "n"))
		if err != nil || !strings.Contains(strings.Join(want, ""), string(got)) {
			t.Errorf("step %s ran %q (%v), want one of %q", step, got, err, want)
		}
	}
}

// A job that is submitted while everything starts anew is there once, and ends.
func TestClusterTakesJobsWhileItRestarts(t *testing.T) {
	f := newFleet(t, trio(2)...)
	start(t, f.Workers...)
	millrace(t, f, "job", "create", "-f", write(t, f, "first.yml", grid(4, 3)), "-n", "first", "-o", "none")
	everything := append([]*Part{f.Postgres, f.S3, f.Temporal}, f.Workers...)
	for _, p := range everything {
		p.Kill()
	}
	var restart sync.WaitGroup
	restart.Go(func() { start(t, everything...) })
	second := write(t, f, "second.yml", grid(5, 3))
	until(t, "the second job is taken", func() bool {
		out, err := try(t, f, "job", "create", "-f", second, "-n", "second", "-o", "none")
		// The answer to an earlier try may have been lost.
		return err == nil || strings.Contains(err.Error()+out, "second is there already")
	})
	restart.Wait()
	for _, name := range []string{"first", "second"} {
		if j := awaitEnd(t, f, name); j.Status != "Completed" {
			t.Errorf("job %s is %s", name, j.Status)
		}
	}
}

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(200 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("after %s: not so that %s", patience, what)
}

// grid is a pipeline of chains of equal length, whose last steps' outputs are
// those of the job.
func grid(width, depth int) string {
	var y strings.Builder
	y.WriteString("type: pipeline\nsettings: {default_compute: azureml:cpu-cluster}\noutputs:\n")
	for chain := range width {
		fmt.Fprintf(&y, "  out%d: {type: uri_folder}\n", chain)
	}
	y.WriteString("jobs:\n")
	for chain := range width {
		for place := range depth {
			fmt.Fprintf(&y, "  s%d_%d:\n    type: command\n    command: |\n", chain, place)
			before := "/dev/null"
			if place > 0 {
				before = "${{inputs.before}}/lines"
			}
			fmt.Fprintf(&y, "      cat %s > ${{outputs.after}}/lines\n      echo chain %d place %d >> ${{outputs.after}}/lines\n", before, chain, place)
			if place > 0 {
				fmt.Fprintf(&y, "    inputs: {before: \"${{parent.jobs.s%d_%d.outputs.after}}\"}\n", chain, place-1)
			}
			after := "{type: uri_folder}"
			if place == depth-1 {
				after = fmt.Sprintf("\"${{parent.outputs.out%d}}\"", chain)
			}
			fmt.Fprintf(&y, "    outputs: {after: %s}\n", after)
		}
	}
	return y.String()
}
