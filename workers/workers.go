// Package workers is one process's share of the work: which task queues it
// polls, how many steps it runs at once, and which GPUs it lends to them.
package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/connection"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/notify"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/step"
	"github.com/millrace-ml/millrace/internal/tracking"
	"github.com/millrace-ml/millrace/internal/transfer"
	"github.com/millrace-ml/millrace/pipeline"
	"github.com/millrace-ml/millrace/workflows"
)

// Options say what the workers of this process serve.
type Options struct {
	Temporal client.Client
	// Namespace is the one that Temporal was connected to with.
	Namespace string
	Store     *artifact.Store
	// Work is the folder under which steps run; its path needs no quotes.
	Work string
	// Serve are the queues to serve.
	Serve []Serving
	// GPUs are the devices to lend, as CUDA_VISIBLE_DEVICES names them.
	GPUs []string
	// Memory is what there is for steps that declare what they need, in bytes;
	// with 0 it is lent without being counted.
	Memory int64
	// Drain bounds how long [Workers.Drain] waits for running steps.
	Drain time.Duration
	// Python is a folder that comes first on the PATH of steps; "" for none.
	Python string
	// Environments makes the software that steps ask for, which the locks in
	// Store name exactly; nil has steps run with the machine's own.
	Environments *environment.Manager
	// Containers runs the programs whose environment is an image; nil where
	// none is.
	Containers executor.Executor
	// ContainerNetwork is what they are all connected to; "" leaves that to the
	// files.
	ContainerNetwork string
	// Advertise is where other workers reach this machine; "" has it found out.
	Advertise string
	// Labels and Version describe the process to whoever lists workers.
	Labels  map[string]string
	Version string
	// Register has the namespace learn the search attributes of jobs first:
	// for a server that this process did not set up itself.
	Register bool
	// TrackingURI is an MLflow server that steps report to; "" has them report
	// to this process.
	TrackingURI string
	// Notifications are who is told of jobs, by those who carry jobs on.
	Notifications []notify.Channel
	// UI is the base URL of the Temporal UI, "" where there is none.
	UI string
	// Observer is told what becomes of steps; may be nil.
	Observer Observer
	Log      *slog.Logger
}

// Served is a queue as it is served.
type Served struct {
	Queue string
	Slots int
	GPUs  bool

	shared *slots
}

// Workers are running workers.
type Workers struct {
	options Options
	room    *room
	base    *activities.Activities
	served  []Served
	workers []worker.Worker
	lanes   map[string]*activities.Activities // by task queue
	adopted *adopted
	stop    context.CancelCauseFunc // has running steps let go
	ended   context.CancelFunc
	over    sync.Once
	failed  chan error
	started bool
	news    chan struct{} // something was lent or returned
	written chan struct{} // closed when the record is gone
}

// stopGrace is how long running steps have to end after a worker was stopped:
// the grace of their programs, and a little to report.
const stopGrace = 15 * time.Second

