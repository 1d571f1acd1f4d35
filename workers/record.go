package workers

import (
	"cmp"
	"context"
	"os"
	"slices"
	"time"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/asset"
)

// Record is what a process of workers says of itself, in the store, to whoever
// asks which there are. It is written when something has changed and, where
// nothing has, often enough to be told from that of a process that is gone.
type Record struct {
	Name    string `json:"name"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Version string `json:"version,omitempty"`
	// Namespace is the one of the Temporal server that it serves.
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
	Started   time.Time         `json:"started"`
	Seen      time.Time         `json:"last_seen"`
	// Draining processes take no further steps.
	Draining bool        `json:"draining,omitempty"`
	Queues   []QueueUse  `json:"queues"`
	GPUs     []GPUUse    `json:"gpus,omitempty"`
	Memory   *MemoryUse  `json:"memory,omitempty"`
	Running  []StepInUse `json:"running,omitempty"`
}

// QueueUse is a queue that a process serves. Queues may share their slots.
type QueueUse struct {
	Name  string `json:"name"`
	Slots int    `json:"slots"`
	Used  int    `json:"used"`
	// GPUs is set where its steps get some.
	GPUs bool `json:"gpus,omitempty"`
}

// GPUUse is a GPU, and the step that has it.
type GPUUse struct {
	Name string `json:"name"`
	Job  string `json:"job,omitempty"`
	Step string `json:"step,omitempty"`
	// Used is set also where it is not known by which step.
	Used bool `json:"used,omitempty"`
}

// MemoryUse is what there is for steps that declare what they need, and what of
// it they have, in bytes.
type MemoryUse struct {
	Bytes int64 `json:"bytes"`
	Used  int64 `json:"used"`
}

// StepInUse is a step that runs. Of one that outlived an earlier process of the
// machine, job and step may be missing.
type StepInUse struct {
	Job     string    `json:"job,omitempty"`
	Step    string    `json:"step,omitempty"`
	Queue   string    `json:"queue"`
	GPUs    []string  `json:"gpus,omitempty"`
	Memory  int64     `json:"memory,omitempty"`
	Started time.Time `json:"start_time"`
}

const (
	// shelf is where the records are.
	shelf = "worker"
	// A record is written at most every recordPause, and at least every
	// recordPulse. One that has not been for lostAfter is that of a process that
	// is gone; clocks may differ by the rest.
	recordPause = 2 * time.Second
	recordPulse = 20 * time.Second
	lostAfter   = 90 * time.Second
	// forgetAfter is how long a process that is gone is still shown.
	forgetAfter = 24 * time.Hour
)

// Lost reports whether the process is gone without having said so.
func (r Record) Lost(now time.Time) bool {
	return now.Sub(r.Seen) > lostAfter || r.Host == hostname() && ended(r.PID)
}

// Records are those of all processes that use a store, by name.
func Records(ctx context.Context, store *artifact.Store) ([]Record, error) {
	all, err := asset.All[Record](ctx, asset.New(store), shelf)
	if asset.IgnoreDamaged(err) != nil {
		return nil, err
	}
	var list []Record
	for _, r := range all {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Find returns the record of one process, or an [asset.NotFound].
func Find(ctx context.Context, store *artifact.Store, name string) (Record, error) {
	return asset.Take[Record](ctx, asset.New(store), shelf, name)
}

// keepRecord writes the record of this process until it ends, and forgets those
// of processes that are gone.
func (w *Workers) keepRecord(ctx context.Context) {
	catalog, started := asset.New(w.options.Store), time.Now().UTC()
	forget(ctx, w.options.Store, started)
	pulse := time.NewTicker(recordPulse)
	defer pulse.Stop()
	for {
		writing, cancel := context.WithTimeout(ctx, recordPulse)
		if err := asset.Put(writing, catalog, shelf, w.Name(), w.record(started)); err != nil && ctx.Err() == nil {
			w.options.Log.Warn("could not write what this worker does", "error", err)
		}
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(recordPause):
			select {
			case <-ctx.Done():
			case <-w.news:
			case <-pulse.C:
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	_ = asset.Drop(last, catalog, shelf, w.Name())
}

// lastWord bounds how long a process that ends waits for the store.
const lastWord = 3 * time.Second

// forget deletes the records of processes that have been gone for long, and of
// those of this machine that are.
func forget(ctx context.Context, store *artifact.Store, now time.Time) {
	all, err := Records(ctx, store)
	if err != nil {
		return
	}
	for _, r := range all {
		if now.Sub(r.Seen) > forgetAfter || r.Host == hostname() && r.PID != os.Getpid() && ended(r.PID) {
			_ = asset.Drop(ctx, asset.New(store), shelf, r.Name)
		}
	}
}

// record is what there is to say now.
func (w *Workers) record(started time.Time) Record {
	r := w.room
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := Record{
		Name: w.Name(), Host: hostname(), PID: os.Getpid(), Version: w.options.Version, Namespace: w.options.Namespace, Labels: w.options.Labels,
		Started: started, Seen: time.Now().UTC(), Draining: r.closed,
	}
	for _, s := range w.served {
		use := QueueUse{Name: s.Queue, Slots: s.Slots, GPUs: s.GPUs}
		if s.shared != nil {
			use.Used = s.shared.running
		}
		rec.Queues = append(rec.Queues, use)
	}
	if r.memory > 0 {
		rec.Memory = &MemoryUse{Bytes: r.memory, Used: r.used}
	}
	running := slices.Clone(r.held)
	for _, l := range r.lent {
		if !l.since.IsZero() {
			running = append(running, l)
		}
	}
	slices.SortFunc(running, func(a, b *loan) int { return a.since.Compare(b.since) })
	for _, l := range running {
		use := StepInUse{Job: l.job, Step: l.step, Queue: l.lane.queue, Started: l.since.UTC()}
		if !l.freed {
			use.GPUs, use.Memory = l.gpus, l.memory
		}
		rec.Running = append(rec.Running, use)
	}
	for _, name := range r.gpus {
		use := GPUUse{Name: name}
		for _, l := range running {
			if !l.freed && slices.Contains(l.gpus, name) {
				use.Used, use.Job, use.Step = true, l.job, l.step
			}
		}
		rec.GPUs = append(rec.GPUs, use)
	}
	return rec
}
