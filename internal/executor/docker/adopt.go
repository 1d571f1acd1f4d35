package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/internal/executor"
)

// Adopt goes on with a container that another worker started; see
// [executor.Executor].
func (e *Executor) Adopt(ctx context.Context, process executor.Process, p executor.Program) (executor.Exit, error) {
	s, err := read(p.State)
	if err != nil {
		return executor.Exit{}, err
	}
	if s.Container == "" {
		s.Container = process.Container
	}
	if s.Container == "" {
		return executor.Exit{}, executor.ErrLost
	}
	if s.Exit != nil {
		return *s.Exit, e.remove(ctx, s.Container)
	}
	brief, cancel := briefly(ctx)
	defer cancel()
	found, err := e.Engine.api.ContainerInspect(brief, s.Container, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return executor.Exit{}, executor.ErrLost
	}
	if err != nil {
		return executor.Exit{}, fmt.Errorf("look for container %.12s: %w", s.Container, err)
	}
	now := found.Container.State
	if now.Status == container.StateCreated || now.StartedAt == "" {
		if err := e.remove(ctx, s.Container); err != nil {
			return executor.Exit{}, err
		}
		return executor.Exit{}, executor.ErrLost
	}
	if p.Started != nil {
		p.Started(executor.Process{Container: s.Container})
	}
	w := watch{e: e, path: p.State, state: s, grace: p.Grace}
	w.exit.Started = moment(now.StartedAt)
	if !now.Running {
		// By itself, whatever has been wanted of it since.
		w.exit.Cause, w.exit.Code, w.exit.Ended = executor.Exited, now.ExitCode, moment(now.FinishedAt)
		return w.over(ctx)
	}
	return w.wait(ctx)
}

// moment reads a time of the engine's; the clock of another machine may have
// told it.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Now()
	}
	return t
}
