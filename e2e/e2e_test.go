// Package e2e runs the real binary, with the real embedded Temporal server, as
// a user would: sessions in testdata/script, one a file, and tests in Go where
// a session has to count, or needs a server of its own.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// bin is the folder that holds the binary under test.
var bin string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "millrace-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "millrace"), "github.com/millrace-ml/millrace/cmd/millrace")
	// The same settings as make build, so that its compiled packages serve.
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build millrace: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// TestSessions runs every session in testdata/script, each with a home of its
// own. Those whose name begins with "example" find the examples in examples/.
func TestSessions(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 sessions,
		Setup:               setUp,
		Cmds:                commands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// sessions is the folder that they are in.
var sessions = filepath.Join("testdata", "script")

func setUp(env *testscript.Env) error {
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("MILLRACE_HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("MILLRACE_ENVIRONMENTS", "host") // no network is needed
	if strings.HasPrefix(filepath.Base(env.WorkDir), "script-environment") {
		// But for these, which get packages as anything else here would.
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "PIP_CERT",
			"PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"} {
			if value, ok := os.LookupEnv(name); ok {
				env.Setenv(name, value)
			}
		}
	}
	env.Values[backgroundKey{}] = newBackground(env)
	if strings.HasPrefix(filepath.Base(env.WorkDir), "script-example") {
		return os.CopyFS(filepath.Join(env.WorkDir, "examples"), os.DirFS(filepath.Join("..", "examples")))
	}
	return nil
}
