// Package docker runs programs in containers of a Docker Engine.
//
// A container is started from an image with the program's folders mounted
// under the paths that they have here, as the user that the worker is. It runs
// a script (main.sh) that runs the command, so that a program finds the same
// there as it does as a process of this machine: one log in the order written,
// time for what goes on in the background, and an end for everything.
//
// Containers outlive the worker. What they print goes to the log without its
// help, and the engine keeps the exit status until somebody removes the
// container.
package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/internal/executor"
)

// DefaultDrain is how long processes that the command left in the background
// may go on after the shell itself has ended.
const DefaultDrain = time.Second

// Executor runs programs in containers. Each program names its image.
type Executor struct {
	Engine *Engine
	// Network is what containers are connected to: a network of the engine,
	// "none" or "host". "" leaves it to the engine and to docker_args.
	Network string
	// Labels are put on every container, beside the program's own.
	Labels map[string]string
	// Drain is how long background processes may outlive the shell before
	// they are ended; 0 means DefaultDrain.
	Drain time.Duration
}

var _ executor.Executor = (*Executor)(nil)

// Protection is by mounts, always.
func (e *Executor) Protection() executor.Protection { return executor.Mount }

// brief bounds requests that the engine answers at once. They are not given up
// when a step is cancelled: a container that was asked for must be known.
const brief = 2 * time.Minute

func briefly(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), brief)
}

// Run runs the program in a container of its own; see [executor.Executor].
func (e *Executor) Run(ctx context.Context, p executor.Program) (executor.Exit, error) {
	select {
	case <-ctx.Done():
		return executor.Exit{Code: 128 + int(syscall.SIGTERM), Cause: executor.Cancelled}, nil
	default:
	}
	if err := check(p); err != nil {
		return executor.Exit{}, err
	}
	s, err := e.start(ctx, p)
	if err != nil {
		return executor.Exit{}, err
	}
	w := watch{e: e, path: p.State, state: s, grace: p.Grace}
	w.exit.Started = time.Now()
	if p.Started != nil {
		p.Started(executor.Process{Container: s.Container})
	}
	return w.wait(ctx)
}

// check finds what a container would not say clearly, or would say too late.
func check(p executor.Program) error {
	if p.Container == nil {
		return &executor.StartError{Reason: executor.Other, Err: errors.New("a program in a container needs an image")}
	}
	// Linux passes on no single text that is longer.
	const longest = 128<<10 - 1
	for _, text := range append([]string{p.Command}, p.Env...) {
		switch {
		case strings.ContainsRune(text, 0):
			return &executor.StartError{Reason: executor.Malformed, Err: errors.New("a NUL byte in the command or the environment")}
		case len(text) > longest:
			return &executor.StartError{Reason: executor.TooLarge, Err: syscall.E2BIG}
		}
	}
	if info, err := os.Stat(p.Dir); err != nil {
		return &executor.StartError{Reason: executor.NoFolder, Err: err}
	} else if !info.IsDir() {
		return &executor.StartError{Reason: executor.NoFolder, Err: &os.PathError{Op: "chdir", Path: p.Dir, Err: syscall.ENOTDIR}}
	}
	log, err := os.OpenFile(p.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return &executor.StartError{Reason: executor.NoLog, Err: err}
	}
	return log.Close()
}

// start makes the container and starts it. What is noted of it is noted before.
func (e *Executor) start(ctx context.Context, p executor.Program) (state, error) {
	ctx, cancel := briefly(ctx)
	defer cancel()
	options, err := e.options(ctx, p)
	if err != nil {
		return state{}, err
	}
	made, err := e.Engine.api.ContainerCreate(ctx, options)
	if err != nil {
		return state{}, startError(fmt.Errorf("make a container of %s: %w", p.Container.Image, err))
	}
	s := state{Container: made.ID, Limited: options.HostConfig.Memory > 0}
	_, err = e.Engine.api.CopyToContainer(ctx, made.ID, client.CopyToContainerOptions{DestinationPath: "/", Content: script()})
	if p.Timeout > 0 {
		s.Deadline = time.Now().Add(p.Timeout)
	}
	if err == nil {
		err = s.write(p.State)
	}
	if err == nil {
		_, err = e.Engine.api.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	}
	if err != nil {
		return state{}, errors.Join(startError(fmt.Errorf("start a container of %s: %w", p.Container.Image, err)), e.remove(ctx, made.ID))
	}
	return s, nil
}

// startError sorts out what the engine said.
func startError(err error) error {
	reason := executor.Other
	for _, known := range []struct {
		says   string
		reason executor.StartReason
	}{
		{"argument list too long", executor.TooLarge},
		{`exec: "` + shell, executor.NoShell},
		{"stat " + shell, executor.NoShell},
	} {
		if strings.Contains(err.Error(), known.says) {
			reason = known.reason
		}
	}
	return &executor.StartError{Reason: reason, Err: err}
}

// remove removes a container, whether or not it runs.
func (e *Executor) remove(ctx context.Context, id string) error {
	ctx, cancel := briefly(ctx)
	defer cancel()
	_, err := e.Engine.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	if errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress") {
		return nil // somebody else does it
	}
	return fmt.Errorf("remove container %.12s: %w", id, err)
}
