package environment_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/environment"
)

// With a real interpreter, as any machine has that runs steps.
func TestWhatAStepInstallsStaysItsOwn(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "shared")
	if out, err := exec.CommandContext(t.Context(), "python3", "-m", "venv", "--without-pip", shared).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	site, err := filepath.Glob(filepath.Join(shared, "lib", "python3.*", "site-packages"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(site[0], "tool.py"), []byte("where = 'shared'\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(site[0], "more.pth"), []byte(t.TempDir()+"\n"), 0o644))

	own := filepath.Join(t.TempDir(), "it's its own")
	bin, err := environment.Layer(shared, own)
	must(t, err)
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
		cmd.Env = []string{"PATH=" + bin}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	const script = "import sys, tool; print(tool.where, sys.prefix)"
	for _, name := range []string{"python", "python3"} {
		if got := run(name, "-c", script); got != "shared "+own {
			t.Errorf("%s: %s", name, got)
		}
	}
	// What is installed goes to the step's own, and comes first there.
	purelib := run("python", "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])")
	if !strings.HasPrefix(purelib, own) {
		t.Fatalf("packages are installed to %s", purelib)
	}
	must(t, os.WriteFile(filepath.Join(purelib, "tool.py"), []byte("where = 'own'\n"), 0o644))
	if got := run("python", "-c", script); got != "own "+own {
		t.Errorf("got %s", got)
	}
	must(t, os.WriteFile(filepath.Join(site[0], "pip.py"), []byte("import sys; print('pip of', sys.prefix, *sys.argv[1:])\n"), 0o644))
	if got := run("pip", "install", "a b"); got != "pip of "+own+" install a b" {
		t.Errorf("got %s", got)
	}
}
