package supervisor

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// family is all processes of a program: those of its session, whose number is
// that of the first process and of the process group that most stay in, and
// where the system lets the supervisor know, all that descend from it, wherever
// they have gone. Numbers are not given away again while any member lives, so
// signals reach no one else.
type family struct {
	session int
	grace   time.Duration
	// childless closes when nobody is left; nil where only looking tells.
	childless <-chan struct{}

	once  sync.Once
	asked time.Time   // when TERM was sent
	last  *time.Timer // sends KILL when the grace is over
}

// settle is how long killed processes may take to be gone.
const settle = 2 * time.Second

// newFamily is the family of a shell that this process has started.
func newFamily(shell int, grace time.Duration, childless <-chan struct{}) *family {
	if !adoptsOrphans {
		childless = nil
	}
	return &family{session: shell, grace: grace, childless: childless}
}

// end asks every process to end, and makes sure that KILL follows. It does not
// wait.
func (f *family) end() {
	f.once.Do(func() {
		f.asked = time.Now()
		f.signal(syscall.SIGTERM)
		f.signal(syscall.SIGCONT) // a stopped process takes no TERM
		f.last = time.AfterFunc(f.grace, f.kill)
	})
}

func (f *family) kill() { f.signal(syscall.SIGKILL) }

// finish ends the processes and waits until they are gone: until the grace is
// over, or ctx has ended, they may leave by themselves; then KILL. It reports
// whether they are gone.
func (f *family) finish(ctx context.Context) bool {
	f.end()
	defer f.last.Stop()
	polite, cancel := context.WithDeadline(ctx, f.asked.Add(f.grace))
	gone := f.wait(polite, func() {})
	cancel()
	if gone {
		return true
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer cancel()
	// Again and again: one may be born while the others are killed.
	return f.wait(limit, f.kill)
}

// wait reports whether every process was gone before ctx ended. Where nothing
// tells of the end of other people's children it looks, at growing intervals,
// and does something about it each time.
func (f *family) wait(ctx context.Context, each func()) bool {
	for pause := time.Millisecond; ; pause = min(2*pause, 25*time.Millisecond) {
		if f.gone() {
			return true
		}
		each()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-f.childless:
			timer.Stop()
			return true
		case <-ctx.Done():
			timer.Stop()
			return f.gone()
		}
	}
}

// signal fails only where nobody is left to get it.
func (f *family) signal(sig syscall.Signal) {
	_ = syscall.Kill(-f.session, sig)
	for _, m := range f.members() {
		if m.group != f.session {
			_ = syscall.Kill(m.pid, sig)
		}
	}
}

// members are the processes there are now.
func (f *family) members() []member {
	if f.childless == nil {
		return members(f.session)
	}
	return descendants(f.session)
}

// quiet finds out quickly whether anybody is left, and may miss who has left
// the process group.
func (f *family) quiet() bool {
	if f.childless == nil {
		return syscall.Kill(-f.session, 0) == syscall.ESRCH
	}
	return f.gone()
}

// gone reports whether nobody is left.
func (f *family) gone() bool {
	if f.childless == nil {
		return !alive(f.session)
	}
	select {
	case <-f.childless:
		return true
	default:
		return false
	}
}

// alive reports whether a process of the session still runs.
func alive(session int) bool {
	for _, m := range members(session) {
		if m.running {
			return true
		}
	}
	return false
}
