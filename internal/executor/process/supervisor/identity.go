package supervisor

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// member is a process of a session.
type member struct {
	pid, parent, group, session int
	// start grows with time; its unit is the system's own.
	start uint64
	// running is false for a zombie: it can do nothing any more and waits only
	// to be noticed by its parent, for ever where the first process of a
	// container is not an init.
	running bool
	// memory is what it holds of the machine's, in bytes, what it shares with
	// others included; 0 where the system does not tell.
	memory int64
}

// members returns the processes of a session.
func members(session int) []member {
	var found []member
	for _, m := range processes() {
		if m.session == session {
			found = append(found, m)
		}
	}
	return found
}

// name makes what is remembered of a process: the start of the machine and that
// of the process.
func name(pid int, start uint64) executor.Process {
	return executor.Process{PID: pid, StartTime: bootID() + "/" + strconv.FormatUint(start, 10)}
}

// Identify names a process that runs now.
func Identify(pid int) executor.Process {
	m, ok := lookup(pid)
	if !ok {
		return executor.Process{PID: pid}
	}
	return name(pid, m.start)
}

// startOf takes the name of a process apart. It fails where the machine has
// been started again since.
func startOf(p executor.Process) (uint64, bool) {
	boot, text, _ := strings.Cut(p.StartTime, "/")
	start, err := strconv.ParseUint(text, 10, 64)
	return start, err == nil && boot == bootID()
}

// SinceBoot reports whether a process was named since this machine was started.
func SinceBoot(p executor.Process) bool {
	_, ok := startOf(p)
	return ok
}

// Runs reports whether a process that was named earlier is there and running.
func Runs(p executor.Process) bool {
	start, ok := startOf(p)
	if !ok {
		return false
	}
	m, there := lookup(p.PID)
	return there && m.running && m.start == start
}

// same reports whether the session of that number is still p's own. Its first
// process may have ended; those left must then be no older than p.
func same(p executor.Process) bool {
	start, ok := startOf(p)
	if !ok {
		return false
	}
	if leader, ok := lookup(p.PID); ok {
		return leader.start == start
	}
	left := members(p.PID)
	for _, m := range left {
		if m.start < start {
			return false
		}
	}
	return len(left) > 0
}

// EndSession ends the session that the process began, if anything of it is left
// and no later process has its number. It reports whether anything was, and
// whether it has ended.
func EndSession(ctx context.Context, p executor.Process, grace time.Duration) (found, gone bool) {
	if p.PID <= 1 || !alive(p.PID) || !same(p) { // 0 and 1 would address this group, or everybody
		return false, true
	}
	return true, (&family{session: p.PID, grace: grace}).finish(ctx)
}
