package runs

import (
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
)

// sign is the last sign of life of a step's worker, and when it was seen first.
// What counts is the clock of this machine: the server's may differ.
type sign struct {
	beat time.Time
	seen time.Time
}

// silent is for how long a worker gives no sign of life before that is worth a
// word. Workers that live give one every two seconds.
const silent = 5 * time.Second

// silence says in words that the worker of a step that is to end does not
// answer; "" where it does. That is known only to who looks again and again.
func (f *follower) silence(step int, p *workflowpb.PendingActivityInfo) string {
	beat := p.GetLastHeartbeatTime().AsTime()
	last, ok := f.signs[step]
	if !ok || !last.beat.Equal(beat) {
		if f.signs == nil {
			f.signs = make(map[int]sign)
		}
		f.signs[step] = sign{beat: beat, seen: time.Now()}
		return ""
	}
	if time.Since(last.seen) < silent {
		return ""
	}
	return "its worker does not answer; it is given up when its heartbeat has been missing for 30 s"
}
