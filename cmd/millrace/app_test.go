package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/term"
)

var update = flag.Bool("update", false, "write the golden files anew")

// variables is an environment.
type variables map[string]string

func (v variables) LookupEnv(name string) (string, bool) {
	s, ok := v[name]
	return s, ok
}

func (v variables) Environ() []string {
	var list []string
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	return list
}

// console is an app whose streams are kept.
type console struct {
	*app
	out, err strings.Builder
}

// newConsole makes an app with a home of its own that does not exist yet.
func newConsole(t *testing.T) *console {
	t.Helper()
	c := &console{}
	streams := term.Streams{
		In: strings.NewReader(""), Out: &term.Stream{Writer: &c.out}, Err: &term.Stream{Writer: &c.err},
	}
	env := variables{"MILLRACE_HOME": filepath.Join(t.TempDir(), "home")}
	c.app = newApp(streams, env, func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) })
	t.Cleanup(c.close)
	return c
}

// run runs a command line and returns the exit code.
func (c *console) run(args ...string) int {
	root := newRootCmd(c.app)
	root.SetArgs(expandMany(args))
	return c.report(root.ExecuteContext(context.Background()))
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
