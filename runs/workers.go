package runs

import (
	"context"
	"time"

	"github.com/millrace-ml/millrace/workers"
)

// Worker is a process that runs steps, as it has last told.
type Worker struct {
	workers.Record
	// State is running, draining, or lost.
	State string
}

// The states of a worker.
const (
	WorkerRunning  = "running"
	WorkerDraining = "draining"
	WorkerLost     = "lost"
)

// ListWorkers returns the workers that use the store, by name. Those that have
// ended as they were asked to are not among them.
func (s *Service) ListWorkers(ctx context.Context) ([]Worker, error) {
	records, err := workers.Records(ctx, s.Store)
	list := make([]Worker, len(records))
	for i, r := range records {
		list[i] = worker(r)
	}
	return list, err
}

// ShowWorker returns one worker, or an asset.NotFound.
func (s *Service) ShowWorker(ctx context.Context, name string) (Worker, error) {
	r, err := workers.Find(ctx, s.Store, name)
	return worker(r), err
}

func worker(r workers.Record) Worker {
	w := Worker{Record: r, State: WorkerRunning}
	switch {
	case r.Lost(time.Now()):
		w.State = WorkerLost
	case r.Draining:
		w.State = WorkerDraining
	}
	return w
}

// Document is a worker as programs see it.
func (w Worker) Document() map[string]any {
	queues := []any{}
	for _, q := range w.Queues {
		queues = append(queues, map[string]any{"name": q.Name, "slots": q.Slots, "used": q.Used, "free": max(0, q.Slots-q.Used), "gpus": q.GPUs})
	}
	gpus := []any{}
	for _, g := range w.GPUs {
		gpus = append(gpus, map[string]any{"name": g.Name, "used": g.Used, "job": orNull(g.Job), "step": orNull(g.Step)})
	}
	running := []any{}
	for _, r := range w.Running {
		gpus := r.GPUs
		if gpus == nil {
			gpus = []string{}
		}
		running = append(running, map[string]any{
			"job": orNull(r.Job), "step": orNull(r.Step), "queue": r.Queue, "gpus": gpus, "memory": sizeOrNull(r.Memory), "start_time": stamp(r.Started),
		})
	}
	d := map[string]any{
		"name": w.Name, "state": w.State, "host": w.Host, "pid": w.PID, "version": orNull(w.Version), "labels": nonNil(w.Labels),
		"started": stamp(w.Started), "last_seen": stamp(w.Seen), "queues": queues, "gpus": gpus, "memory": nil, "running": running,
	}
	if w.Memory != nil {
		d["memory"] = map[string]any{"bytes": w.Memory.Bytes, "used": w.Memory.Used}
	}
	return d
}

func sizeOrNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
