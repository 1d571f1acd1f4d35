package docker

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/internal/executor"
)

// Label is what every container of Millrace's carries.
const Label = "io.millrace"

// What a container runs: every image that can run a command has a shell.
const (
	shell      = "/bin/sh"
	scriptPath = ".millrace"
)

//go:embed main.sh
var main string

// script is main.sh as an archive to put into a container.
func script() io.Reader {
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	// Writing to memory does not fail.
	_ = out.WriteHeader(&tar.Header{Name: scriptPath, Mode: 0o555, Size: int64(len(main)), ModTime: time.Unix(0, 0)})
	_, _ = io.WriteString(out, main)
	_ = out.Close()
	return &archive
}

// options describes the container of a program.
func (e *Executor) options(ctx context.Context, p executor.Program) (client.ContainerCreateOptions, error) {
	worker, err := e.Engine.worker(ctx)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	config := &container.Config{
		Image:      p.Container.Image,
		User:       worker.user,
		Entrypoint: []string{shell, "/" + scriptPath, p.Command, p.Log, ticks(orElse(e.Drain, DefaultDrain)), ticks(orElse(p.Grace, executor.DefaultGrace))},
		Cmd:        []string{},
		WorkingDir: p.Dir,
		Env:        p.Env,
		Labels:     map[string]string{Label: "step"},
		// An image's own would run beside the program.
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	maps.Copy(config.Labels, e.Labels)
	maps.Copy(config.Labels, p.Container.Labels)
	reaps := true
	host := &container.HostConfig{
		Init:       &reaps,
		UsernsMode: container.UsernsMode(worker.namespace),
		ShmSize:    p.Container.SharedMemory,
		Mounts:     mounts(p),
		// What programs print goes to the step's log; there is next to nothing here.
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}},
	}
	if p.Memory > 0 {
		host.Memory, host.MemorySwap = p.Memory, p.Memory
	}
	if len(p.Container.GPUs) > 0 {
		host.DeviceRequests = []container.DeviceRequest{{DeviceIDs: p.Container.GPUs, Capabilities: [][]string{{"gpu"}}}}
	}
	if err := e.arguments(p.Container.Args, config, host); err != nil {
		return client.ContainerCreateOptions{}, &executor.StartError{Reason: executor.Refused, Err: err}
	}
	return client.ContainerCreateOptions{Config: config, HostConfig: host}, nil
}

// ticks counts a time in the steps of the script.
func ticks(d time.Duration) string {
	const tick = time.Second / 20
	return strconv.FormatInt(int64((d+tick-1)/tick), 10)
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// mounts are the program's folders, under the paths that they have here. A
// folder comes after the one that it is in.
func mounts(p executor.Program) []mount.Mount {
	readOnly := make(map[string]bool)
	for _, folder := range p.Container.Mounts {
		readOnly[filepath.Clean(folder)] = false
	}
	for _, folder := range p.ReadOnly {
		readOnly[filepath.Clean(folder)] = true
	}
	all := make([]mount.Mount, 0, len(readOnly))
	for _, folder := range slices.Sorted(maps.Keys(readOnly)) {
		all = append(all, mount.Mount{Type: mount.TypeBind, Source: folder, Target: folder, ReadOnly: readOnly[folder]})
	}
	return all
}

// network connects a container as the worker says or else, where it does not,
// as the file does.
func (e *Executor) network(asked string, host *container.HostConfig) error {
	network := e.Network
	if network == "" {
		network = asked
	}
	if asked != "" && asked != network {
		return fmt.Errorf("--network %s: this worker connects containers to %q only", asked, network)
	}
	host.NetworkMode = container.NetworkMode(network)
	if host.NetworkMode.IsContainer() {
		return fmt.Errorf("--network %s: a step joins no other container", asked)
	}
	return nil
}
