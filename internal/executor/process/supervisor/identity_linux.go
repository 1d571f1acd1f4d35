package supervisor

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/millrace-ml/millrace/internal/executor"
)

var pageSize = int64(os.Getpagesize())

// lookup reads /proc/PID/stat.
func lookup(pid int) (member, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return member{}, false
	}
	// The second field is the program's name in parentheses, and may itself
	// hold spaces and parentheses.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 22 {
		return member{}, false
	}
	m := member{pid: pid, running: !strings.Contains("ZXx", fields[0])}
	var errs [5]error
	m.parent, errs[0] = strconv.Atoi(fields[1])
	m.group, errs[1] = strconv.Atoi(fields[2])
	m.session, errs[2] = strconv.Atoi(fields[3])
	m.start, errs[3] = strconv.ParseUint(fields[19], 10, 64)
	m.memory, errs[4] = strconv.ParseInt(fields[21], 10, 64)
	m.memory *= pageSize
	return m, errs == [5]error{}
}

// processes lists the processes of this machine.
func processes() []member {
	var all []member
	for _, pid := range pids() {
		if m, ok := lookup(pid); ok {
			all = append(all, m)
		}
	}
	return all
}

func pids() []int {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// bootID tells this start of the machine from all others.
var bootID = sync.OnceValue(func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
})

// Find names the session of every process that began with the variable.
func Find(variable string) []executor.Process {
	var found []executor.Process
	seen := map[int]bool{}
	for _, pid := range pids() {
		environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err != nil || !holds(environ, variable) {
			continue // gone, or another user's
		}
		m, ok := lookup(pid)
		if !ok || seen[m.session] {
			continue
		}
		seen[m.session] = true
		start := m.start
		for _, other := range members(m.session) {
			start = min(start, other.start)
		}
		found = append(found, name(m.session, start))
	}
	return found
}

func holds(environ []byte, variable string) bool {
	for line := range bytes.SplitSeq(environ, []byte{0}) {
		if string(line) == variable {
			return true
		}
	}
	return false
}
