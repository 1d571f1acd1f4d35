package workers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/millrace-ml/millrace/activities"
	"github.com/millrace-ml/millrace/pipeline"
)

// room is what a worker has to lend to steps: slots, GPUs and memory. It
// decides two things under one lock: when Temporal is asked for a step
// (supplier.go), so that a step is taken only where there is room for it; and
// what a program gets that is about to start. Those who wait for the second are
// served in the order in which they came, so that nobody is passed over for
// ever. Polls on several task queues that wait at the same time may promise the
// same GPU twice; the program that finds it gone waits here. No GPU is ever
// lent twice.
type room struct {
	demand demand
	// changed is told, without the lock, that something was lent or returned.
	changed func()

	mu     sync.Mutex
	lanes  []*lane
	gpus   []string // all that there are
	free   []string // those that no program has, in the same order
	memory int64    // in bytes; 0 is lent without being counted
	used   int64
	closed bool // no further step is taken

	line  []*loan // programs that wait for what they need
	polls []*poll // lanes that wait to ask for a step
	lent  map[uint64]*loan
	held  []*loan // by programs that outlived an earlier worker
	last  uint64
}

// slots are places for programs, which the lanes of some queues share.
type slots struct {
	many    int
	running int // programs that run, held ones included
	held    int
}

// lane is one task queue that is polled: the steps of one queue that want the
// same number of GPUs. It is the room that activities of that queue see.
type lane struct {
	room  *room
	queue string // as people know it
	task  string // as Temporal knows it
	gpus  int    // how many each step gets
	slots *slots

	idle  int // polls that wait for a step
	taken int // steps that were taken
	// freed counts those of them that have given their GPUs back, while what
	// they have made is stored: somebody else may have their turn.
	freed int
}

var _ activities.Room = (*lane)(nil)

// loan is what one program has, or waits for.
type loan struct {
	lane   *lane
	want   int
	memory int64
	gpus   []string
	job    string
	step   string
	since  time.Time
	ready  chan struct{} // closed when it is granted
	held   bool          // by a program that outlived an earlier worker
	freed  bool          // its programs have ended
}

func newRoom(gpus []string, memory int64) *room {
	return &room{
		gpus: gpus, free: slices.Clone(gpus), memory: memory,
		lent: make(map[uint64]*loan), changed: func() {},
	}
}

// add makes a lane. All lanes are added before the first one is used.
func (r *room) add(queue, task string, gpus int, s *slots) *lane {
	l := &lane{room: r, queue: queue, task: task, gpus: min(gpus, len(r.gpus)), slots: s}
	r.lanes = append(r.lanes, l)
	return l
}

// close has no further step taken.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// Take waits for a slot, the lane's number of GPUs and the memory that the step
// declares.
func (l *lane) Take(ctx context.Context, need pipeline.Resources) (activities.Share, error) {
	r := l.room
	ask := &loan{lane: l, want: l.gpus, memory: need.Memory, ready: make(chan struct{})}
	if activity.IsActivity(ctx) {
		info := activity.GetInfo(ctx)
		ask.job, ask.step = info.WorkflowExecution.ID, stepOf(info.ActivityID)
	}
	if r.memory > 0 && need.Memory > r.memory {
		return activities.Share{}, fmt.Errorf("the step asks for %s of memory, and this worker has %s to lend: start one with more on queue %s, or ask for less",
			pipeline.FormatSize(need.Memory), pipeline.FormatSize(r.memory), l.queue)
	}
	if r.memory == 0 {
		ask.memory = 0
	}
	r.mu.Lock()
	r.line = append(r.line, ask)
	ticket := r.ticket()
	r.lent[ticket] = ask
	r.settle()
	r.mu.Unlock()
	select {
	case <-ask.ready:
		r.changed()
		// The file's number is the program's bound, counted here or not.
		return activities.Share{GPUs: ask.gpus, Memory: need.Memory, Ticket: ticket}, nil
	case <-ctx.Done():
		r.giveUp(ticket)
		return activities.Share{}, ctx.Err()
	}
}

// Hold takes what a program that outlived an earlier worker is using still.
func (l *lane) Hold(share activities.Share) {
	r := l.room
	r.mu.Lock()
	defer r.mu.Unlock()
	held := &loan{lane: l, gpus: share.GPUs, since: time.Now(), held: true}
	if r.memory > 0 {
		held.memory = share.Memory
	}
	r.free = slices.DeleteFunc(r.free, func(g string) bool { return slices.Contains(share.GPUs, g) })
	r.used += held.memory
	l.slots.running++
	l.slots.held++
	r.held = append(r.held, held)
}

