package workers

import (
	"runtime"
	"time"

	"go.temporal.io/sdk/worker"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/workflows"
)

// Serving is some queues that one process serves with the same slots.
type Serving struct {
	// Queues are the names that people know; pipelines is one of them, and has
	// slots of its own.
	Queues []string
	// Slots is how many steps of these queues run at once. 0 means one for each
	// core or, where GPUs are lent, one for each GPU (one without any).
	Slots int
	// GPUs has the process lend its GPUs to the steps of these queues: one to
	// each, or as many as it asks for. A step gets none where there are none.
	GPUs bool
}

// LendsGPUs reports whether steps of a queue get GPUs where nobody says
// otherwise: those of every queue but the two that exist for other work.
func LendsGPUs(queue string) bool {
	return queue != workflows.PipelinesQueue && queue != workflows.CPUQueue
}

// Serve sorts queues into those that lend GPUs and those that do not, with slots
// for each sort. lend is false where the machine's GPUs are left alone; found is
// how many there are to lend. Without any, the steps of the queue gpu run one at a
// time, for they count on a machine of their own, and those of a queue that
// somebody has named are steps on the CPU like others.
func Serve(queues []string, slots int, lend bool, found int) []Serving {
	plain, lending := Serving{Slots: slots}, Serving{Slots: slots, GPUs: true}
	bare := Serving{Slots: max(1, slots), GPUs: lend}
	for _, q := range queues {
		switch {
		case lend && found > 0 && LendsGPUs(q):
			lending.Queues = append(lending.Queues, q)
		case q == workflows.GPUQueue:
			bare.Queues = append(bare.Queues, q)
		default:
			plain.Queues = append(plain.Queues, q)
		}
	}
	var serve []Serving
	for _, s := range []Serving{plain, lending, bare} {
		if len(s.Queues) > 0 {
			serve = append(serve, s)
		}
	}
	return serve
}

// Count is how many slots that is, given the GPUs of the process.
func (s Serving) Count(gpus int) int {
	switch {
	case s.Slots > 0:
		return s.Slots
	case s.GPUs:
		return max(1, gpus)
	}
	return runtime.NumCPU()
}

// pipelineSlots are for activities that run no program: they wait for the
// network, most of the time.
const pipelineSlots = 100

// serve makes the workers of some queues: for each queue one that takes the
// steps with a GPU or none, and one for each larger number of GPUs.
func (w *Workers) serve(s Serving) {
	count := s.Count(len(w.options.GPUs))
	shared := &slots{many: count}
	for _, queue := range s.Queues {
		if queue == workflows.PipelinesQueue {
			w.servePipelines()
			continue
		}
		most := 1
		if s.GPUs {
			most = max(1, len(w.options.GPUs))
		}
		for n := 1; n <= most; n++ {
			want := n
			if !s.GPUs {
				want = 0
			}
			l := w.room.add(queue, workflows.TaskQueue(queue, n), want, shared)
			a := w.base.On(identity(queue), l)
			if a.Slots = count; want > 0 && len(w.options.GPUs) > 0 {
				a.Slots = min(count, len(w.options.GPUs)/want)
			}
			w.lanes[l.task] = a
			w.add(l.task, stepOptions(l), a, registerStep)
		}
		w.served = append(w.served, Served{Queue: queue, Slots: count, GPUs: s.GPUs && len(w.options.GPUs) > 0, shared: shared})
	}
}

func (w *Workers) servePipelines() {
	w.add(workflows.PipelinesQueue, worker.Options{
		MaxConcurrentActivityExecutionSize:      pipelineSlots,
		MaxConcurrentActivityTaskPollers:        10,
		MaxConcurrentWorkflowTaskPollers:        4,
		MaxConcurrentLocalActivityExecutionSize: 64,
	}, w.base.On(identity(workflows.PipelinesQueue), nil), registerPipelines)
	w.served = append(w.served, Served{Queue: workflows.PipelinesQueue, Slots: pipelineSlots})
}

// stepOptions are those of a worker that takes the steps of a lane.
func stepOptions(l *lane) worker.Options {
	pollers := min(10, max(2, l.slots.many))
	switch {
	case l.gpus > 1:
		pollers = 1
	case l.gpus == 1:
		// Every poll that waits may bring a step for which a GPU was free when
		// it began, and is not any more.
		pollers = 2
	}
	few := func(n int) worker.SlotSupplier {
		s, err := worker.NewFixedSizeSlotSupplier(n)
		if err != nil {
			panic(err) // n is a constant above 0
		}
		return s
	}
	tuner, err := worker.NewCompositeTuner(worker.CompositeTunerOptions{
		WorkflowSlotSupplier: few(2), ActivitySlotSupplier: supplier{l},
		LocalActivitySlotSupplier: few(1), NexusSlotSupplier: few(1), SessionActivitySlotSupplier: few(1),
	})
	if err != nil {
		panic(err) // it has no reason to fail
	}
	return worker.Options{Tuner: tuner, MaxConcurrentActivityTaskPollers: pollers, DisableWorkflowWorker: true}
}

// add makes one worker of the SDK.
func (w *Workers) add(task string, o worker.Options, a *activities.Activities, register func(worker.Worker, *activities.Activities)) {
	o.Identity = a.Identity
	o.WorkerStopTimeout = w.options.Drain + stopGrace
	o.MaxHeartbeatThrottleInterval = 2 * time.Second
	o.DefaultHeartbeatThrottleInterval = 2 * time.Second
	o.DisableRegistrationAliasing = true
	o.OnFatalError = w.fatal
	wk := worker.New(w.options.Temporal, task, o)
	register(wk, a)
	w.workers = append(w.workers, wk)
}
