package step_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// variables runs `env -0` as a step and reads what it printed.
func variables(t *testing.T, w *world, change func(*step.Attempt)) map[string]string {
	t.Helper()
	a := attempt("env -0 > ${{outputs.o}}")
	a.Step.Outputs = []pipeline.Output{{Name: "o", Type: pipeline.URIFile}}
	if change != nil {
		change(&a)
	}
	result, _ := w.run(t, a)
	env := map[string]string{}
	for text := range strings.SplitSeq(w.contents(t, result.Outputs["o"])[""], "\x00") {
		if name, value, ok := strings.Cut(text, "="); ok {
			env[name] = value
		}
	}
	return env
}

func TestProgramsLearnWhichJobTheyBelongTo(t *testing.T) {
	env := variables(t, newWorld(t), func(a *step.Attempt) { a.Plan.Experiment = "penguins" })
	for name, want := range map[string]string{
		"AZUREML_RUN_ID":             "job-main-work",
		"AZUREML_ROOT_RUN_ID":        "job",
		"AZUREML_EXPERIMENT_NAME":    "penguins",
		"AZUREML_ARM_PROJECT_NAME":   "penguins",
		"AZUREML_WORKSPACE_NAME":     "millrace",
		"AZUREML_ARM_WORKSPACE_NAME": "millrace",
		"AZUREML_ARM_RESOURCEGROUP":  "millrace",
		"AZUREML_ARM_SUBSCRIPTION":   "00000000-0000-0000-0000-000000000000",
		"AZUREML_CR_NODE_RANK":       "0",
		"AZUREML_NODE_COUNT":         "1",
		"AZUREML_PROCESS_NAME":       "main",
		"PYTHONUNBUFFERED":           "1",
		"LANG":                       "C.UTF-8",
	} {
		if env[name] != want {
			t.Errorf("%s = %q, want %q", name, env[name], want)
		}
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	for _, name := range []string{"AZUREML_EXPERIMENT_ID", "AZUREML_WORKSPACE_ID"} {
		if !uuid.MatchString(env[name]) {
			t.Errorf("%s = %q is no UUID", name, env[name])
		}
	}
	for _, name := range []string{"AZUREML_SERVICE_ENDPOINT", "AZUREML_DISCOVERY_SERVICE_ENDPOINT", "AZUREML_SCRIPT_DIRECTORY_NAME"} {
		if env[name] == "" {
			t.Errorf("%s is not set", name)
		}
	}
	for name := range env {
		if strings.Contains(name, "TOKEN") {
			t.Errorf("%s is set", name)
		}
	}
}

func TestTheOneStepOfACommandJobIsTheJob(t *testing.T) {
	env := variables(t, newWorld(t), func(a *step.Attempt) { a.Plan.Type, a.Step.Name = pipeline.CommandJob, pipeline.MainStep })
	if env["AZUREML_RUN_ID"] != "job" || env["AZUREML_ROOT_RUN_ID"] != "job" || env["AZUREML_EXPERIMENT_NAME"] != "Default" {
		t.Errorf("run %q of %q in %q", env["AZUREML_RUN_ID"], env["AZUREML_ROOT_RUN_ID"], env["AZUREML_EXPERIMENT_NAME"])
	}
}

func TestPortsAreVariablesToo(t *testing.T) {
	w := newWorld(t)
	w.Keep = true
	data := w.file(t, "f.csv", "1\n")
	env := variables(t, w, func(a *step.Attempt) {
		a.Step.Inputs = []pipeline.Input{
			{Name: "trainData", Type: pipeline.URIFile}, {Name: "rate", Type: pipeline.Number},
			{Name: "absent", Type: pipeline.URIFile, Optional: true},
			{Name: "x", Type: pipeline.String}, {Name: "X", Type: pipeline.String},
		}
		a.Step.Outputs = append(a.Step.Outputs, pipeline.Output{Name: "model", Type: pipeline.URIFolder})
		a.Inputs["trainData"], a.Inputs["rate"] = pipeline.Content(data), pipeline.Text("1e-3")
		a.Inputs["x"], a.Inputs["X"] = pipeline.Text("small"), pipeline.Text("large")
	})
	for _, test := range []struct{ name, want string }{
		{"AZURE_ML_INPUT_trainData", "/in/INPUT_trainData/f.csv"},
		{"AZURE_ML_INPUT_TRAINDATA", "/in/INPUT_trainData/f.csv"},
		{"AZUREML_DATAREFERENCE_trainData", "/in/INPUT_trainData/f.csv"},
		{"AZURE_ML_INPUT_rate", "1e-3"},
		{"AZURE_ML_INPUT_RATE", "1e-3"},
		{"AZURE_ML_INPUT_x", "small"},
		{"AZURE_ML_INPUT_X", "large"},
		{"AZURE_ML_OUTPUT_model", "/out/model"},
		{"AZURE_ML_OUTPUT_MODEL", "/out/model"},
		{"AZUREML_DATAREFERENCE_model", "/out/model"},
		{"AZURE_ML_OUTPUT_o", "/out/o/o"},
	} {
		if got := env[test.name]; got == "" || !strings.HasSuffix(got, test.want) || filepath.IsAbs(got) != filepath.IsAbs(test.want) {
			t.Errorf("%s = %q, want ...%q", test.name, got, test.want)
		}
	}
	for _, name := range []string{"AZURE_ML_INPUT_absent", "AZURE_ML_INPUT_ABSENT", "AZUREML_DATAREFERENCE_rate", "AZUREML_DATAREFERENCE_absent"} {
		if value, ok := env[name]; ok {
			t.Errorf("%s = %q is set", name, value)
		}
	}
}

func TestWhatTheWorkerPassesOn(t *testing.T) {
	w := newWorld(t)
	w.Environ = append(w.Environ,
		"AWS_PROFILE=mine", "HTTPS_PROXY=http://proxy", "EMPTY=", "MULTI=a\nb", "LC_ALL=C", "MLFLOW_TRACKING_URI=http://tracker",
		"MILLRACE_HOME=/secret", "TEMPORAL_API_KEY=secret", "AZUREML_RUN_TOKEN=secret", "AZUREML_RUN_ID=outer",
		"AZURE_ML_INPUT_x=outer", "MLFLOW_RUN_ID=outer", "OLDPWD=/", "TMPDIR=/nowhere", "notavariable",
	)
	env := variables(t, w, nil)
	for name, want := range map[string]string{
		"AWS_PROFILE": "mine", "HTTPS_PROXY": "http://proxy", "EMPTY": "", "MULTI": "a\nb", "LC_ALL": "C",
		"MLFLOW_TRACKING_URI": "http://tracker", "AZUREML_RUN_ID": "job-main-work", "HOME": os.Getenv("HOME"),
	} {
		if got, ok := env[name]; !ok || got != want {
			t.Errorf("%s = %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"MILLRACE_HOME", "TEMPORAL_API_KEY", "AZUREML_RUN_TOKEN", "AZURE_ML_INPUT_x", "MLFLOW_RUN_ID", "OLDPWD", "LANG", "notavariable",
	} {
		if value, ok := env[name]; ok {
			t.Errorf("%s = %q is set", name, value)
		}
	}
}

func TestTheFileHasTheLastWordOnVariables(t *testing.T) {
	w := newWorld(t)
	w.Environ = append(w.Environ, "A=worker", "B=worker", "C=worker")
	env := variables(t, w, func(a *step.Attempt) {
		a.Env = []string{"B=slot", "C=slot", "CUDA_VISIBLE_DEVICES=1"}
		a.Step.Variables = map[string]string{"C": "file", "AZUREML_RUN_ID": "file", "SPACES": "  a  $HOME 'b' "}
	})
	want := map[string]string{
		"A": "worker", "B": "slot", "C": "file", "CUDA_VISIBLE_DEVICES": "1", "AZUREML_RUN_ID": "file", "SPACES": "  a  $HOME 'b' ",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = env[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTemporaryFilesArePrivateAndGo(t *testing.T) {
	w := newWorld(t)
	for number := range 2 {
		a := attempt("ls -A $TMPDIR; echo x > $TMPDIR/x; mktemp > /dev/null && python3 -c 'import tempfile, os; assert tempfile.gettempdir() == os.environ[\"TMPDIR\"]'")
		a.Number = number + 1
		if _, log := w.run(t, a); log != "" {
			t.Errorf("found %q", log)
		}
	}
	entries, err := os.ReadDir(filepath.Join(w.Work, ".tmp"))
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Python puts sockets into its temporary folder, and systems limit the length
// of their paths.
func TestTheTemporaryFolderHasAShortPath(t *testing.T) {
	w := newWorld(t)
	env := variables(t, w, func(a *step.Attempt) { a.Plan.Name = strings.Repeat("job", 30) })
	if extra := len(env["TMPDIR"]) - len(w.Work); extra > 20 {
		t.Errorf("TMPDIR = %q is %d bytes longer than the work folder", env["TMPDIR"], extra)
	}
}

func TestAWorkerWithoutEnvironment(t *testing.T) {
	w := newWorld(t)
	w.Environ = nil
	env := variables(t, w, nil)
	if env["PATH"] == "" || env["HOME"] == "" || env["LANG"] != "C.UTF-8" {
		t.Errorf("PATH = %q, HOME = %q, LANG = %q", env["PATH"], env["HOME"], env["LANG"])
	}
}

// program writes a script to a folder.
func program(t *testing.T, folder, name, script string) string {
	t.Helper()
	must(t, os.MkdirAll(folder, 0o755))
	must(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return folder
}

func TestPython(t *testing.T) {
	root := t.TempDir()
	only3 := program(t, filepath.Join(root, "only3"), "python3", `echo only3 "$@"`)
	both := program(t, filepath.Join(root, "both"), "python3", `echo both3 "$@"`)
	program(t, both, "python", `echo both "$@"`)
	program(t, both, "pip", `echo both pip "$@"`)
	venv := filepath.Join(root, "venv")
	program(t, filepath.Join(venv, "bin"), "python3", `echo venv3 "$@"`)
	none := program(t, filepath.Join(root, "none"), "other", "true")
	for _, test := range []struct{ name, path, python, want string }{
		{"python and python3", both, "", "both -V\nboth3 -V\nboth pip list\n"},
		{"only python3", only3, "", "only3 -V\nonly3 -V\nonly3 -m pip list\n"},
		{"the first one has only python3", only3 + ":" + both, "", "both -V\nonly3 -V\nboth pip list\n"},
		{"chosen, with only python3", both, only3, "only3 -V\nonly3 -V\nonly3 -m pip list\n"},
		{"chosen, complete", only3, both, "both -V\nboth3 -V\nboth pip list\n"},
		{"chosen, an environment", both, venv, "venv3 -V\nvenv3 -V\nvenv3 -m pip list\n"},
		{"chosen, without Python", both, none, "both -V\nboth3 -V\nboth pip list\n"},
	} {
		w := newWorld(t)
		w.Environ = []string{"PATH=" + test.path + ":/nowhere"}
		w.Python = test.python
		if _, log := w.run(t, attempt("python -V; python3 -V; pip list")); log != test.want {
			t.Errorf("%s: %q, want %q", test.name, log, test.want)
		}
	}
}
