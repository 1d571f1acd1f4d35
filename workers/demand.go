package workers

import (
	"context"
	"maps"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// demand is what waits on the task queues of a room's lanes. It is asked for
// only when GPUs are short and steps that want different numbers of them may
// compete, and then twice a second. The room's lock guards it.
type demand struct {
	temporal  client.Client
	namespace string
	ctx       context.Context // ends with the worker

	waiting map[string]waiting // by task queue
	asking  bool
	timer   bool
}

// waiting is what waited on a task queue at a moment.
type waiting struct {
	asked    time.Time
	many     int64
	priority int32     // of the first step
	since    time.Time // when the first step came
}

const (
	// demandAge is how old an answer may be that is decided by.
	demandAge = 500 * time.Millisecond
	// demandPatience bounds one question.
	demandPatience = 5 * time.Second
)

// known reports whether the demand of the lanes is known; where it is not, it
// has it asked for.
func (d *demand) known(r *room, lanes []*lane) bool {
	if d.temporal == nil {
		return true
	}
	var ask []string
	for _, l := range lanes {
		if time.Since(d.waiting[l.task].asked) > demandAge {
			ask = append(ask, l.task)
		}
	}
	if len(ask) == 0 {
		return true
	}
	if !d.asking && d.ctx.Err() == nil {
		d.asking = true
		go d.ask(r, ask)
	}
	return false
}

// again looks again in a while, for somebody who has to let others go first.
func (d *demand) again(r *room) {
	if d.timer || d.temporal == nil {
		return
	}
	d.timer = true
	time.AfterFunc(demandAge+10*time.Millisecond, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		d.timer = false
		r.servePolls()
	})
}

// ask asks for what waits on task queues. Where Temporal does not answer,
// nothing is known to wait: nobody is kept from working by that.
func (d *demand) ask(r *room, tasks []string) {
	answers := make(map[string]waiting, len(tasks))
	for _, task := range tasks {
		answers[task] = d.look(task)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d.asking = false
	if d.waiting == nil {
		d.waiting = make(map[string]waiting)
	}
	maps.Copy(d.waiting, answers)
	r.servePolls()
}

func (d *demand) look(task string) waiting {
	ctx, cancel := context.WithTimeout(d.ctx, demandPatience)
	defer cancel()
	answer, err := d.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     d.namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: task, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		ReportStats:   true,
	})
	now := time.Now()
	w := waiting{asked: now}
	if err != nil {
		return w
	}
	w.many = answer.GetStats().GetApproximateBacklogCount()
	first := answer.GetStats()
	for priority, stats := range answer.GetStatsByPriorityKey() {
		if stats.GetApproximateBacklogCount() > 0 && (w.priority == 0 || priority < w.priority) {
			w.priority, first = priority, stats
		}
	}
	w.since = now.Add(-first.GetApproximateBacklogAge().AsDuration())
	return w
}

// took notes that a step was taken from a task queue.
func (d *demand) took(task string) {
	if w := d.waiting[task]; w.many > 0 {
		w.many--
		d.waiting[task] = w
	}
}

func (d *demand) waits(task string) bool { return d.waiting[task].many > 0 }

// before reports whether the first step of one task queue comes before that of
// another: by its priority, then by the time that it waits.
func (d *demand) before(one, other string) bool {
	a, b := d.waiting[one], d.waiting[other]
	switch {
	case a.many == 0 || b.many == 0:
		return a.many > 0
	case a.priority != b.priority:
		return a.priority < b.priority
	}
	return a.since.Before(b.since)
}
