package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/workers"
)

type workerStartOptions struct{}

func newWorkerStartCmd(a *app, runF func(context.Context, *workerStartOptions) error) *cobra.Command {
	o := &workerStartOptions{}
	cmd := &cobra.Command{
		Use:   "start --queue NAME[,NAME...]",
		Short: "Run the steps of some queues until stopped",
		Long: `Take the steps of some queues and run them here, until Ctrl-C. The queue pipelines
carries the jobs on; where "millrace dev" or "millrace run" serves them, it has
one already.

TEMPORAL_ADDRESS or TEMPORAL_PROFILE names the Temporal server, and --store the
store; both have to be those of the jobs. Without TEMPORAL_*, the worker serves
the home's own server, beside the process that runs it, and follows when another
one takes its place. Where the server or the store is not up yet, the worker
waits for it, for ten minutes.

The first Ctrl-C or TERM takes no further steps and does with the running ones
what --on-stop says. A second one gives them back at once.

Each flag but --gpu-slots and --cpu-slots can stand in the environment as
MILLRACE_QUEUE, MILLRACE_SLOTS, MILLRACE_GPUS and so on.

` + exitCodesHelp,
		Example: `  millrace worker start --queue cpu
  millrace worker start --queue gpu --gpus 0,1 --labels rack=7
  TEMPORAL_ADDRESS=temporal:7233 millrace worker start --queue pipelines,cpu --store s3://bucket/millrace`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runWorkerStart(cmd.Context(), a)
		},
	}
	a.flags.serving.addShared(cmd.Flags())
	a.flags.serving.worker.add(cmd.Flags())
	a.flags.serving.telemetry.addLog(cmd.Flags())
	return cmd
}

// workerPatience is how long a worker waits for what it needs; workerPause is
// the time between two tries.
const (
	workerPatience = 10 * time.Minute
	workerPause    = time.Second
)

// runWorkerStart is `millrace worker start`.
func runWorkerStart(ctx context.Context, a *app) error {
	a.flags.serving.serves, a.flags.serving.logs = true, true
	c, err := a.config()
	if err != nil {
		return err
	}
	a.speak(c)
	if len(c.Worker.Queues) == 0 {
		return wrongUsage("for example: "+a.command("worker", "start", "--queue", "cpu"), "--queue is missing")
	}
	// First, for what comes next opens the store.
	if err := mounted(c); err != nil {
		return err
	}
	options, err := a.workerOptions(ctx, c)
	if err != nil {
		return err
	}
	if _, err := a.store(); err != nil {
		return err // before it waits for anything
	}
	if c.Temporal != nil && c.Store == "" {
		a.say("warning: no store is named, so this worker has the one in its home; jobs whose store is another one fail here (MILLRACE_STORE)")
	}
	// A store whose URL makes no sense need not be waited for.
	if _, err := a.store(); err != nil {
		return err
	}
	// The first signal ends ctx, the second one hurry.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	hurry, hurryUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hurryUp()
	go func() {
		for _, then := range []func(){stop, hurryUp, func() { os.Exit(exitInterrupted) }} {
			<-signals
			then()
		}
	}()
	for {
		again, err := a.work(ctx, hurry, c, options)
		if ctx.Err() != nil {
			return nil // somebody wanted its end
		}
		if err != nil || !again {
			return err
		}
	}
}

// mounted refuses a store in a folder that is not there, where the server is
// elsewhere: it is a mount that is missing, and opening it would make an empty
// store on this machine's own disk, which has nothing that the jobs need.
func mounted(c config.Config) error {
	if c.Temporal == nil || !strings.HasPrefix(c.Store, "file:") {
		return nil
	}
	u, err := url.Parse(c.Store)
	if err != nil {
		return unreachable(fmt.Errorf("store: %w", err), "")
	}
	folder := filepath.FromSlash(u.Path)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return unreachable(fmt.Errorf("store: there is no folder %s: is it mounted?", folder), "make it if the store is new")
	}
	return nil
}

// workerOptions are those that hold for as long as the process lives.
func (a *app) workerOptions(ctx context.Context, c config.Config) (workers.Options, error) {
	var o workers.Options
	h, err := a.home()
	if err != nil {
		return o, err
	}
	lends := false
	for _, q := range c.Worker.Queues {
		lends = lends || workers.LendsGPUs(q)
	}
	o = workers.Options{
		Work: h.Work(), Log: a.log(), Drain: c.Worker.DrainTimeout, TrackingURI: c.TrackingURI,
		Labels: c.Worker.Labels, Advertise: c.Worker.Advertise, Version: buildVersion(), Register: c.Temporal != nil,
		Notifications: c.Notifications,
	}
	if o.GPUs, err = a.gpus(ctx, c.GPUs, lends); err != nil {
		return o, err
	}
	if o.Memory, err = workers.ReadMemory(c.Memory); err != nil {
		return o, err
	}
	if o.Python, err = pythonFolder(c.Python); err != nil {
		return o, err
	}
	if o.Environments, err = a.environments(c); err != nil {
		return o, err
	}
	o.Serve = workers.Serve(c.Worker.Queues, c.Worker.Slots, c.GPUs != "none", len(o.GPUs))
	return o, a.containers(ctx, c, &o)
}

