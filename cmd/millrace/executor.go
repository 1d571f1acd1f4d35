package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/config"
	software "github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/executor/docker"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workers"
	"github.com/millrace-ml/millrace/workflows"
)

// executorFlags are the flags that say how the programs of steps run.
type executorFlags struct {
	mode, network string
}

func (e *executorFlags) add(f *pflag.FlagSet) {
	f.StringVar(&e.mode, "executor", "", "`how` steps run: process, docker in the images that they name, auto in those where a Docker Engine answers (default: process)")
	f.StringVar(&e.network, "docker-network", "", "`network` that containers are connected to: none, host, or a network of the engine (default: the engine's bridge)")
}

func (e *executorFlags) fill(f *config.Flags, given func(flag string) bool) {
	if given("executor") {
		f.Executor.Mode = &e.mode
	}
	if given("docker-network") {
		f.Executor.Network = &e.network
	}
}

// containers has the environments be images, where steps run in containers, and
// gives the workers what runs them. Where they run as processes it does nothing.
func (a *app) containers(ctx context.Context, c config.Config, o *workers.Options) error {
	images, err := a.images(ctx, c, runsSteps(o.Serve))
	if images == nil || err != nil {
		return err
	}
	if o.Environments == nil {
		return wrongUsage("leave out --environments host and --python, or --executor "+c.Executor.Mode,
			"--executor %s has steps run with the software that they ask for, and --environments host with that of the machine", c.Executor.Mode)
	}
	o.Environments.Images = images
	o.ContainerNetwork = c.Executor.Network
	o.Containers = &docker.Executor{Engine: images.Engine, Network: c.Executor.Network, Labels: map[string]string{"io.millrace.home": c.Home}}
	return nil
}

// images makes images ready for steps; nil where these run as processes. A
// process that does not run any needs no engine.
func (a *app) images(ctx context.Context, c config.Config, runs bool) (*docker.Images, error) {
	if c.Executor.Mode == "" || c.Executor.Mode == config.ProcessExecutor {
		return nil, nil
	}
	engine, err := docker.Open()
	if err != nil {
		return nil, wrongUsage("", "DOCKER_HOST: %w", err)
	}
	if err := engine.Ping(ctx); err != nil {
		if c.Executor.Mode == config.AutoExecutor {
			a.log().Info("steps run as processes", "because", err)
			return nil, nil
		}
		if runs {
			return nil, wrongUsage("start the engine, name another one with DOCKER_HOST, or give --executor process", "--executor docker: %w", err)
		}
	}
	return &docker.Images{
		Engine: engine, Requirements: condaRequirements, Always: c.Executor.Mode == config.DockerExecutor,
		Stage: func(ctx context.Context, files *pipeline.Code, folder string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			return store.Stage(ctx, *files.Artifact, folder, artifact.Writable)
		},
	}, nil
}

// condaRequirements are what a conda file asks of pip.
func condaRequirements(conda string) ([]string, error) {
	spec, err := software.Wanted(pipeline.Environment{Conda: conda})
	if err != nil {
		return nil, err
	}
	return append(spec.Options, spec.Requirements...), nil
}

// runsSteps reports whether any queue has steps, rather than jobs.
func runsSteps(serve []workers.Serving) bool {
	for _, s := range serve {
		for _, queue := range s.Queues {
			if queue != workflows.PipelinesQueue {
				return true
			}
		}
	}
	return false
}
