package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/millrace-ml/millrace/internal/config"
	"github.com/millrace-ml/millrace/internal/home"
	"github.com/millrace-ml/millrace/internal/term"
	"github.com/millrace-ml/millrace/workers"
	"github.com/millrace-ml/millrace/workflows"
)

type devOptions struct {
	port, uiPort int
	listen       string
	ui           bool
}

func newDevCmd(a *app, runF func(context.Context, *devOptions) error) *cobra.Command {
	o := &devOptions{}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Serve jobs and the Temporal UI until stopped",
		Long: `Start the server, the workers and the Temporal UI, carry on the jobs that have not
ended, and take new ones from ` + "`millrace job create`" + ` and ` + "`millrace run`" + ` until Ctrl-C.
Programs of steps that run at that moment go on, and the next ` + "`millrace dev`" + ` goes on
with them; --on-stop says what else is to become of them.

Where TEMPORAL_ADDRESS or TEMPORAL_PROFILE names a Temporal server, workers serve
that one, and none is started here.

` + exitCodesHelp,
		Example: `  millrace dev
  millrace dev --cpu-slots 4 --port 7300 --ui-port 8300
  millrace dev --ui=false
  MILLRACE_STORE=s3://bucket/millrace millrace dev --listen 0.0.0.0`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return runDev(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.port, "port", usualPort, "`port` of the Temporal server; another one is taken where it is not free")
	f.IntVar(&o.uiPort, "ui-port", usualUIPort, "`port` of the Temporal UI; another one is taken where it is not free")
	f.StringVar(&o.listen, "listen", "", "IP `address` on which server and UI listen, 0.0.0.0 for all of this machine's\n(default: the loopback); whoever reaches them can run programs here")
	f.BoolVar(&o.ui, "ui", true, "start the Temporal UI")
	f.StringVar(&a.flags.serving.worker.queue, "queue", "", "`names` of the queues to serve, with commas between them; others are left to millrace worker start (default: all)")
	f.StringVar(&a.flags.serving.worker.onStop, "on-stop", "", "what becomes of running steps at Ctrl-C or TERM: `leave` leaves them to the next millrace dev, give-back ends them to be run again, drain waits for them (default: leave)")
	f.DurationVar(&a.flags.serving.worker.drainTimeout, "drain-timeout", 0, "how `long` --on-stop drain waits before it gives steps back (default: 10m)")
	a.flags.serving.add(f)
	a.flags.serving.telemetry.addLog(f)
	return cmd
}

