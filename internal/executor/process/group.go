package process

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// group is the process group that a program's processes share. Its number is
// taken for as long as any of them lives, so signals reach no one else.
type group struct {
	id    int
	grace time.Duration

	once  sync.Once
	asked time.Time   // when TERM was sent
	kill  *time.Timer // sends KILL when the grace is over
}

// settle is how long killed processes may take to be gone.
const settle = 2 * time.Second

// end asks every process to end, and makes sure that KILL follows. It does not
// wait.
func (g *group) end() {
	g.once.Do(func() {
		g.asked = time.Now()
		g.signal(syscall.SIGTERM)
		g.signal(syscall.SIGCONT) // a stopped process takes no TERM
		g.kill = time.AfterFunc(g.grace, func() { g.signal(syscall.SIGKILL) })
	})
}

// finish ends the processes and waits until they are gone: until the grace is
// over, or ctx has ended, they may leave by themselves; then KILL. It reports
// whether they are gone.
func (g *group) finish(ctx context.Context) bool {
	g.end()
	defer g.kill.Stop()
	polite, cancel := context.WithDeadline(ctx, g.asked.Add(g.grace))
	gone := g.wait(polite)
	cancel()
	if gone {
		return true
	}
	g.signal(syscall.SIGKILL)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer cancel()
	return g.wait(limit)
}

// wait reports whether the group was empty before ctx ended. Nothing tells of
// the end of other people's children, so it looks, at growing intervals.
func (g *group) wait(ctx context.Context) bool {
	for pause := time.Millisecond; ; pause = min(2*pause, 25*time.Millisecond) {
		if !alive(g.id) {
			return true
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return !alive(g.id)
		}
	}
}

// signal fails only where nobody is left to get it.
func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.id, s) }

// alive reports whether a process of the group still runs. One that may not be
// signalled belongs to another user: it cannot be ended, so it does not count.
func alive(id int) bool {
	return syscall.Kill(-id, 0) == nil && !onlyZombies(id)
}
