package runs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/millrace-ml/millrace/workers"
	"github.com/millrace-ml/millrace/workflows"
)

// queues says why steps wait for a slot: who serves their queue, and how many
// have their turn before them. It asks only for steps that have waited for a
// while, and for each task queue once in a while.
type queues struct {
	s       *Service
	tasks   map[string]taskQueue
	workers []workers.Record // those that take steps
	asked   time.Time
}

// taskQueue is what Temporal knows of a task queue.
type taskQueue struct {
	asked   time.Time
	polled  bool          // by some worker, lately
	backlog map[int32]int // steps that wait, by priority
}

const (
	// waitsLong is how long a step waits before anybody is asked why.
	waitsLong = 2 * time.Second
	// An answer of Temporal is good for taskQueueAge, the workers' records for
	// workersAge.
	taskQueueAge = 2 * time.Second
	workersAge   = 5 * time.Second
	// polledLately is longer than a poll takes that brings nothing.
	polledLately = 90 * time.Second
	// usualPriority is that of a step with none of its own.
	usualPriority = 3
)

// queued is a step of the job that waits for a slot.
type queued struct {
	step     int
	task     string
	since    time.Time
	priority int32
}

// turn compares steps of the same job by whose turn comes first.
func (q queued) turn(other queued) int {
	return cmp.Or(cmp.Compare(q.priority, other.priority), q.since.Compare(other.since))
}

// explain says what the steps of a job wait for that wait for a slot.
func (f *follower) explain(ctx context.Context, pending []*workflowpb.PendingActivityInfo) {
	waiting := make(map[string][]queued) // by task queue
	long := false
	for _, p := range pending {
		i, ok := f.at[stepOf(p.GetActivityType().GetName(), p.GetActivityId())]
		kind := p.GetActivityType().GetName()
		if !ok || kind != "Step" && kind != "Transfer" || p.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED ||
			p.GetScheduledTime().AsTime().After(time.Now()) {
			continue
		}
		step := f.job.Plan.Steps[i]
		q := queued{step: i, task: workflows.TaskQueue(step.Queue, step.Resources.GPUs), since: p.GetScheduledTime().AsTime(), priority: p.GetPriority().GetPriorityKey()}
		if q.priority == 0 {
			q.priority = usualPriority
		}
		waiting[q.task] = append(waiting[q.task], q)
		long = long || time.Since(q.since) > waitsLong
	}
	f.why = nil
	if !long {
		return
	}
	if f.queues == nil {
		f.queues = &queues{s: f.s, tasks: make(map[string]taskQueue)}
	}
	f.why = make(map[int]reasonToWait)
	for _, line := range waiting {
		slices.SortFunc(line, queued.turn)
		for _, q := range line {
			if time.Since(q.since) > waitsLong {
				step := f.job.Plan.Steps[q.step]
				f.why[q.step] = f.queues.why(ctx, q, line, step.Queue, step.Resources.GPUs)
			}
		}
	}
}

// reasonToWait is why a step waits, and its place among those that wait with it.
type reasonToWait struct{ why, place string }

func (qs *queues) why(ctx context.Context, q queued, line []queued, queue string, gpus int) reasonToWait {
	task, ok := qs.ask(ctx, q.task)
	if !ok {
		return reasonToWait{why: "waits for a slot on queue " + queue}
	}
	served, full, most := qs.served(ctx, queue)
	switch {
	case !served, gpus <= 1 && !task.polled && !full:
		return reasonToWait{why: fmt.Sprintf("no worker polls queue %q", queue)}
	case gpus > 1 && most < gpus:
		return reasonToWait{why: fmt.Sprintf("no worker on queue %q has %d GPUs", queue, gpus)}
	}
	r := reasonToWait{why: "waits for a slot on queue " + queue}
	if gpus > 1 {
		r.why = fmt.Sprintf("waits for %d free GPUs on queue %s", gpus, queue)
	}
	r.place = place(q, line, task.backlog)
	return r
}

// place says how many steps have their turn before one: of its own job, of which
// line holds those of the same task queue in order, exactly; and of others at
// most as many as wait in all.
func place(q queued, line []queued, backlog map[int32]int) string {
	before, _ := slices.BinarySearchFunc(line, q, queued.turn)
	own, _ := slices.BinarySearchFunc(line, q.priority+1, func(other queued, priority int32) int {
		return cmp.Compare(other.priority, priority)
	})
	others := -own
	for priority, many := range backlog {
		if priority <= q.priority {
			others += many
		}
	}
	switch n := before + max(0, others); {
	case n == 0:
		return ""
	case others > 0:
		return fmt.Sprintf("up to %d %s ahead of it", n, steps(n))
	default:
		return fmt.Sprintf("%d %s ahead of it", n, steps(n))
	}
}

func steps(n int) string {
	if n == 1 {
		return "step"
	}
	return "steps"
}

// ask asks Temporal for a task queue, unless it is known.
func (qs *queues) ask(ctx context.Context, name string) (taskQueue, bool) {
	if known, ok := qs.tasks[name]; ok && time.Since(known.asked) < taskQueueAge {
		return known, true
	}
	answer, err := qs.s.Temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     qs.s.Namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: name, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		ReportStats:   true,
	})
	if err != nil {
		return taskQueue{}, false
	}
	now := time.Now()
	q := taskQueue{asked: now, backlog: make(map[int32]int)}
	q.polled = slices.ContainsFunc(answer.GetPollers(), func(p *taskqueuepb.PollerInfo) bool {
		return now.Sub(p.GetLastAccessTime().AsTime()) < polledLately
	})
	for priority, stats := range answer.GetStatsByPriorityKey() {
		q.backlog[priority] = int(stats.GetApproximateBacklogCount())
	}
	if len(q.backlog) == 0 {
		q.backlog[usualPriority] = int(answer.GetStats().GetApproximateBacklogCount())
	}
	qs.tasks[name] = q
	return q, true
}

// served reports whether a worker serves a queue; whether one is full, and so
// does not poll; and the most GPUs that one has.
func (qs *queues) served(ctx context.Context, queue string) (served, full bool, most int) {
	if time.Since(qs.asked) > workersAge {
		qs.asked = time.Now()
		if all, err := qs.s.ListWorkers(ctx); err == nil {
			qs.workers = nil
			for _, w := range all {
				if w.State == WorkerRunning && w.Namespace == qs.s.Namespace {
					qs.workers = append(qs.workers, w.Record)
				}
			}
		}
	}
	for _, w := range qs.workers {
		for _, q := range w.Queues {
			if q.Name != queue {
				continue
			}
			served = true
			full = full || q.Used >= q.Slots
			if q.GPUs {
				most = max(most, len(w.GPUs))
				full = full || !slices.ContainsFunc(w.GPUs, func(g workers.GPUUse) bool { return !g.Used })
			}
		}
	}
	return served, full, most
}