// work connects and serves, until ctx ends or, where it serves a home's own
// server, until another server has taken its place: then it has to be called
// again.
func (a *app) work(ctx, hurry context.Context, c config.Config, o workers.Options) (again bool, err error) {
	at, t, err := a.awaitTemporal(ctx, c)
	if err != nil {
		return false, err
	}
	defer t.Close()
	if o.Store, err = a.awaitStore(ctx); err != nil {
		return false, err
	}
	if err := a.equip(c, &o); err != nil {
		return false, err
	}
	o.Temporal, o.Namespace = t, at.Namespace
	w, err := await(ctx, a, "a namespace "+at.Namespace+" at "+at.Address, func() (*workers.Workers, error) {
		return workers.Start(ctx, o)
	})
	if err != nil {
		return false, err
	}
	a.watch(w)
	a.say("%s", serving(w, o, at))
	moved := a.whenMoved(ctx, at)
	select {
	case err := <-w.Failed():
		w.Stop()
		return false, unreachable(err, "")
	case <-moved:
		a.say("the process that served %s has ended; waiting for the next", at.Address)
		w.Stop()
		return true, nil
	case <-ctx.Done():
	}
	switch c.Worker.OnStop {
	case config.Leave:
		w.Leave()
		return false, nil
	case config.GiveBack:
		w.Stop()
		return false, nil
	}
	if n := w.Busy(); n > 0 {
		a.say("stopping; waiting up to %s for %s to end; Ctrl-C again gives them back at once", o.Drain, term.Count(n, "running step"))
	}
	w.Drain(hurry)
	return false, nil
}

// serving says in one line what is served.
func serving(w *workers.Workers, o workers.Options, at home.Server) string {
	var parts []string
	for _, q := range w.Served() {
		part := q.Queue + " with " + term.Count(q.Slots, "slot")
		if q.GPUs {
			part += " and " + term.Count(len(o.GPUs), "GPU")
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("worker %s serves %s, for the Temporal server at %s, namespace %s",
		w.Name(), strings.Join(parts, ", "), at.Address, at.Namespace)
}

// awaitTemporal connects to the configured server, or to the one of the home.
func (a *app) awaitTemporal(ctx context.Context, c config.Config) (home.Server, client.Client, error) {
	h, err := a.home()
	if err != nil {
		return home.Server{}, nil, err
	}
	var at home.Server
	what := "a server in " + h.Dir() + "; `" + a.command("dev") + "` starts one"
	if c.Temporal != nil {
		at = home.Server{Address: c.Temporal.Address, Namespace: c.Temporal.Namespace}
		what = "the Temporal server at " + at.Address
	}
	t, err := await(ctx, a, what, func() (client.Client, error) {
		if c.Temporal == nil {
			var ok bool
			if at, ok = h.Server(); !ok || !h.Served() {
				return nil, errors.New("no process serves this home")
			}
		}
		return a.dial(ctx, at)
	})
	return at, t, err
}

// awaitStore opens the store, and waits until it answers.
func (a *app) awaitStore(ctx context.Context) (*artifact.Store, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	return await(ctx, a, "the store", func() (*artifact.Store, error) {
		return store, workers.Ping(ctx, store)
	})
}

// await tries until it succeeds, or patience ends, or it is of no use. It says
// once what it waits for.
func await[T any](ctx context.Context, a *app, what string, try func() (T, error)) (T, error) {
	for start, said := a.now(), false; ; {
		got, err := try()
		if err == nil || ctx.Err() != nil {
			return got, err
		}
		if hopeless(err) || a.now().Sub(start) > workerPatience {
			if _, ok := errors.AsType[*exitError](err); !ok {
				err = unreachable(err, "")
			}
			return got, err
		}
		if !said {
			said = true
			a.say("waiting for %s (%v)", what, err)
		}
		if err := sleep(ctx, workerPause); err != nil {
			return got, err
		}
	}
}

// hopeless reports whether a server has answered, and will answer the same
// however often it is asked: the settings are wrong.
func hopeless(err error) bool {
	if _, ok := errors.AsType[*serviceerror.PermissionDenied](err); ok {
		return true
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*serviceerror.InvalidArgument](err); ok {
		return true
	}
	text := err.Error()
	for _, sign := range []string{"Unauthenticated", "x509:", "tls: ", "Request unauthorized"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// whenMoved tells when the home's server is another one than it was. A
// configured server stays the same.
func (a *app) whenMoved(ctx context.Context, at home.Server) <-chan struct{} {
	moved := make(chan struct{})
	h, err := a.home()
	if err != nil || at.PID == 0 {
		return moved
	}
	go func() {
		for sleep(ctx, workerPause) == nil {
			if now, ok := h.Server(); ok && (now.PID != at.PID || now.Address != at.Address) && h.Served() {
				close(moved)
				return
			}
		}
	}()
	return moved
}
