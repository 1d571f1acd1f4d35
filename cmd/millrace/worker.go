package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace-ml/millrace/internal/config"
)

func newWorkerCmd(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "worker",
		Short: "Run steps on this machine for jobs that are served elsewhere",
		Long: `Start workers on as many machines as there are, each for the queues whose steps it
is to run, and see which there are and what they are doing. They find each other
through the Temporal server and the store.

` + exitCodesHelp,
		Example: `  millrace worker start --queue cpu
  millrace worker list -o table`,
	})
	cmd.AddCommand(
		newWorkerStartCmd(a, nil),
		newWorkerListCmd(a, nil),
		newWorkerShowCmd(a, nil),
	)
	return cmd
}

// workerFlags are those of worker start only.
type workerFlags struct {
	queue, labels, onStop, store string
	advertise                    string
	slots                        int
	drainTimeout                 time.Duration
}

func (w *workerFlags) add(f *pflag.FlagSet) {
	f.StringVar(&w.queue, "queue", "", "`names` of the queues to serve, with commas between them: cpu, gpu, pipelines, or one that computes name")
	f.IntVar(&w.slots, "slots", 0, "`number` of steps that run at once (default: one for each core; where GPUs are lent, one for each GPU; on queue gpu without any, 1)")
	f.StringVar(&w.labels, "labels", "", "`words` about this worker that worker list shows, such as rack=7,owner=vision")
	f.StringVar(&w.onStop, "on-stop", "", "what becomes of running steps when the worker is told to stop: `drain` waits for them, leave leaves them to the next worker on this machine, give-back has them run again elsewhere (default: drain)")
	f.StringVar(&w.advertise, "advertise", "", "`address` by which other workers reach this machine when they run a step together (default: that of the interface that leads out)")
	f.DurationVar(&w.drainTimeout, "drain-timeout", 0, "how `long` running steps may take to end before they are given back (default: 10m)")
	f.StringVar(&w.store, "store", "", "`URL` of the store (MILLRACE_STORE; default: the one in the home)")
}

func (w *workerFlags) fill(f *config.Flags, given func(string) bool) {
	for flag, of := range map[string]struct {
		from *string
		into **string
	}{
		"queue": {&w.queue, &f.Worker.Queues}, "labels": {&w.labels, &f.Worker.Labels},
		"on-stop": {&w.onStop, &f.Worker.OnStop}, "advertise": {&w.advertise, &f.Worker.Advertise}, "store": {&w.store, &f.Store},
	} {
		// Other commands have flags of these names that mean something else.
		if given(flag) && *of.from != "" {
			*of.into = of.from
		}
	}
	if given("slots") {
		f.Worker.Slots = &w.slots
	}
	if given("drain-timeout") {
		f.Worker.DrainTimeout = &w.drainTimeout
	}
}
