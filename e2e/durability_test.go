package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A job survives its process being killed twenty times at random moments: it
// completes, a step whose result was recorded never runs again, and only
// attempts that were running at a kill are repeated.
func TestAJobSurvivesTwentyKills(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	const steps, kills = 60, 20
	ran := filepath.Join(h.dir, "ran")
	whole := filepath.Join(h.dir, "whole")
	for _, dir := range []string{ran, whole} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Twelve chains of five: there is always something running, something
	// waiting and something done. A step notes its start and its end outside.
	// The last of each chain wait for a file, so that no kill comes too late.
	gate := filepath.Join(h.dir, "gate")
	var y strings.Builder
	y.WriteString("type: pipeline\nsettings: {default_compute: azureml:cpu-cluster}\njobs:\n")
	for i := range steps {
		fmt.Fprintf(&y, "  s%d:\n    command: |\n      echo start >> %s/s%d\n", i, ran, i)
		if i >= 12 {
			y.WriteString("      cat ${{inputs.before}}/lines > ${{outputs.after}}/lines\n")
		}
		if i >= steps-12 {
			fmt.Fprintf(&y, "      until [ -e %s ]; do sleep 0.1; done\n", gate)
		}
		fmt.Fprintf(&y, "      sleep 0.5\n      seq %d >> ${{outputs.after}}/lines\n      echo end >> %s/s%d\n", i+1, whole, i)
		y.WriteString("    outputs: {after: {type: uri_folder}}\n")
		if i >= 12 {
			fmt.Fprintf(&y, "    inputs: {before: \"${{parent.jobs.s%d.outputs.after}}\"}\n", i-12)
		}
	}
	file := h.write("pipeline.yml", y.String())

	name := "survivor"
	start := func(args ...string) *exec.Cmd {
		t.Helper()
		cmd := h.command(args...)
		log, err := os.OpenFile(filepath.Join(h.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	cmd := start("run", file, "--name", name, "--cpu-slots", "3")
	waitUntilSubmitted(t, h, name)
	startsWhenRecorded := make(map[string]int)
	for range kills {
		time.Sleep(time.Duration(500+rand.IntN(2000)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for step := range recorded(t, h) {
			if _, known := startsWhenRecorded[step]; !known {
				startsWhenRecorded[step] = lines(t, filepath.Join(ran, step))
			}
		}
		cmd = start("run", "--resume", name, "--cpu-slots", "3")
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		log, _ := os.ReadFile(filepath.Join(h.dir, "log"))
		t.Fatalf("the last process ended with %v\n%s", err, log)
	}

	got, err := h.show(name)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != "Completed" {
		t.Fatalf("the job is %s, want Completed", got.Status)
	}
	repeated := 0
	for i := range steps {
		starts, ends := lines(t, filepath.Join(ran, fmt.Sprintf("s%d", i))), lines(t, filepath.Join(whole, fmt.Sprintf("s%d", i)))
		repeated += starts - 1
		if before, ok := startsWhenRecorded[fmt.Sprintf("s%d", i)]; ok && starts != before {
			t.Errorf("step s%d started %d times after its result was recorded", i, starts-before)
		}
		// A step that was killed between its last command and the record of
		// its result may end twice, but only as often as it was interrupted.
		if starts < 1 || ends < 1 || ends > starts {
			t.Errorf("step s%d started %d times and ended %d times", i, starts, ends)
		}
		if a := got.Steps[i].Attempts; a > starts+kills {
			t.Errorf("step s%d took %d attempts for %d starts", i, a, starts)
		}
	}
	// Three slots: a kill interrupts at most three attempts.
	if repeated > kills*3 {
		t.Errorf("%d attempts were repeated after %d kills with 3 slots", repeated, kills)
	}
	t.Logf("%d steps, %d kills, %d attempts repeated, %d steps recorded before the last kill", steps, kills, repeated, len(startsWhenRecorded))

	// Nothing is torn: the last steps hold everything their chains wrote.
	download := filepath.Join(h.dir, "download")
	for i := steps - 12; i < steps; i++ {
		if out, err := h.command("job", "download", "-n", name, "-p", download, "--output-name", fmt.Sprintf("s%d.after", i)).CombinedOutput(); err != nil {
			t.Fatalf("job download: %v\n%s", err, out)
		}
		want := 0
		for k := i; k >= 0; k -= 12 {
			want += k + 1
		}
		if n := lines(t, filepath.Join(download, "named-outputs", fmt.Sprintf("s%d.after", i), "lines")); n != want {
			t.Errorf("the output of s%d has %d lines, want %d", i, n, want)
		}
	}
}

// recorded are the steps whose results are in the cache.
func recorded(t *testing.T, h *home) map[string]bool {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(h.dir, "home", "store", "cache", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	steps := make(map[string]bool)
	for _, path := range entries {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var entry struct{ Step string }
		if json.Unmarshal(data, &entry) == nil && entry.Step != "" {
			steps[entry.Step] = true
		}
	}
	return steps
}

func lines(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}

func waitUntilSubmitted(t *testing.T, h *home, name string) {
	t.Helper()
	for range 300 {
		if _, err := os.Stat(filepath.Join(h.dir, "home", "store", "jobs", name, "submitted.json")); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the job was not submitted within 15 s")
}

// Two jobs that are started together and share four slow steps run each of the
// shared programs once.
func TestSharedStepsRunOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	ran := filepath.Join(h.dir, "ran")
	if err := os.Mkdir(ran, 0o755); err != nil {
		t.Fatal(err)
	}
	pipeline := func(own string) string {
		var y strings.Builder
		y.WriteString("type: pipeline\njobs:\n")
		for i := range 4 {
			fmt.Fprintf(&y, "  shared%d:\n    command: echo ran >> %s/shared%d; sleep 2; echo %d > ${{outputs.o}}/n\n    outputs: {o: {type: uri_folder}}\n", i, ran, i, i)
		}
		fmt.Fprintf(&y, "  own:\n    command: cat ${{inputs.a}}/n ${{inputs.b}}/n ${{inputs.c}}/n ${{inputs.d}}/n; echo %s\n    inputs:\n", own)
		for i, port := range []string{"a", "b", "c", "d"} {
			fmt.Fprintf(&y, "      %s: ${{parent.jobs.shared%d.outputs.o}}\n", port, i)
		}
		return y.String()
	}
	first := h.command("run", h.write("first.yml", pipeline("first")), "--name", "first", "--cpu-slots", "8")
	second := h.command("run", h.write("second.yml", pipeline("second")), "--name", "second", "--cpu-slots", "8")
	for _, cmd := range []*exec.Cmd{first, second} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range []*exec.Cmd{first, second} {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v: %v", cmd.Args, err)
		}
	}
	for i := range 4 {
		if n := lines(t, filepath.Join(ran, fmt.Sprintf("shared%d", i))); n != 1 {
			t.Errorf("the program of shared%d ran %d times, want once", i, n)
		}
	}
	for _, name := range []string{"first", "second"} {
		got, err := h.show(name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != "Completed" {
			t.Errorf("job %s is %s, want Completed", name, got.Status)
		}
	}
}
