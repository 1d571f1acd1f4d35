package e2e

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
)

// s3Environment starts an S3 server, which the caller closes, and says which
// variables let Millrace use it; that of the name given is the URL of a store.
func s3Environment(name string) (server *s3test.Server, environment map[string]string, err error) {
	server, err = s3test.New()
	if err != nil {
		return nil, nil, err
	}
	environment = s3test.Environment()
	environment[name] = server.URL()
	return server, environment, nil
}

// startS3 starts an S3 server for the rest of a session, and sets a variable to
// the URL of the empty store in it.
func startS3(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: s3 VARIABLE")
	}
	server, environment, err := s3Environment(args[0])
	ts.Check(err)
	ts.Defer(server.Close)
	for name, value := range environment {
		ts.Setenv(name, value)
	}
	b := background(ts)
	b.names = append(b.names, slices.Sorted(maps.Keys(environment))...)
}

// TestSessionsOnS3 runs the sessions about what is kept in the store again, as
// they are, on a store that is an S3 server: all but those that look into the
// folder of a local one.
func TestSessionsOnS3(t *testing.T) {
	var files []string
	for _, about := range []string{"reuse", "asset", "component", "data", "environment", "model", "regist", "lineage"} {
		found, err := filepath.Glob(filepath.Join(sessions, about+"*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	files = slices.DeleteFunc(files, func(path string) bool {
		text, err := os.ReadFile(path)
		return err != nil || bytes.Contains(text, []byte("home/store"))
	})
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			server, environment, err := s3Environment("MILLRACE_STORE")
			if err != nil {
				return err
			}
			env.Defer(server.Close) // after the programs of the session have ended
			for name, value := range environment {
				env.Setenv(name, value)
			}
			return setUp(env)
		},
		Cmds:                commands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
