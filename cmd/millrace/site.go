package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/runs"
)

func pid() int { return os.Getpid() }

// site is where jobs are: in the hands of this process, of another one that
// serves the home, or, where nobody does, in their records only.
type site struct {
	jobs *runs.Service
	at   home.Server
	// server is set where this process serves the home.
	server *server
	// client is set where a Temporal server was reached.
	client client.Client
}

// leave closes the connection to another process's server.
func (s *site) leave() {
	if s.server == nil && s.client != nil {
		s.client.Close()
	}
}

// patience is how long a process that holds a home's lock has to get ready.
const patience = 30 * time.Second

// pause is the time between two looks at a home.
const pause = 100 * time.Millisecond

// join finds the server of the home: this process becomes it, or, where another
// one is, connects to that.
func (a *app) join(ctx context.Context, o serveOptions) (*site, error) {
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	var last error
	for start := a.now(); ; {
		lock, err := h.Lock()
		if err == nil {
			return a.settle(ctx, lock, o)
		}
		if !errors.Is(err, home.ErrServed) {
			return nil, unreachable(err, "")
		}
		if at, ok := h.Server(); ok {
			var c client.Client
			if c, last = a.dial(ctx, at); last == nil {
				return a.visit(at, c)
			}
		}
		if a.now().Sub(start) > patience {
			return nil, unreachable(errors.Join(fmt.Errorf("another process serves %s but does not answer", h.Dir()), last), "")
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// settle makes this process the one that serves the home.
func (a *app) settle(ctx context.Context, lock *home.Lock, o serveOptions) (*site, error) {
	s, err := a.serve(ctx, lock, o)
	if err != nil {
		return nil, err
	}
	site, err := a.visit(s.at, s.client)
	if err != nil {
		s.rest()
		return nil, err
	}
	site.server = s
	return site, nil
}

// visit makes a site of a connection; c is nil for records only.
func (a *app) visit(at home.Server, c client.Client) (*site, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	return &site{at: at, client: c, jobs: runs.New(runs.Options{
		Store: store, Temporal: c, Work: h.Work(), UI: at.UI, Namespace: at.Namespace, Queues: cfg.Computes,
		Registries: h.Registries(), Keeper: keeper(cfg, h), Open: &a.registries,
	})}, nil
}

// keeper names the server that the schedules of a home are handed to; "" is its
// own, where the store is its own too. A store elsewhere may serve several homes.
func keeper(c config.Config, h *home.Home) string {
	switch {
	case c.Temporal != nil:
		return c.Temporal.Address + "/" + c.Temporal.Namespace
	case c.Store != "":
		host, _ := os.Hostname()
		return host + ":" + h.Dir()
	}
	return ""
}

// look finds the jobs: through the server of the home where one runs, in their
// records otherwise.
func (a *app) look(ctx context.Context) (*site, error) {
	s, err := a.reach(ctx)
	if errors.Is(err, runs.ErrNoServer) {
		return a.records()
	}
	return s, err
}

// records finds the jobs in their records only, whoever serves them.
func (a *app) records() (*site, error) { return a.visit(home.Server{}, nil) }

// reach connects to the server of the home, or returns ErrNoServer.
func (a *app) reach(ctx context.Context) (*site, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	if t := cfg.Temporal; t != nil {
		at := home.Server{Address: t.Address, Namespace: t.Namespace}
		c, err := a.dial(ctx, at)
		if err != nil {
			return nil, err
		}
		return a.visit(at, c)
	}
	var last error
	for start := a.now(); h.Served() && a.now().Sub(start) < patience; {
		if at, ok := h.Server(); ok {
			var c client.Client
			if c, last = a.dial(ctx, at); last == nil {
				return a.visit(at, c)
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
	if last != nil && h.Served() {
		return nil, last
	}
	return nil, fmt.Errorf("%w for this home", runs.ErrNoServer)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
