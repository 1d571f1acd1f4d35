// Millrace runs machine-learning pipelines: the files that people have, on the
// machines that they have.
package main

import (
	"context"
	"os"
	"time"
	_ "time/tzdata" // the time zones of schedules, where the machine has none

	"github.com/millrace-ml/millrace/internal/term"
)

func main() {
	os.Exit(Main(os.Args, term.System(os.Getenv), processEnvironment{}))
}

// Main runs the program and returns its exit code.
func Main(args []string, streams term.Streams, env environment) int {
	a := newApp(streams, env, time.Now)
	a.az = calledAz(args)
	a.program = programName(args)
	root := newRootCmd(a)
	if a.az {
		root = newAzCmd(a, root)
	}
	root.SetArgs(expandMany(args[min(1, len(args)):]))
	err := root.ExecuteContext(context.Background())
	a.close()
	return a.report(err)
}

// processEnvironment is the environment of this process.
type processEnvironment struct{}

func (processEnvironment) LookupEnv(name string) (string, bool) { return os.LookupEnv(name) }
func (processEnvironment) Environ() []string                    { return os.Environ() }