// Start polls the queues that the options name. First it goes on with what
// workers that died in the same folder left running, and gives back what it
// cannot go on with. Several processes may use one folder.
func Start(ctx context.Context, o Options) (*Workers, error) {
	if o.Environments != nil {
		o.Environments.Locks = &environment.Locks{Store: o.Store}
	}
	runner := &step.Runner{
		Store: o.Store, Executor: new(process.Executor), Work: o.Work, Python: o.Python, Environments: o.Environments,
		Environ: environ(o), Observer: o.Observer,
		Tracker: tracking.New(tracking.Tracker{URI: o.TrackingURI, User: asset.Whoami(), Network: o.ContainerNetwork}),
	}
	if o.Containers != nil {
		runner.Executor = &executor.Either{Processes: runner.Executor, Containers: o.Containers}
	}
	if o.Register {
		if err := register(ctx, o); err != nil {
			return nil, err
		}
	}
	stopping, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	lives, ended := context.WithCancel(context.WithoutCancel(ctx))
	w := &Workers{options: o, room: newRoom(o.GPUs, o.Memory), stop: stop, ended: ended, failed: make(chan error, 1),
		news: make(chan struct{}, 1), written: make(chan struct{}), lanes: make(map[string]*activities.Activities), adopted: newAdopted(lives)}
	w.room.changed = w.tell
	w.room.demand.temporal, w.room.demand.namespace, w.room.demand.ctx = o.Temporal, o.Namespace, lives
	places := datastore.New(o.Store)
	w.base = activities.New(activities.Activities{
		Store:        o.Store,
		Cache:        cache.New(o.Store),
		Records:      record.New(o.Store),
		Data:         places,
		Mover:        &transfer.Mover{Store: o.Store, Places: places, Connections: connection.NewShelf(o.Store)},
		Runner:       runner,
		Environments: o.Environments,
		Temporal:     o.Temporal,
		Launch:       launch,
		Address:      o.Advertise,
		Host:         host(lives, o.Python),
		Stopping:     stopping,
		Observer:     o.Observer,
		Notifier:     notify.New(o.Notifications),
		Page:         func(job string) string { return page(o, job) },
	})
	for _, s := range o.Serve {
		w.serve(s)
	}
	if err := w.takeOver(ctx, runner); err != nil {
		w.Stop()
		return nil, err
	}
	for _, wk := range w.workers {
		if err := wk.Start(); err != nil {
			w.Stop()
			return nil, fmt.Errorf("start worker: %w", err)
		}
	}
	w.started = true
	w.adopted.group.Go(func() { w.keepTakingOver(runner) })
	go func() {
		defer close(w.written)
		w.keepRecord(lives)
	}()
	return w, nil
}

// Served are the queues, with the slots that each has or shares.
func (w *Workers) Served() []Served { return w.served }

// Name is what this process is called among the workers.
func (w *Workers) Name() string { return fmt.Sprintf("%s-%d", hostname(), os.Getpid()) }

// Busy is how many steps run here.
func (w *Workers) Busy() int {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	n := 0
	for _, l := range w.room.lent {
		if !l.since.IsZero() {
			n++
		}
	}
	return n + len(w.room.held)
}

// tell has what this process does written down.
func (w *Workers) tell() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// Failed tells of an error after which this process gets no more work: somebody
// has deleted the namespace, or taken away the right to it.
func (w *Workers) Failed() <-chan error { return w.failed }

func (w *Workers) fatal(err error) {
	select {
	case w.failed <- err:
	default:
	}
}

// Drain takes no further steps, and returns when the running ones have ended.
// Those that have not when ctx ends, or when the time for it has passed, are
// given back.
func (w *Workers) Drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.options.Drain)
	defer cancel()
	defer context.AfterFunc(ctx, func() { w.stop(activities.ErrStopping) })()
	w.end()
}

// Stop ends the workers. Programs of running steps are asked to end, and their
// steps go back to be run again, here or elsewhere.
func (w *Workers) Stop() {
	w.adopted.close()
	w.stop(activities.ErrStopping)
	w.end()
}

func (w *Workers) end() {
	w.over.Do(func() {
		w.room.close()
		w.tell()
		w.adopted.close()
		var all sync.WaitGroup
		all.Go(w.adopted.group.Wait)
		for _, wk := range w.workers {
			all.Go(wk.Stop)
		}
		all.Wait()
		w.ended()
		if w.started {
			<-w.written
		}
	})
}

// Ping reports whether the store answers.
func Ping(ctx context.Context, store *artifact.Store) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := asset.All[struct{}](ctx, asset.New(store), shelf)
	return asset.IgnoreDamaged(err)
}

// environ is the environment that programs begin with. Where a GPU is lent, a
// step sees the ones it was lent and no others; where none is, those that the
// machine may have are not this process's to give.
func environ(o Options) []string {
	environ := os.Environ()
	lends := slices.ContainsFunc(o.Serve, func(s Serving) bool { return s.GPUs })
	if len(o.GPUs) > 0 || !lends {
		environ = append(slices.DeleteFunc(environ, func(v string) bool { return strings.HasPrefix(v, visible) }), visible)
	}
	return environ
}