// runDev is `millrace dev`: it serves the home until it is told to stop.
func runDev(ctx context.Context, a *app, o *devOptions) error {
	for flag, port := range map[string]int{"--port": o.port, "--ui-port": o.uiPort} {
		if port < 0 || port > 65535 {
			return wrongUsage("", "%s: %d is not a port", flag, port)
		}
	}
	if o.listen != "" && net.ParseIP(o.listen) == nil {
		return wrongUsage("0.0.0.0 stands for all addresses of this machine", "--listen: %q is not an IP address", o.listen)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	c, err := a.config()
	if err != nil {
		return err
	}
	a.speak(c)
	lock, err := a.lockHome(ctx)
	if err != nil {
		return err
	}
	site, err := a.settle(ctx, lock, serveOptions{ui: o.ui, port: o.port, uiPort: o.uiPort, listen: o.listen})
	if err != nil {
		return err
	}
	if err := a.announce(ctx, site, o); err != nil {
		site.server.stop()
		return err
	}
	<-ctx.Done()
	stop()
	a.endWorkers(ctx, site.server.workers, c)
	site.server.stop()
	return nil
}

// endWorkers does with running steps what --on-stop says. A second Ctrl-C gives
// back those that are waited for; it ends the process where none are.
func (a *app) endWorkers(ctx context.Context, w *workers.Workers, c config.Config) {
	n := w.Busy()
	running := term.Count(n, "running step")
	tell := func(format string, args ...any) {
		if n > 0 {
			a.say("stopping; "+format, args...)
		}
	}
	switch c.Worker.OnStop {
	case config.GiveBack:
		tell("%s will be run again", running)
		w.Stop()
	case config.Drain:
		hurry, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		tell("waiting up to %s for %s to end; Ctrl-C again gives back what still runs", c.Worker.DrainTimeout, running)
		w.Drain(hurry)
	default:
		goOn, them := "go on", "them"
		if n == 1 {
			goOn, them = "goes on", "it"
		}
		tell("%s %s, and the next `%s` carries %s on", running, goOn, a.command("dev"), them)
		w.Leave()
	}
}

// lockHome takes the lock of the home. A process that only looks whether the
// home is served holds it for a moment, so a few tries are made.
func (a *app) lockHome(ctx context.Context) (*home.Lock, error) {
	h, err := a.home()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		lock, err := h.Lock()
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, home.ErrServed) {
			return nil, unreachable(err, "")
		}
		if try == 10 {
			who := "another process"
			if at, ok := h.Server(); ok {
				who = fmt.Sprintf("process %d", at.PID)
			}
			return nil, &exitError{
				code: exitUnreachable, err: fmt.Errorf("%s serves %s already", who, h.Dir()),
				hint: "`" + a.command("job", "create", "-f", "FILE") + "` gives it a job; --home DIR serves another home",
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// announce says what is served, and where.
func (a *app) announce(ctx context.Context, s *site, o *devOptions) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	h, err := a.home()
	if err != nil {
		return err
	}
	t := &term.Table{}
	t.Add("home", h.Dir())
	if c.Store != "" {
		t.Add("store", c.Store)
	}
	t.Add("Temporal server", s.at.Address+", namespace "+s.at.Namespace+elsewhere(s.at.Address, o.port, s.server.embed != nil))
	if s.at.UI != "" {
		t.Add("Temporal UI", s.at.UI+elsewhere(s.at.UI, o.uiPort, true))
	}
	if o.listen != "" && s.server.embed != nil {
		_, port, _ := net.SplitHostPort(s.at.Address)
		t.Add("other machines", "TEMPORAL_ADDRESS="+net.JoinHostPort(hostOf(o.listen), port)+", with a store that they reach too")
	}
	for _, q := range s.server.workers.Served() {
		switch n := len(s.server.gpus); {
		case q.Queue == workflows.PipelinesQueue:
		case q.GPUs:
			t.Add("queue "+q.Queue, term.Count(q.Slots, "slot")+", "+term.Count(n, "GPU"))
		case q.Queue == workflows.GPUQueue:
			t.Add("queue "+q.Queue, term.Count(q.Slots, "slot")+"; no GPU was found: its steps run on the CPU")
		default:
			t.Add("queue "+q.Queue, term.Count(q.Slots, "slot"))
		}
	}
	if err := t.Write(a.Out); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.server.workers.Served(), func(q workers.Served) bool { return q.Queue == workflows.PipelinesQueue }) {
		a.say("nothing here carries jobs on: they wait for a worker that serves %s", workflows.PipelinesQueue)
	}
	if open := s.open(ctx); len(open) > 0 {
		fmt.Fprintln(a.Out, "carrying on", jobList(open))
	}
	fmt.Fprintln(a.Out, "ready; Ctrl-C stops")
	return nil
}

// hostOf is how others name this machine, as far as that is known here.
func hostOf(listen string) string {
	if name, err := os.Hostname(); err == nil && net.ParseIP(listen).IsUnspecified() {
		return name
	}
	return listen
}

// elsewhere remarks that an address has not the port that was asked for.
func elsewhere(address string, port int, ours bool) string {
	if want := fmt.Sprintf(":%d", port); !ours || port == 0 || len(address) >= len(want) && address[len(address)-len(want):] == want {
		return ""
	}
	return fmt.Sprintf(" (port %d is taken)", port)
}
