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
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/cache"
	"github.com/millrace-ml/millrace/internal/datastore"
	"github.com/millrace-ml/millrace/internal/executor/process"
	"github.com/millrace-ml/millrace/internal/record"
	"github.com/millrace-ml/millrace/internal/step"
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
	// CPUSlots and GPUSlots are how many steps run at once on the queues cpu
	// and gpu. 0 means one for each core, one for each GPU (one without any).
	CPUSlots, GPUSlots int
	// GPUs are the devices to lend, as CUDA_VISIBLE_DEVICES names them.
	GPUs []string
	// Python is a folder that comes first on the PATH of steps; "" for none.
	Python string
	// Register has the namespace learn the search attributes of jobs first:
	// for a server that this process did not set up itself.
	Register bool
	Log      *slog.Logger
}

// Workers are running workers.
type Workers struct {
	workers []worker.Worker
}

// stopGrace is how long running steps have to end after a worker was stopped:
// the grace of their programs, and a little to report.
const stopGrace = 15 * time.Second

// Start polls the queues pipelines, cpu and gpu. First it ends what a worker
// that died in the same folder left running, and tells Temporal that those
// attempts are lost, so that they are repeated at once. The caller makes sure
// that no other worker uses the folder.
func Start(ctx context.Context, o Options) (*Workers, error) {
	runner := &step.Runner{
		Store: o.Store, Executor: new(process.Executor), Work: o.Work, Python: o.Python,
		Environ: os.Environ(),
	}
	if o.Register {
		if err := register(ctx, o); err != nil {
			return nil, err
		}
	}
	if err := takeBack(ctx, o, runner); err != nil {
		return nil, err
	}
	if o.CPUSlots <= 0 {
		o.CPUSlots = runtime.NumCPU()
	}
	if o.GPUSlots <= 0 {
		o.GPUSlots = max(1, len(o.GPUs))
	}
	base := activities.New(activities.Activities{
		Store:    o.Store,
		Cache:    cache.New(o.Store),
		Records:  record.New(o.Store),
		Data:     datastore.New(o.Store),
		Runner:   runner,
		Temporal: o.Temporal,
		Launch:   launch,
		Host:     host(ctx, o.Python),
	})
	w := &Workers{}
	add := func(queue string, slots int, gpus []string, register func(worker.Worker, *activities.Activities)) {
		a := base.On(identity(queue), newRoom(gpus, slots))
		wk := worker.New(o.Temporal, queue, worker.Options{
			Identity:                                a.Identity,
			MaxConcurrentActivityExecutionSize:      slots,
			MaxConcurrentActivityTaskPollers:        min(10, max(2, slots)),
			MaxConcurrentWorkflowTaskPollers:        4,
			WorkerStopTimeout:                       stopGrace,
			MaxHeartbeatThrottleInterval:            2 * time.Second,
			DefaultHeartbeatThrottleInterval:        2 * time.Second,
			DisableRegistrationAliasing:             true,
			MaxConcurrentLocalActivityExecutionSize: 64,
		})
		register(wk, a)
		w.workers = append(w.workers, wk)
	}
	add(workflows.PipelinesQueue, 100, nil, registerPipelines)
	add(workflows.CPUQueue, o.CPUSlots, nil, registerStep)
	add(workflows.GPUQueue, o.GPUSlots, o.GPUs, registerStep)
	for _, wk := range w.workers {
		if err := wk.Start(); err != nil {
			w.Stop()
			return nil, fmt.Errorf("start worker: %w", err)
		}
	}
	return w, nil
}

// Stop ends the workers. Programs of running steps are asked to end, and their
// steps go back to be run again, here or elsewhere.
func (w *Workers) Stop() {
	done := make(chan struct{}, len(w.workers))
	for _, wk := range w.workers {
		go func() {
			wk.Stop()
			done <- struct{}{}
		}()
	}
	for range w.workers {
		<-done
	}
}

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

func registerPipelines(w worker.Worker, a *activities.Activities) {
	w.RegisterWorkflowWithOptions(workflows.Pipeline, workflow.RegisterOptions{Name: workflows.PipelineType})
	w.RegisterWorkflowWithOptions(workflows.Scheduled, workflow.RegisterOptions{Name: workflows.ScheduledType})
	for name, f := range map[string]any{
		"Resolve": a.Resolve, "Fetch": a.Fetch, "Await": a.Await, "Publish": a.Publish,
		"Register": a.Register, "Finish": a.Finish, "Keep": a.Keep, "TakeUp": a.TakeUp, "Trigger": a.Trigger,
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// launch tells the activities what the workflow of a job is started with.
func launch(job record.Submitted, plan *pipeline.Plan) (json.RawMessage, error) {
	return json.Marshal(workflows.NewLaunch(plan, job.Plan, job.File))
}

func registerStep(w worker.Worker, a *activities.Activities) {
	w.RegisterActivityWithOptions(a.Step, activity.RegisterOptions{Name: "Step"})
	w.RegisterActivityWithOptions(a.Prepare, activity.RegisterOptions{Name: "Prepare"})
}

func identity(queue string) string {
	return fmt.Sprintf("%s@%s#%d", queue, hostname(), os.Getpid())
}

// takeBack ends what a dead worker left running, and gives its steps back.
func takeBack(ctx context.Context, o Options, runner *step.Runner) error {
	left, err := runner.Sweep(ctx)
	if err != nil {
		return fmt.Errorf("clean up after the last worker: %w", err)
	}
	for _, l := range left {
		var at activities.Left
		if json.Unmarshal(l.Token, &at) != nil || at.Workflow == "" {
			continue
		}
		if err := lost(ctx, o, at.Workflow, at.Run, at.Activity); err != nil {
			// The heartbeat time-out will find it, only later.
			o.Log.Warn("could not give back a lost step", "job", at.Workflow, "step", at.Activity, "error", err)
		}
	}
	if err := giveBack(ctx, o); err != nil {
		o.Log.Warn("could not give back what lost workers had taken", "error", err)
	}
	return nil
}
