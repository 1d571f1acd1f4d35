package workers

import (
	"context"
	"slices"

	"go.temporal.io/sdk/worker"
)

// poll is a poller that waits for the permit to ask Temporal for a step.
type poll struct {
	lane  *lane
	ready chan struct{}
}

// permit is what the SDK keeps with a poll, and with the step that came of it.
type permit struct {
	used bool
}

// supplier hands out the permits of a lane, as the SDK asks for them.
type supplier struct{ *lane }

var _ worker.SlotSupplier = supplier{}

// ReserveSlot waits until there is room for one more step of the lane.
func (s supplier) ReserveSlot(ctx context.Context, _ worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	r, p := s.room, &poll{lane: s.lane, ready: make(chan struct{})}
	r.mu.Lock()
	r.polls = append(r.polls, p)
	r.servePolls()
	r.mu.Unlock()
	select {
	case <-p.ready:
		return &worker.SlotPermit{UserData: new(permit)}, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.polls, p); i >= 0 {
		r.polls = slices.Delete(r.polls, i, i+1)
	} else {
		s.idle--
		r.settle()
	}
	return nil, ctx.Err()
}

// TryReserveSlot is for steps that are handed over without a poll. There are
// none: steps are never on the task queue of the workflow that starts them.
func (supplier) TryReserveSlot(worker.SlotReservationInfo) *worker.SlotPermit { return nil }

// MarkSlotUsed notes that a poll has brought a step.
func (s supplier) MarkSlotUsed(info worker.SlotMarkUsedInfo) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if p, ok := info.Permit().UserData.(*permit); ok && !p.used {
		p.used = true
		s.idle--
		s.taken++
		s.room.demand.took(s.task)
	}
}

// ReleaseSlot takes a permit back: the step has ended, or the poll brought none.
func (s supplier) ReleaseSlot(info worker.SlotReleaseInfo) {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := info.Permit().UserData.(*permit); ok && p.used {
		s.taken--
		s.freed = max(0, s.freed-1) // it may have had none to free
	} else {
		s.idle--
	}
	r.settle()
}

// MaxSlots is the bound that the SDK's metrics tell.
func (s supplier) MaxSlots() int { return s.slots.many }

// servePolls gives permits to those who wait for one, in order.
func (r *room) servePolls() {
	r.polls = slices.DeleteFunc(r.polls, func(p *poll) bool {
		if !r.mayPoll(p.lane) {
			return false
		}
		p.lane.idle++
		close(p.ready)
		return true
	})
}

// mayPoll reports whether there is room for one more step of a lane. Where lanes
// want different numbers of GPUs, the step that has waited longest comes first:
// while it waits for enough of them, none are given to younger ones, so that
// steps with few GPUs cannot starve one with many, nor the other way round.
func (r *room) mayPoll(l *lane) bool {
	if r.closed || r.busy(l.slots)+l.idle >= l.slots.many {
		return false
	}
	if r.memory > 0 && (r.used >= r.memory || slices.ContainsFunc(r.line, func(ask *loan) bool { return ask.memory > 0 })) {
		return false
	}
	if l.gpus == 0 {
		return true
	}
	free := r.spare()
	left := free - l.gpus*(l.idle+1)
	if left < 0 {
		return false
	}
	var rivals []*lane
	for _, m := range r.lanes {
		if m != l && m.gpus > 0 && left < m.gpus*max(1, m.idle) {
			rivals = append(rivals, m)
		}
	}
	if len(rivals) == 0 {
		return true
	}
	if !r.demand.known(r, append(rivals, l)) {
		return false // asked now; the answer settles it
	}
	for _, m := range rivals {
		switch {
		case !r.demand.waits(m.task):
		case r.demand.before(m, l, free):
			left -= m.gpus * max(1, m.idle)
		default:
			left -= m.gpus * m.idle
		}
	}
	if left < 0 {
		r.demand.again(r)
		return false
	}
	return true
}
