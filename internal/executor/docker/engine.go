package docker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

// Engine is a Docker Engine.
type Engine struct {
	api *client.Client

	mu     sync.Mutex
	making map[string]chan struct{} // images that are being pulled or built
	users  *users
}

// Open names the engine that DOCKER_HOST does, or that of this machine. It does
// not ask yet whether it is there.
func Open() (*Engine, error) {
	api, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("docker engine: %w", err)
	}
	return &Engine{api: api, making: map[string]chan struct{}{}}, nil
}

// Close lets go of the engine; containers go on.
func (e *Engine) Close() error { return e.api.Close() }

// Ping returns an error unless the engine answers.
func (e *Engine) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := e.api.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("no Docker Engine answers at %s: %w", e.api.DaemonHost(), err)
	}
	return nil
}

// users is how an engine is told to run programs as the worker's user.
type users struct {
	user, namespace string
}

// worker asks, once, how the engine numbers users.
func (e *Engine) worker(ctx context.Context) (users, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users != nil {
		return *e.users, nil
	}
	found, err := e.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return users{}, fmt.Errorf("ask the Docker Engine about itself: %w", err)
	}
	e.users = &users{user: fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())}
	for _, option := range found.Info.SecurityOptions {
		switch words := strings.Split(option, ","); {
		case slices.Contains(words, "name=rootless"):
			e.users.user = "0:0" // the engine is the worker's user itself, who is root inside
		case slices.Contains(words, "name=userns"):
			e.users.namespace = "host" // else files would belong to nobody here
		}
	}
	return *e.users, nil
}
