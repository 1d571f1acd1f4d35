package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/devserver"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/workers"
	"github.com/millrace-ml/millrace/workflows"
)

// The ports that are tried first; they are Temporal's usual ones.
const (
	usualPort   = 7233
	usualUIPort = 8233
)

// servingFlags are the flags of the commands that can serve a home.
type servingFlags struct {
	cpuSlots, gpuSlots int
	gpus, memory       string
	trackingURI        string
	python             string
	environments       environmentFlags
	executor           executorFlags
	telemetry          telemetryFlags
	given              func(flag string) bool
	// serves is set for the commands that run steps, logs for those that have
	// a log even where nobody asks for one.
	serves, logs bool
	// set by worker start only
	worker workerFlags
}

func (s *servingFlags) add(f *pflag.FlagSet) {
	f.IntVar(&s.cpuSlots, "cpu-slots", 0, "`number` of steps that run at once on queue cpu (default: one for each core)")
	f.IntVar(&s.gpuSlots, "gpu-slots", 0, "`number` of steps that run at once on queue gpu (default: one for each GPU)")
	s.addShared(f)
}

// addShared adds the flags of everything that runs steps.
func (s *servingFlags) addShared(f *pflag.FlagSet) {
	f.StringVar(&s.gpus, "gpus", "", "`which` GPUs are lent to steps: auto, all, none, or a list such as 0,1 (default: auto)")
	f.StringVar(&s.memory, "memory", "", "`size` of the memory that is lent to steps that declare what they need, such as 16g; none does not count (default: auto)")
	f.StringVar(&s.python, "python", "", "`folder` of the interpreter that steps run with (default: the python3 on PATH)")
	f.StringVar(&s.trackingURI, "tracking-uri", "", "`URL` of an MLflow server that steps report to (default: Millrace takes what they report)")
	s.environments.add(f)
	s.executor.add(f)
	s.telemetry.add(f)
}

func (s *servingFlags) fill(f *config.Flags) {
	if s.given == nil {
		return
	}
	s.environments.fill(f, s.given)
	s.executor.fill(f, s.given)
	s.telemetry.fill(f, s.given)
	if s.given("cpu-slots") {
		f.CPUSlots = &s.cpuSlots
	}
	if s.given("gpu-slots") {
		f.GPUSlots = &s.gpuSlots
	}
	for flag, of := range map[string]struct {
		from *string
		into **string
	}{
		"tracking-uri": {&s.trackingURI, &f.TrackingURI}, "python": {&s.python, &f.Python}, "gpus": {&s.gpus, &f.GPUs}, "memory": {&s.memory, &f.Memory},
	} {
		if s.given(flag) {
			*of.into = of.from
		}
	}
	s.worker.fill(f, s.given)
}

// serveOptions say how this process serves a home.
type serveOptions struct {
	ui           bool
	port, uiPort int
	listen       string // an IP address; "" is the loopback
}

// server is this process as the one that serves a home: the Temporal server
// where it is embedded, a connection to it, and the workers.
type server struct {
	lock    *home.Lock
	embed   *devserver.Server // nil where Temporal is elsewhere
	client  client.Client
	workers *workers.Workers
	gpus    []string
	at      home.Server
}

