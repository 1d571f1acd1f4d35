package workers

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/internal/step"
)

// Observer is told what becomes of steps and how their attempts get on.
type Observer interface {
	activities.Observer
	step.Observer
}

// Health says what of that which steps need does not work.
func (w *Workers) Health(ctx context.Context) error {
	if _, err := w.options.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("the Temporal server does not answer: %w", err)
	}
	if err := Ping(ctx, w.options.Store); err != nil {
		return fmt.Errorf("the store does not answer: %w", err)
	}
	return nil
}

// Ready says why no steps are taken though all that they need works.
func (w *Workers) Ready(context.Context) error {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	if w.room.closed {
		return errors.New("the worker is stopping and takes no further steps")
	}
	return nil
}

// Load is what the process lends to steps at one moment.
type Load struct {
	// Queues are in the order in which they are served.
	Queues []QueueLoad
	// GPUs and Memory are what there is, GPUsUsed and MemoryUsed what steps
	// have of it.
	GPUs, GPUsUsed     int
	Memory, MemoryUsed int64
}

// QueueLoad is what is lent to the steps of one queue.
type QueueLoad struct {
	Queue       string
	Slots, Used int
}

// Load looks at what is lent now.
func (w *Workers) Load() Load {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	u := Load{
		GPUs: len(w.room.gpus), GPUsUsed: len(w.room.gpus) - len(w.room.free),
		Memory: w.room.memory, MemoryUsed: w.room.used,
	}
	at := map[string]int{}
	for _, l := range w.room.lanes {
		i, ok := at[l.queue]
		if !ok {
			i = len(u.Queues)
			at[l.queue] = i
			u.Queues = append(u.Queues, QueueLoad{Queue: l.queue, Slots: l.slots.many})
		}
		u.Queues[i].Used += l.taken
	}
	return u
}
