package e2e

import (
	"maps"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/millrace-ml/millrace/internal/artifact/s3test"
)

// startS3 starts an S3 server for the rest of the session, and sets a variable
// to the URL of the empty store in it.
func startS3(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: s3 VARIABLE")
	}
	server, err := s3test.New()
	ts.Check(err)
	ts.Defer(server.Close)
	environment := s3test.Environment()
	environment[args[0]] = server.URL()
	for name, value := range environment {
		ts.Setenv(name, value)
	}
	b := background(ts)
	b.names = append(b.names, slices.Sorted(maps.Keys(environment))...)
}
