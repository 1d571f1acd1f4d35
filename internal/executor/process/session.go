package process

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// session is what all processes of a program have in common. Its number is that
// of the first process and of the process group that most stay in; but there
// are programs that make a group of their own, `timeout` among them. Numbers
// are not given away again while any member lives, so signals reach no one
// else.
type session struct {
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
func (s *session) end() {
	s.once.Do(func() {
		s.asked = time.Now()
		s.signal(syscall.SIGTERM)
		s.signal(syscall.SIGCONT) // a stopped process takes no TERM
		s.kill = time.AfterFunc(s.grace, func() { s.signal(syscall.SIGKILL) })
	})
}

// finish ends the processes and waits until they are gone: until the grace is
// over, or ctx has ended, they may leave by themselves; then KILL. It reports
// whether they are gone.
func (s *session) finish(ctx context.Context) bool {
	s.end()
	defer s.kill.Stop()
	polite, cancel := context.WithDeadline(ctx, s.asked.Add(s.grace))
	gone := s.wait(polite, func() {})
	cancel()
	if gone {
		return true
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer cancel()
	// Again and again: one may be born while the others are killed.
	return s.wait(limit, func() { s.signal(syscall.SIGKILL) })
}

// wait reports whether every process was gone before ctx ended. Nothing tells
// of the end of other people's children, so it looks, at growing intervals, and
// does something about it each time.
func (s *session) wait(ctx context.Context, each func()) bool {
	for pause := time.Millisecond; ; pause = min(2*pause, 25*time.Millisecond) {
		if !alive(s.id) {
			return true
		}
		each()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return !alive(s.id)
		}
	}
}

// signal fails only where nobody is left to get it.
func (s *session) signal(sig syscall.Signal) {
	_ = syscall.Kill(-s.id, sig)
	for _, m := range members(s.id) {
		if m.group != s.id {
			_ = syscall.Kill(m.pid, sig)
		}
	}
}

// empty reports whether the process group is, which is quickly found out.
func (s *session) empty() bool { return syscall.Kill(-s.id, 0) == syscall.ESRCH }

// alive reports whether a process of the session still runs.
func alive(id int) bool {
	for _, m := range members(id) {
		if m.running {
			return true
		}
	}
	return false
}
