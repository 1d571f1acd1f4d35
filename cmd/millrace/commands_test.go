package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goodFile = `type: pipeline
inputs:
  rounds: 3
jobs:
  train:
    type: command
    command: echo ${{inputs.rounds}}
    environment: {image: python}
    inputs:
      rounds: ${{parent.inputs.rounds}}
`

// saved writes a file into a folder that becomes the current one.
func saved(t *testing.T, name, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// untouched checks that the home was not made.
func (c *console) untouched(t *testing.T) {
	t.Helper()
	dir, _ := c.env.LookupEnv("MILLRACE_HOME")
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the home was made: %v", err)
	}
}

func TestABrokenFileIsRefusedAndLeavesNothing(t *testing.T) {
	saved(t, "p.yml", strings.ReplaceAll(goodFile, "parent.inputs.rounds", "parent.inputs.round"))
	for _, line := range []string{"run p.yml", "job create -f p.yml", "job validate -f p.yml"} {
		c := newConsole(t)
		if code := c.run(strings.Fields(line)...); code != exitUsage {
			t.Errorf("%s: exit code %d", line, code)
		}
		if want := "p.yml:10:15: "; !strings.Contains(c.err.String(), want) || c.out.Len() > 0 {
			t.Errorf("%s: stdout %q, stderr %q, want %q", line, c.out.String(), c.err.String(), want)
		}
		c.untouched(t)
	}
}

func TestMistakesAreCounted(t *testing.T) {
	saved(t, "p.yml", goodFile+"  again: {type: command, command: x, environment: {image: a}, inputs: {a: \"${{parent.inputs.b}}\"}}\n  more: {type: command, command: x, environment: {image: a}, inputs: {a: \"${{parent.inputs.c}}\"}}\n")
	c := newConsole(t)
	if code := c.run("job", "validate", "-f", "p.yml"); code != exitUsage || !strings.HasSuffix(c.err.String(), "\n2 mistakes\n") {
		t.Errorf("code %d: %s", code, c.err.String())
	}
}

func TestValidationGivesItsResultAsData(t *testing.T) {
	saved(t, "p.yml", goodFile)
	c := newConsole(t)
	if code := c.run("job", "validate", "-f", "p.yml"); code != exitDone || c.out.String() != "p.yml is valid: 1 step\n" {
		t.Errorf("code %d: %s%s", code, c.out.String(), c.err.String())
	}
	c = newConsole(t)
	if code := c.run("job", "validate", "-f", "p.yml", "--query", "[result, length(errors)]", "-o", "tsv"); code != exitDone || c.out.String() != "Succeeded\n0\n" {
		t.Errorf("code %d: %s%s", code, c.out.String(), c.err.String())
	}
	c = newConsole(t)
	code := c.run("job", "validate", "-f", "p.yml", "--set", "jobs.train.inputs.rounds=${{parent.inputs.x}}", "-o", "tsv", "--query", "[result, errors[0].path]")
	if code != exitUsage || c.out.String() != "Failed\njobs.train.inputs.rounds\n" {
		t.Errorf("code %d: %s%s", code, c.out.String(), c.err.String())
	}
	c.untouched(t)
}

func TestWithoutAServerJobsAreReadFromTheirRecords(t *testing.T) {
	for _, test := range []struct {
		line     string
		code     int
		out, err string
	}{
		{"job list", exitDone, "[]\n", ""},
		{"job list -o table", exitDone, "Name  Status  Experiment  Compute target  Job type  Created on\n----  ------  ----------  --------------  --------  ----------\n", ""},
		{"job show -n nope", exitUsage, "", "millrace: job nope: no such job\n`millrace job list -o table` shows the jobs there are\n"},
		{"job stream -n nope", exitUsage, "", "no such job"},
		{"job download -n nope", exitUsage, "", "no such job"},
		{"job cancel -n nope", exitUsage, "", "no such job"},
		{"explain nope train", exitUsage, "", "no such job"},
		{"run --resume nope", exitUsage, "", "no such job"},
		{"job show -n ../../etc/passwd", exitUsage, "", "no such job"},
	} {
		c := newConsole(t)
		code := c.run(strings.Fields(test.line)...)
		if code != test.code || c.out.String() != test.out || !strings.Contains(c.err.String(), test.err) {
			t.Errorf("%s: code %d, stdout %q, stderr %q", test.line, code, c.out.String(), c.err.String())
		}
	}
}

func TestSubmittingWithoutAServerSaysHowToStartOne(t *testing.T) {
	saved(t, "p.yml", goodFile)
	c := newConsole(t)
	code := c.run("job", "create", "-f", "p.yml")
	want := "millrace: no server is running for this home\nstart `millrace dev`, or use `millrace run FILE`\n"
	if diff := cmp.Diff(want, c.err.String()); code != exitUnreachable || diff != "" {
		t.Errorf("code %d: %s", code, diff)
	}
}

func TestAHomeThatCannotBeUsedIsUnreachable(t *testing.T) {
	saved(t, "file", "")
	for _, home := range []string{"file", filepath.Join("file", "below")} {
		c := newConsole(t)
		if code := c.run("job", "list", "--home", home); code != exitUnreachable || !strings.Contains(c.err.String(), "--home") {
			t.Errorf("%s: code %d: %s", home, code, c.err.String())
		}
	}
}

func TestAMistakeInTheConfigurationIsAMistakeOfTheUser(t *testing.T) {
	c := newConsole(t)
	c.env.(variables)["MILLRACE_CPU_SLOTS"] = "many"
	if code := c.run("job", "list"); code != exitUsage || !strings.Contains(c.err.String(), "MILLRACE_CPU_SLOTS: ") {
		t.Errorf("code %d: %s", code, c.err.String())
	}
}

func TestThePythonMayBeAFolderAnEnvironmentOrAFile(t *testing.T) {
	root := t.TempDir()
	bin := filepath.Join(root, "venv", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\necho Python 3.99.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{bin, filepath.Dir(bin), filepath.Join(bin, "python3")} {
		if got, err := pythonFolder(given); err != nil || got != bin {
			t.Errorf("%s: %q, %v", given, got, err)
		}
	}
	if got := describePython(t.Context(), bin); got != filepath.Join(bin, "python3")+" (3.99.1)" {
		t.Errorf("described as %q", got)
	}
	for _, given := range []string{root, filepath.Join(root, "nope")} {
		var exit *exitError
		if _, err := pythonFolder(given); !errors.As(err, &exit) || exit.code != exitUsage {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestLinesAreShownOnceAndWhole(t *testing.T) {
	var got []string
	show := func(skip int64, pieces ...string) int64 {
		w := &lines{skip: skip, line: func(s string) { got = append(got, s) }}
		for _, p := range pieces {
			if _, err := w.Write([]byte(p)); err != nil {
				t.Fatal(err)
			}
		}
		return w.shown
	}
	shown := show(0, "one\ntw", "o\nthr")
	w := &lines{skip: shown, line: func(s string) { got = append(got, s) }}
	for _, p := range []string{"one\n", "two\nthree\n\nfo", "ur"} {
		if _, err := w.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	w.end()
	if diff := cmp.Diff([]string{"one", "two", "three", "", "four"}, got); diff != "" {
		t.Error(diff)
	}
}
