package step_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/pipeline"
)

// uv stands in for the real one: it makes environments with the machine's own
// Python, with one package in them, and resolves everything to that.
const uv = `#!/bin/sh
echo "$1 $2" >> "$NOTES"
case "$1 $2" in
"--version "*) echo uv 0.13.9 ;;
"pip compile") cat > /dev/null; echo 'tool==1.0 \'; echo '    --hash=sha256:00' ;;
"pip sync")
	echo 'installing tool' >&2
	if [ -n "$BROKEN" ]; then echo 'error: Failed to build tool' >&2; exit 1; fi
	echo "where = 'the environment'" > "$(echo "$(dirname "$(dirname "$4")")"/lib/python3.*/site-packages)/tool.py" ;;
venv*) for last; do :; done; exec python3 -m venv --without-pip "$last" ;;
esac
`

// furnished is a world whose steps get their own software.
func furnished(t *testing.T, environ ...string) (w *world, notes string) {
	t.Helper()
	w = newWorld(t)
	home := t.TempDir()
	must(t, os.Mkdir(filepath.Join(home, "bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(home, "bin", "uv"), []byte(uv), 0o755))
	notes = filepath.Join(home, "notes")
	folder, tools := environment.Places(home)
	path := "PATH=" + filepath.Join(home, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH")
	w.Environments = &environment.Manager{
		Folder: folder, Tools: tools, Locks: &environment.Locks{Store: w.store},
		Environ: append([]string{path, "HOME=" + os.Getenv("HOME"), "NOTES=" + notes}, environ...),
	}
	return w, notes
}

// wanting is an attempt whose step asks for a tool.
func wanting(command string) step.Attempt {
	a := attempt(command)
	a.Step.Queue = "cpu"
	a.Step.Environment = pipeline.Environment{Image: "ubuntu", Conda: "name: tools\ndependencies:\n  - tool\n"}
	return a
}

func TestAStepHasTheSoftwareItAsksFor(t *testing.T) {
	w, notes := furnished(t)
	// What the worker was started in must not show through.
	w.Environ = append(w.Environ, "PYTHONPATH=/nowhere", "PYTHONHOME=/nowhere", "CONDA_PREFIX=/nowhere", "PIP_TARGET=/nowhere")
	a := wanting(`python -c "import tool; print(tool.where)"; python3 -c "import sys; print(sys.prefix == '$VIRTUAL_ENV', sys.prefix != sys.base_prefix)"
echo "[$PYTHONPATH$PYTHONHOME$CONDA_PREFIX$PIP_TARGET]"; command -v pip`)
	result, log := w.run(t, a)
	mustContain(t, "the log", log, "millrace: making environment tools: Python 3.", "1 package", "is ready, in", "the environment\nTrue True\n[]\n", "/env/bin/pip")
	mustContain(t, "what uv said", w.contents(t, result.Outputs[pipeline.Artifacts])["user_logs/environment.txt"], "+ uv pip sync", "installing tool")

	// The second step finds it there, says nothing, and undoes nothing that the
	// first one did.
	b := wanting(`python -c "import tool; print(tool.where)"`)
	b.Number = 2
	result, log = w.run(t, b)
	if log != "the environment\n" {
		t.Errorf("the second log:\n%s", log)
	}
	if _, there := w.contents(t, result.Outputs[pipeline.Artifacts])["user_logs/environment.txt"]; there {
		t.Error("there is a log of making nothing")
	}
	text, err := os.ReadFile(notes)
	must(t, err)
	if n := strings.Count(string(text), "venv"); n != 1 {
		t.Errorf("made %d times:\n%s", n, text)
	}
	w.isGone(t)
	if built, err := w.Environments.Built(); err != nil || len(built) != 1 || len(built[0].Users) != 0 {
		t.Errorf("built: %+v, %v", built, err)
	}
}

func TestAModuleThatIsMissingBelongsIntoTheEnvironment(t *testing.T) {
	w, _ := furnished(t)
	failure, _ := w.fail(t, wanting(`python -c "import nosuch.part"`), pipeline.UserFailure)
	mustContain(t, "the hint", failure.Hint, "the step's environment has no module nosuch: name what provides it")
}

func TestWhatOneStepInstallsAnotherDoesNotSee(t *testing.T) {
	w, _ := furnished(t)
	_, log := w.run(t, wanting(`site=$(python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
echo "where = 'my own'" > "$site/tool.py"; python -c "import tool; print(tool.where)"`))
	mustContain(t, "the log", log, "my own\n")
	b := wanting(`python -c "import tool; print(tool.where)"`)
	b.Number = 2
	_, log = w.run(t, b)
	mustContain(t, "the second log", log, "the environment\n")
}

func TestAnEnvironmentInUseStays(t *testing.T) {
	w, _ := furnished(t)
	a := wanting(`python -c "import tool"`)
	seen := 0
	a.Started = func() {
		removed, _, err := w.Environments.Prune(t.Context(), environment.Pruning{All: true})
		if err != nil || len(removed) != 0 {
			t.Errorf("removed %+v, %v", removed, err)
		}
		if built, _ := w.Environments.Built(); len(built) == 1 {
			seen = len(built[0].Users)
		}
	}
	w.run(t, a)
	if seen != 1 {
		t.Errorf("%d steps were seen to use it", seen)
	}
	if removed, _, err := w.Environments.Prune(t.Context(), environment.Pruning{All: true}); err != nil || len(removed) != 1 {
		t.Errorf("afterwards: removed %+v, %v", removed, err)
	}
}

func TestAnEnvironmentThatCannotBeMadeSaysWhy(t *testing.T) {
	w, _ := furnished(t, "BROKEN=1")
	failure, result := w.fail(t, wanting("true"), pipeline.UserFailure)
	mustContain(t, "the failure", failure.Message, "make environment tools", "Failed to build tool")
	kept := w.contents(t, result.Outputs[pipeline.Artifacts])
	mustContain(t, "the log", kept[step.Log], "millrace: making environment tools", "Failed to build tool")
	mustContain(t, "what uv said", kept["user_logs/environment.txt"], "error: Failed to build tool")
	w.isGone(t)
}
