package process

import (
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/millrace-ml/millrace/internal/executor"
)

// stat is what /proc/PID/stat tells of a process, as far as it matters here.
type stat struct {
	state          byte
	group, session int
	start          uint64 // clock ticks since the machine started
}

func readStat(pid string) (stat, bool) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return stat{}, false
	}
	// The second field is the program's name in parentheses, and may itself
	// hold spaces and parentheses.
	_, rest, ok := cutLast(string(text), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return stat{}, false
	}
	s := stat{state: fields[0][0]}
	s.group, _ = strconv.Atoi(fields[2])
	s.session, _ = strconv.Atoi(fields[3])
	s.start, err = strconv.ParseUint(fields[19], 10, 64)
	return s, err == nil
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// running reports whether the process can still do anything. A zombie waits
// only to be noticed by its parent.
func (s stat) running() bool { return s.state != 'Z' && s.state != 'X' && s.state != 'x' }

// members returns the processes of a group.
func members(group int) []stat {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []stat
	for _, entry := range entries {
		if name := entry.Name(); name[0] >= '1' && name[0] <= '9' {
			if s, ok := readStat(name); ok && s.group == group {
				found = append(found, s)
			}
		}
	}
	return found
}

// onlyZombies reports that the group exists in name only. That happens where
// nobody collects orphans: in a container whose first process is not an init.
func onlyZombies(group int) bool {
	for _, s := range members(group) {
		if s.running() {
			return false
		}
	}
	return true
}

// bootID tells this start of the machine from all others.
var bootID = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
})

// startTime returns "BOOT ID/CLOCK TICKS", or "" for a process that is gone.
func startTime(pid int) string {
	s, ok := readStat(strconv.Itoa(pid))
	if !ok {
		return ""
	}
	return bootID() + "/" + strconv.FormatUint(s.start, 10)
}

// same reports whether the running group of that number is still p's own. Its
// first process may have ended; then those left must be of p's session and no
// older than p.
func same(p executor.Process) bool {
	boot, ticks, ok := strings.Cut(p.StartTime, "/")
	start, err := strconv.ParseUint(ticks, 10, 64)
	if !ok || err != nil || boot != bootID() {
		return false
	}
	if leader, ok := readStat(strconv.Itoa(p.PID)); ok {
		return leader.start == start
	}
	left := members(p.PID)
	for _, s := range left {
		if s.session != p.PID || s.start < start {
			return false
		}
	}
	return len(left) > 0
}