const visible = "CUDA_VISIBLE_DEVICES="

// register adds the search attributes that the namespace does not have yet.
func register(ctx context.Context, o Options) error {
	operator := o.Temporal.OperatorService()
	known, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: o.Namespace})
	if err != nil {
		// Not everybody may ask. Those who may not were given a namespace
		// that has them, or learn it when they submit a job.
		o.Log.Warn("could not ask for search attributes", "error", err)
		return nil
	}
	missing := workflows.SearchAttributes()
	for name := range known.GetCustomAttributes() {
		delete(missing, name)
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: o.Namespace, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists // another worker was quicker
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("register the search attributes %s in namespace %s: %w",
			strings.Join(slices.Sorted(maps.Keys(missing)), ", "), o.Namespace, err)
	}
	return nil
}

// registerWorkflows makes the workflows known to a worker, or whoever replays
// what one has done.
func registerWorkflows(w interface {
	RegisterWorkflowWithOptions(any, workflow.RegisterOptions)
}) {
	w.RegisterWorkflowWithOptions(workflows.Pipeline, workflow.RegisterOptions{Name: workflows.PipelineType})
	w.RegisterWorkflowWithOptions(workflows.Batches, workflow.RegisterOptions{Name: workflows.BatchesType})
	w.RegisterWorkflowWithOptions(workflows.Loop, workflow.RegisterOptions{Name: workflows.LoopType})
	w.RegisterWorkflowWithOptions(workflows.Scheduled, workflow.RegisterOptions{Name: workflows.ScheduledType})
	w.RegisterWorkflowWithOptions(workflows.Sweep, workflow.RegisterOptions{Name: workflows.SweepType})
	w.RegisterWorkflowWithOptions(workflows.Notice, workflow.RegisterOptions{Name: workflows.NoticeType})
}

func registerPipelines(w worker.Worker, a *activities.Activities) {
	registerWorkflows(w)
	for name, f := range map[string]any{
		"Resolve": a.Resolve, "Fetch": a.Fetch, "Await": a.Await, "Publish": a.Publish,
		"Register": a.Register, "Finish": a.Finish, "Keep": a.Keep, "TakeUp": a.TakeUp, "Trigger": a.Trigger,
		"Propose": a.Propose, "KeepSweep": a.KeepSweep, "TakeUpSweep": a.TakeUpSweep, "RecordTrials": a.RecordTrials,
		"Gather": a.Gather, "Split": a.Split, "Join": a.Join,
		"Begin": a.Begin, "Unroll": a.Unroll, "Aggregate": a.Aggregate,
		"Ask": a.Ask, "Answer": a.Answer, "Notify": a.Notify,
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// page is a job's page in the Temporal UI, or "".
func page(o Options, job string) string {
	if o.UI == "" {
		return ""
	}
	return o.UI + "/namespaces/" + url.PathEscape(o.Namespace) + "/workflows/" + url.PathEscape(job)
}

// launch tells the activities what the workflow of a job is started with.
func launch(job record.Submitted, plan *pipeline.Plan) (json.RawMessage, error) {
	return json.Marshal(workflows.NewLaunch(plan, job.Plan, job.File))
}

func registerStep(w worker.Worker, a *activities.Activities) {
	w.RegisterActivityWithOptions(a.Step, activity.RegisterOptions{Name: "Step"})
	w.RegisterActivityWithOptions(a.Instance, activity.RegisterOptions{Name: "Instance"})
	w.RegisterActivityWithOptions(a.Transfer, activity.RegisterOptions{Name: "Transfer"})
	w.RegisterActivityWithOptions(a.Prepare, activity.RegisterOptions{Name: "Prepare"})
}

func identity(queue string) string {
	return fmt.Sprintf("%s@%s#%d", queue, hostname(), os.Getpid())
}
