//go:build docker

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestContainers runs the sessions in testdata/docker, whose steps run in
// containers of a Docker Engine. It has the image that tools/dockerimage makes.
func TestContainers(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "docker"),
		Setup: func(env *testscript.Env) error {
			if err := setUp(env); err != nil {
				return err
			}
			env.Setenv("DOCKER_HOST", os.Getenv("DOCKER_HOST"))
			env.Setenv("MILLRACE_ENVIRONMENTS", "build")
			env.Setenv("MILLRACE_EXECUTOR", "docker")
			env.Setenv("OURS", "label=io.millrace.home="+filepath.Join(env.WorkDir, "home"))
			env.Values[backgroundKey{}] = newBackground(env) // with these, too
			return nil
		},
		Cmds:                commands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
