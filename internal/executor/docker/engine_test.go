//go:build docker

package docker_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/docker"
	"github.com/millrace-ml/millrace/internal/executor/executortest"
)

// programs is the image that tools/dockerimage makes.
const programs = "millrace-test:programs"

func open(t *testing.T) *docker.Engine {
	t.Helper()
	engine, err := docker.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

// inImage runs the programs of the suite, which know nothing of containers, in
// one.
type inImage struct{ *docker.Executor }

func (e inImage) Run(ctx context.Context, p executor.Program) (executor.Exit, error) {
	p.Container = &executor.Container{Image: programs}
	for _, folder := range []string{filepath.Dir(p.Dir), filepath.Dir(p.Log)} {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			p.Container.Mounts = append(p.Container.Mounts, folder)
		}
	}
	return e.Executor.Run(ctx, p)
}

func TestConformance(t *testing.T) {
	engine := open(t)
	executortest.Run(t, func(*testing.T) executor.Executor {
		return inImage{&docker.Executor{Engine: engine}}
	})
}
