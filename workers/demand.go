package workers

import (
	"context"
	"maps"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// demand is what waits on the task queues of a room's lanes. It is asked for
// only when GPUs are short and steps that want different numbers of them may
// compete, and then a few times a second. The room's lock guards it.
type demand struct {
	temporal  client.Client
	namespace string
	ctx       context.Context // ends with the worker

	waiting map[string]waiting // by task queue
	turns   map[string]int     // by task queue: how many steps had been taken when one was last taken from it
	turn    int                // how many have been
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
	// demandAge is how old an answer may be that is decided by, so that no GPU
	// waits for it: what was taken here since is counted, and who has come since
	// has time. From demandFresh on, another one is asked for meanwhile.
	demandAge   = 10 * time.Second
	demandFresh = 300 * time.Millisecond
	// demandExact is how exactly Temporal tells since when a step waits: ages are
	// counted now and then only, and for each task queue at another moment.
	demandExact = 2 * time.Second
	// demandPasses is how many steps for each GPU pass one that they have come
	// together with.
	demandPasses = 2
	// demandPatience bounds one question.
	demandPatience = 5 * time.Second
)

// known reports whether the demand of the lanes is known; where it is not, it
// has it asked for.
func (d *demand) known(r *room, lanes []*lane) bool {
	if d.temporal == nil {
		return true
	}
	known, now := true, time.Now()
	var ask []string
	for _, l := range lanes {
		age := now.Sub(d.waiting[l.task].asked)
		known = known && age <= demandAge
		if age > demandFresh {
			ask = append(ask, l.task)
		}
	}
	if len(ask) > 0 && !d.asking && d.ctx.Err() == nil {
		d.asking = true
		go d.ask(r, ask)
	}
	return known
}

// again looks again in a while, for somebody who has to let others go first.
func (d *demand) again(r *room) {
	if d.timer || d.temporal == nil {
		return
	}
	d.timer = true
	time.AfterFunc(demandFresh+10*time.Millisecond, func() {
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
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, task := range tasks {
		all.Go(func() {
			w := d.look(task)
			mu.Lock()
			defer mu.Unlock()
			answers[task] = w
		})
	}
	all.Wait()
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
	if d.turns == nil {
		d.turns = make(map[string]int)
	}
	d.turn++
	d.turns[task] = d.turn
}

func (d *demand) waits(task string) bool { return d.waiting[task].many > 0 }

// before reports whether the first step of one lane comes before that of another,
// while so many GPUs are free: by its priority, then by the time that it waits.
//
// Of two that have come at about the same time, the larger goes first where it
// fits, and the smaller where it does not: GPUs that wait for others to join them
// do nothing. But after some steps of the other lane it has its turn, and keeps
// it until it is served.
func (d *demand) before(one, other *lane, free int) bool {
	a, b := d.waiting[one.task], d.waiting[other.task]
	switch apart := a.since.Sub(b.since); {
	case a.many == 0 || b.many == 0:
		return a.many > 0
	case a.priority != b.priority:
		return a.priority < b.priority
	case apart.Abs() > demandExact:
		return apart < 0
	}
	behind, ahead := d.turn-d.turns[one.task], d.turn-d.turns[other.task]
	switch patience := demandPasses * len(one.room.gpus); {
	case max(behind, ahead) >= patience && behind != ahead:
		return behind > ahead
	case one.gpus > other.gpus:
		return free >= one.gpus
	default:
		return free < other.gpus
	}
}
