package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/millrace-ml/millrace/internal/executor"
)

// watch is a worker's watch over a container that was started.
type watch struct {
	e     *Executor
	path  string // of state
	state state
	grace time.Duration
	exit  executor.Exit
}

// wait waits for the end of the container, and brings it about if need be.
func (w *watch) wait(ctx context.Context) (executor.Exit, error) {
	detached := context.WithoutCancel(ctx)
	waiting, giveUp := context.WithCancel(detached)
	defer giveUp()
	ended := w.e.waiting(waiting, w.state.Container)
	var late <-chan time.Time
	if !w.state.Deadline.IsZero() {
		timer := time.NewTimer(time.Until(w.state.Deadline))
		defer timer.Stop()
		late = timer.C
	}
	var end ending
	w.exit.Cause = executor.Exited
	select {
	case end = <-ended:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), executor.ErrLeft) {
			return w.exit, executor.ErrLeft
		}
		w.exit.Cause = executor.Cancelled
		end = w.e.end(detached, w.state.Container, w.grace, ended)
	case <-w.e.outOfMemory(waiting, w.state):
		w.exit.Cause = executor.OutOfMemory
		end = w.e.end(detached, w.state.Container, w.grace, ended)
	case <-late:
		w.exit.Cause = executor.TimedOut
		end = w.e.end(detached, w.state.Container, w.grace, ended)
	}
	w.exit.Ended = time.Now()
	if end.err != nil {
		return w.exit, errors.Join(end.err, w.e.remove(detached, w.state.Container))
	}
	w.exit.Code = end.code
	return w.over(detached)
}

// over finds out how the container has ended, notes it for whoever asks again,
// and removes the container.
func (w *watch) over(ctx context.Context) (executor.Exit, error) {
	ctx = context.WithoutCancel(ctx)
	if w.exit.Cause == executor.OutOfMemory && w.exit.Code == 0 {
		w.exit.Cause = executor.Exited // it has coped with that
	}
	err := w.e.result(ctx, w.state.Container, &w.exit)
	if err == nil {
		w.state.Exit = &w.exit
		err = w.state.write(w.path)
	}
	return w.exit, errors.Join(err, w.e.remove(ctx, w.state.Container))
}

// ending is how a container ended.
type ending struct {
	code int
	err  error
}

// waiting tells of the end of a container, once.
func (e *Executor) waiting(ctx context.Context, id string) <-chan ending {
	ended := make(chan ending, 1)
	go func() {
		code, err := e.wait(ctx, id)
		ended <- ending{code, err}
	}()
	return ended
}

// wait waits until a container has ended, through restarts of the engine.
func (e *Executor) wait(ctx context.Context, id string) (int, error) {
	const patience = 2 * time.Minute
	lost := time.Time{}
	for {
		waiting := e.Engine.api.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		var err error
		select {
		case r := <-waiting.Result:
			return int(r.StatusCode), nil
		case err = <-waiting.Error:
		}
		switch {
		case ctx.Err() != nil, errdefs.IsNotFound(err):
			return 0, fmt.Errorf("wait for container %.12s: %w", id, err)
		case lost.IsZero():
			lost = time.Now()
		case time.Since(lost) > patience:
			return 0, fmt.Errorf("the Docker Engine has not answered for %s: %w", patience, err)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second):
		}
		if e.Engine.Ping(ctx) == nil {
			lost = time.Time{}
		}
	}
}

// settle is how long a killed container may take to be gone.
const settle = time.Minute

// outOfMemory tells when the processes of a container have reached its limit.
// The kernel kills one of them then, for which the others may wait for ever.
func (e *Executor) outOfMemory(ctx context.Context, s state) <-chan events.Message {
	if !s.Limited {
		return nil
	}
	return e.Engine.api.Events(ctx, client.EventsListOptions{
		Since:   "1", // it may have happened already
		Filters: make(client.Filters).Add("type", "container").Add("event", "oom").Add("container", s.Container),
	}).Messages
}

// end asks every process of a container to end and, after the grace, makes
// them. It waits for the end that ended tells of.
func (e *Executor) end(ctx context.Context, id string, grace time.Duration, ended <-chan ending) ending {
	asked := time.Now()
	asking, cancel := context.WithTimeout(ctx, orElse(grace, executor.DefaultGrace))
	defer cancel()
	// Where they cannot be asked, they are still made to.
	_ = e.ask(asking, id)
	select {
	case end := <-ended:
		return end
	case <-time.After(time.Until(asked.Add(orElse(grace, executor.DefaultGrace)))):
	}
	killing, cancel := briefly(ctx)
	defer cancel()
	_, err := e.Engine.api.ContainerKill(killing, id, client.ContainerKillOptions{Signal: "KILL"})
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		err = nil // it does not run any more
	}
	select {
	case end := <-ended:
		return end
	case <-time.After(settle):
		return ending{err: errors.Join(fmt.Errorf("container %.12s does not end", id), err)}
	}
}

// ask sends TERM to all processes of a container but its first. A signal from
// the engine would reach that one only.
func (e *Executor) ask(ctx context.Context, id string) error {
	made, err := e.Engine.api.ExecCreate(ctx, id, client.ExecCreateOptions{
		Cmd: []string{shell, "-c", "kill -TERM -1; kill -CONT -1"}, // a stopped process takes no TERM
	})
	if err != nil {
		return err
	}
	_, err = e.Engine.api.ExecStart(ctx, made.ID, client.ExecStartOptions{Detach: true})
	return err
}

// result adds what else there is to know of how a container has ended.
func (e *Executor) result(ctx context.Context, id string, exit *executor.Exit) error {
	ctx, cancel := briefly(ctx)
	defer cancel()
	defer func() {
		// The engine does not tell a signal from an exit code, as shells do not.
		if n := exit.Code - 128; n > 0 && n < 32 {
			exit.Signal = syscall.Signal(n)
		}
	}()
	found, err := e.Engine.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return nil // another worker has ended and removed it
	}
	if err != nil {
		return fmt.Errorf("ask how container %.12s ended: %w", id, err)
	}
	said, err := e.said(ctx, id)
	if err != nil {
		return err
	}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if n, ok := strings.CutPrefix(line, "exit "); ok {
			if code, err := strconv.Atoi(n); err == nil {
				exit.Code = code
			}
		}
		if strings.HasPrefix(line, "tee:") {
			err = fmt.Errorf("keep log of program: %w", logError(line))
		}
	}
	if found.Container.State.OOMKilled && exit.Code != 0 && exit.Cause == executor.Exited {
		exit.Cause = executor.OutOfMemory
	}
	return err
}

// logError is what tee says.
func logError(line string) error {
	if strings.Contains(line, "No space left on device") {
		return fmt.Errorf("%s: %w", line, syscall.ENOSPC)
	}
	return errors.New(line)
}

// said is what the script has said to the worker.
func (e *Executor) said(ctx context.Context, id string) (string, error) {
	logs, err := e.Engine.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStderr: true, Tail: "20"})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return "", nil // it is being removed
	}
	if err == nil {
		defer logs.Close()
		var said bytes.Buffer
		if _, err = stdcopy.StdCopy(&said, &said, logs); err == nil {
			return said.String(), nil
		}
	}
	return "", fmt.Errorf("read what container %.12s said: %w", id, err)
}
