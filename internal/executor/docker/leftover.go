package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/internal/executor"
)

// End ends and removes a container that another worker started; see
// [executor.Executor].
func (e *Executor) End(ctx context.Context, p executor.Process, grace time.Duration) (bool, error) {
	if p.Container == "" {
		return false, errors.New("end leftover program: it has no container")
	}
	found, err := e.Engine.api.ContainerInspect(ctx, p.Container, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("end leftover program: %w", err)
	}
	if found.Container.Config.Labels[Label] == "" {
		return false, nil // not one of ours
	}
	if !found.Container.State.Running {
		return false, e.remove(ctx, p.Container)
	}
	waiting, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	end := e.end(ctx, p.Container, grace, e.waiting(waiting, p.Container))
	if end.err != nil && !errdefs.IsNotFound(end.err) {
		return true, fmt.Errorf("end leftover program: %w", end.err)
	}
	return true, e.remove(ctx, p.Container)
}

// Find looks through the containers of Millrace's that there are, running or
// not; see [executor.Executor].
func (e *Executor) Find(variable string) []executor.Process {
	ctx, cancel := briefly(context.Background())
	defer cancel()
	all, err := e.Engine.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", Label)})
	if err != nil {
		return nil
	}
	var processes []executor.Process
	for _, one := range all.Items {
		found, err := e.Engine.api.ContainerInspect(ctx, one.ID, client.ContainerInspectOptions{})
		if err == nil && slices.Contains(found.Container.Config.Env, variable) {
			processes = append(processes, executor.Process{Container: one.ID})
		}
	}
	return processes
}
