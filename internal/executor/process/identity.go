package process

import (
	"strconv"
	"strings"

	"github.com/millrace-ml/millrace/internal/executor"
)

// member is a process of a session.
type member struct {
	pid, group, session int
	// start grows with time; its unit is the system's own.
	start uint64
	// running is false for a zombie: it can do nothing any more and waits only
	// to be noticed by its parent, for ever where the first process of a
	// container is not an init.
	running bool
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

// identify names a process that runs now.
func identify(pid int) executor.Process {
	m, ok := lookup(pid)
	if !ok {
		return executor.Process{PID: pid}
	}
	return name(pid, m.start)
}

// same reports whether the session of that number is still p's own. Its first
// process may have ended; those left must then be no older than p.
func same(p executor.Process) bool {
	boot, text, ok := strings.Cut(p.StartTime, "/")
	start, err := strconv.ParseUint(text, 10, 64)
	if !ok || err != nil || boot != bootID() {
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
