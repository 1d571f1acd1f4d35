package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInitReadsItsFlags(t *testing.T) {
	for line, want := range map[string]initOptions{
		"init":                      {template: "tabular", dir: "."},
		"init stock --dir a/b":      {template: "stock", dir: "a/b"},
		"init --list":               {template: "tabular", dir: ".", list: true},
		"init minimal --dir x -l=0": {template: "minimal", dir: "x"},
	} {
		var got initOptions
		cmd := newInitCmd(newConsole(t).app, func(o *initOptions) error { got = *o; return nil })
		cmd.SetArgs(strings.Fields(line)[1:])
		if err := cmd.Execute(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", line, got, want)
		}
	}
}

func TestInitSaysWhatIsInTheWay(t *testing.T) {
	saved(t, "pipeline.yml", "mine")
	c := newConsole(t)
	code := c.run("init", "minimal")
	want := "millrace: the current folder has what the template minimal would write:\n  pipeline.yml\n" +
		"nothing was written; choose another folder with --dir\n"
	if diff := cmp.Diff(want, c.err.String()); code != exitUsage || diff != "" || c.out.Len() > 0 {
		t.Errorf("code %d, stdout %q: %s", code, c.out.String(), diff)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("there is %v: %v", entries, err)
	}
	c.untouched(t)
}

func TestInitOffersItsTemplates(t *testing.T) {
	c := newConsole(t)
	if code := c.run("__complete", "init", ""); code != exitDone || !strings.HasPrefix(c.out.String(), "tabular\tPrepare a table") {
		t.Errorf("code %d: %s", code, c.out.String())
	}
	c = newConsole(t)
	if code := c.run("init", "--list", "--query", "[?name=='minimal'].description", "-o", "tsv"); code != exitDone || c.out.String() != "One step in one file\n" {
		t.Errorf("code %d: %s%s", code, c.out.String(), c.err.String())
	}
}

func TestRunTakesTheFileThatIsCalledAsUsual(t *testing.T) {
	for _, test := range []struct {
		files []string
		code  int
		err   string
	}{
		{[]string{"job.yaml"}, exitUsage, "running job.yaml\njob.yaml:1:7: "},
		{[]string{"pipeline.yml", "other.yml"}, exitUsage, "running pipeline.yml\npipeline.yml:1:7: "},
		{
			[]string{"job.yml", "pipeline.yaml"}, exitUsage,
			"millrace: FILE is missing, and the current folder has pipeline.yaml and job.yml\nname one of them, as in `millrace run pipeline.yaml`\n",
		},
		{
			[]string{"other.yml", "job.yml/x"}, exitUsage,
			"millrace: FILE is missing, and the current folder has none of pipeline.yml, pipeline.yaml, job.yml, job.yaml\n" +
				"name it, as in `millrace run train.yml`; `millrace init` writes a project to start from\n",
		},
	} {
		t.Chdir(t.TempDir())
		for _, name := range test.files {
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte("type: none\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := newConsole(t)
		if code := c.run("run"); code != test.code || !strings.HasPrefix(c.err.String(), test.err) {
			t.Errorf("%v: code %d: %s", test.files, code, c.err.String())
		}
		c.untouched(t)
	}
}