// Free gives back the GPUs and the memory of what Take or Hold took.
func (l *lane) Free(share activities.Share) {
	r := l.room
	r.mu.Lock()
	if one := r.find(l, share, false); one != nil {
		r.takeBack(one)
	}
	r.settle()
	r.mu.Unlock()
	r.changed()
}

// Return gives back all of what Take or Hold took.
func (l *lane) Return(share activities.Share) {
	r := l.room
	r.mu.Lock()
	gone := r.find(l, share, true)
	if gone == nil {
		gone = r.find(l, share, false)
	}
	if gone != nil {
		r.takeBack(gone)
		r.held = slices.DeleteFunc(r.held, func(h *loan) bool { return h == gone })
		delete(r.lent, share.Ticket)
	}
	r.settle()
	r.mu.Unlock()
	r.changed()
}

// find finds what a step has by its share: of one that a room was told to hold,
// one of several that have the same is as good as another.
func (r *room) find(l *lane, share activities.Share, freed bool) *loan {
	if one, ok := r.lent[share.Ticket]; ok && one.freed == freed {
		return one
	}
	if share.Ticket != 0 {
		return nil
	}
	i := slices.IndexFunc(r.held, func(h *loan) bool {
		return h.lane == l && h.freed == freed && slices.Equal(h.gpus, share.GPUs) && (h.memory == share.Memory || r.memory == 0)
	})
	if i < 0 {
		return nil
	}
	return r.held[i]
}

// giveUp ends the waiting of a program whose activity has ended.
func (r *room) giveUp(ticket uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := r.lent[ticket]
	delete(r.lent, ticket)
	if i := slices.Index(r.line, gone); i >= 0 {
		r.line = slices.Delete(r.line, i, i+1)
	} else {
		r.takeBack(gone) // it was granted at the same moment
	}
	r.settle()
}

func (r *room) ticket() uint64 {
	r.last++
	return r.last
}

// takeBack frees what a program had, once; GPUs that this worker does not know,
// of one that outlived a worker with others, are forgotten.
func (r *room) takeBack(gone *loan) {
	if gone.freed {
		return
	}
	gone.freed = true
	gone.lane.slots.running--
	if gone.held {
		gone.lane.slots.held--
	} else {
		gone.lane.freed++
	}
	r.used -= gone.memory
	if len(gone.gpus) > 0 {
		r.free = slices.DeleteFunc(slices.Clone(r.gpus), func(g string) bool {
			return !slices.Contains(r.free, g) && !slices.Contains(gone.gpus, g)
		})
	}
}

// settle grants what can be granted: to programs first, then to polls.
func (r *room) settle() {
	r.serveLine()
	r.servePolls()
}

// serveLine goes along those who wait. Whoever cannot be served keeps the ones
// behind from what it needs itself.
func (r *room) serveLine() {
	var noGPU, noMemory bool
	r.line = slices.DeleteFunc(r.line, func(ask *loan) bool {
		s := ask.lane.slots
		needsGPU, needsMemory := ask.want > 0, ask.memory > 0
		switch {
		case s.running >= s.many, needsGPU && noGPU, needsMemory && noMemory:
		case needsGPU && len(r.free) < ask.want:
		case needsMemory && r.used+ask.memory > r.memory:
		default:
			s.running++
			r.used += ask.memory
			if needsGPU {
				ask.gpus, r.free = slices.Clone(r.free[:ask.want]), slices.Clone(r.free[ask.want:])
			}
			ask.since = time.Now()
			close(ask.ready)
			return true
		}
		noGPU, noMemory = noGPU || needsGPU, noMemory || needsMemory
		return false
	})
}

// spare is how many GPUs are neither promised to steps that were taken nor
// held.
func (r *room) spare() int {
	n := len(r.gpus)
	for _, l := range r.lanes {
		n -= l.gpus * (l.taken - l.freed)
	}
	for _, h := range r.held {
		if !h.freed {
			n -= len(h.gpus)
		}
	}
	return n
}

// busy is how many of the slots steps have that were taken, or hold still. While
// the outputs of a step are stored, its GPUs do not wait for that; but no more
// steps are stored than run, so that they do not pile up where storing is slow.
// Without GPUs it is the same cores that run and store.
func (r *room) busy(s *slots) int {
	n, storing := s.held, 0
	for _, l := range r.lanes {
		if l.slots == s {
			n += l.taken
			if l.gpus > 0 {
				storing += l.freed
			}
		}
	}
	return n - min(storing, s.many)
}

// stepOf is the step that an activity belongs to: what stands behind # and /
// tells activities of one step apart.
func stepOf(id string) string {
	for i := range id {
		if id[i] == '#' || id[i] == '/' {
			return id[:i]
		}
	}
	return id
}