// serve starts everything that a home needs. It owns the lock from here on: also
// where it fails it keeps it until the process ends, for parts of the server may
// have been started.
func (a *app) serve(ctx context.Context, lock *home.Lock, o serveOptions) (_ *server, err error) {
	s := &server{lock: lock}
	a.flags.serving.serves = true
	defer func() {
		if err != nil {
			s.rest()
		}
	}()
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	python, err := pythonFolder(c.Python)
	if err != nil {
		return nil, err
	}
	environments, err := a.environments(c)
	if err != nil {
		return nil, err
	}
	// Opening the store and asking for GPUs take their time; so does the server.
	var all errgroup.Group
	all.Go(func() error {
		_, err := a.store()
		return err
	})
	all.Go(func() error {
		found, err := a.gpus(ctx, c.GPUs, true)
		s.gpus = found
		return err
	})
	all.Go(func() error { return a.startTemporal(ctx, s, h, o) })
	if err := all.Wait(); err != nil {
		return nil, err
	}
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	memory, err := workers.ReadMemory(c.Memory)
	if err != nil {
		return nil, err
	}
	queues, err := a.homeQueues(ctx, c)
	if err != nil {
		return nil, err
	}
	options := workers.Options{
		Temporal: s.client, Namespace: s.at.Namespace, Store: store, Work: h.Work(),
		Serve: queues, GPUs: s.gpus, Memory: memory, Python: python, Environments: environments, Log: a.log(),
		Drain: c.Worker.DrainTimeout, TrackingURI: c.TrackingURI,
		Version: buildVersion(), Register: s.embed == nil,
		Notifications: c.Notifications, UI: s.at.UI,
	}
	if err := a.containers(ctx, c, &options); err != nil {
		return nil, err
	}
	if err := a.equip(c, &options); err != nil {
		return nil, err
	}
	if s.workers, err = workers.Start(ctx, options); err != nil {
		return nil, err
	}
	a.watch(s.workers)
	if s.embed != nil {
		// Before others can reach the server: nobody deletes a schedule meanwhile.
		if err := a.restoreSchedules(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := lock.Announce(s.at); err != nil {
		return nil, unreachable(err, "")
	}
	return s, nil
}

// homeQueues are the queues that a process serves which serves a home: the ones
// that exist from the start, and those that computes name, so that on one
// machine no step waits for a worker that nobody has started.
func (a *app) homeQueues(ctx context.Context, c config.Config) ([]workers.Serving, error) {
	wanted := func(string) bool { return true }
	if a.flags.serving.given("queue") {
		wanted = func(queue string) bool { return slices.Contains(c.Worker.Queues, queue) }
	}
	records, err := a.records()
	if err != nil {
		return nil, err
	}
	plain, lending, err := records.jobs.StepQueues(ctx)
	if err != nil {
		return nil, err
	}
	var serve []workers.Serving
	for _, s := range []workers.Serving{
		{Queues: []string{workflows.PipelinesQueue}},
		{Queues: plain, Slots: c.CPUSlots},
		{Queues: lending, Slots: c.GPUSlots, GPUs: true},
	} {
		s.Queues = slices.DeleteFunc(s.Queues, func(queue string) bool { return !wanted(queue) })
		if len(s.Queues) > 0 {
			serve = append(serve, s)
		}
	}
	return serve, nil
}

// gpus are the GPUs that this process lends; wanted says whether it serves a
// queue whose steps get any.
func (a *app) gpus(ctx context.Context, which string, wanted bool) ([]string, error) {
	found, err := workers.ChooseGPUs(ctx, which, wanted)
	if err != nil {
		return nil, wrongUsage("", "--gpus: %w", err)
	}
	return found, nil
}

// restoreSchedules hands the schedules to the server that its database has lost.
// One that cannot be handed over keeps no job from running. A server elsewhere is
// left alone: what it does not know somebody may have deleted there.
func (a *app) restoreSchedules(ctx context.Context, s *server) error {
	site, err := a.visit(s.at, s.client)
	if err != nil {
		return err
	}
	restored, err := site.jobs.RestoreSchedules(ctx)
	if len(restored) > 0 {
		a.say("the server did not know %s; handed over again: %s", term.Count(len(restored), "schedule"), strings.Join(restored, ", "))
	}
	if err != nil {
		a.say("%v", err)
	}
	return ctx.Err()
}

// startTemporal starts the embedded server, or connects to the configured one.
func (a *app) startTemporal(ctx context.Context, s *server, h *home.Home, o serveOptions) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	s.at = home.Server{PID: pid(), Started: a.now()}
	if c.Temporal != nil {
		s.at.Address, s.at.Namespace = c.Temporal.Address, c.Temporal.Namespace
	} else {
		s.embed, err = devserver.Start(ctx, devserver.Options{
			Database: h.Database(), Namespace: client.DefaultNamespace,
			Port: o.port, UIPort: o.uiPort, Listen: o.listen, UI: o.ui,
			SearchAttributes: workflows.SearchAttributes(), Logger: a.log(),
		})
		if err != nil {
			return unreachable(err, "the server's log may say more: "+h.ServerLog())
		}
		s.at.Address, s.at.Namespace, s.at.UI = s.embed.Address(), client.DefaultNamespace, s.embed.UI()
	}
	s.client, err = a.dial(ctx, s.at)
	return err
}

// stop ends the workers, giving running steps back unless that is done, then
// everything else.
func (s *server) stop() {
	s.rest()
	if s.client != nil {
		s.client.Close()
	}
	if s.embed != nil {
		_ = s.embed.Stop()
	}
	_ = s.lock.Unlock()
}

// rest ends the workers only. The Temporal server takes a second to stop and
// loses nothing when it is just ended, so a process that is about to end leaves
// it running; it must keep the lock until then.
func (s *server) rest() {
	if s.workers != nil {
		s.workers.Stop()
		s.workers = nil
	}
}

// dialPatience is how long a server on this machine has to answer.
const dialPatience = 5 * time.Second

// dial connects to a server: the announced one, or with everything that the
// environment says where it names a server itself.
func (a *app) dial(ctx context.Context, at home.Server) (client.Client, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	options := client.Options{HostPort: at.Address, Namespace: at.Namespace}
	// Compression costs more than it saves on one machine.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, config.Insist())
	if c.Temporal != nil {
		if options, err = config.ClientOptions(a.env); err != nil {
			return nil, err
		}
	}
	if err := a.instrument(&options); err != nil {
		return nil, err
	}
	options.Logger = sdkLogger(a.log())
	options.Identity = fmt.Sprintf("millrace#%d", pid())
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	t, err := client.DialContext(ctx, options)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer")
	}
	if err != nil {
		return nil, unreachable(fmt.Errorf("connect to the Temporal server at %s: %w", options.HostPort, err), "")
	}
	return t, nil
}
