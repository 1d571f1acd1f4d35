package process

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/millrace-ml/millrace/internal/executor"
)

// onlyZombies: signalling a group of zombies fails here, so the question does
// not arise.
func onlyZombies(int) bool { return false }

// startTime returns the seconds and microseconds at which the process began,
// or "" for a process that is gone.
func startTime(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	began := info.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", began.Sec, began.Usec)
}

// same reports whether the running group of that number is still p's own. A
// group whose first process has ended is not recognised, and left alone.
func same(p executor.Process) bool {
	return p.StartTime != "" && startTime(p.PID) == p.StartTime
}
