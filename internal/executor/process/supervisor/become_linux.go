package supervisor

import (
	"os"
	"syscall"
	"unsafe"
)

// adoptsOrphans: who loses its parent becomes the supervisor's child, and
// cannot get away from it.
const adoptsOrphans = true

// From <linux/prctl.h>. Neither is in package syscall, and golang.org/x/sys/unix
// would be initialised too late.
const (
	setName        = 15
	setChildReaper = 36
	visibleName    = "millrace-superv\x00" // all that there is room for
)

// become makes this process the one that orphans of the program fall to, and
// gives it a name for ps and top.
func become() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildReaper, 1, 0) // since Linux 3.4
	name := []byte(visibleName)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setName, uintptr(unsafe.Pointer(&name[0])), 0)
}

// descendants are the processes of the session and all that descend from this
// process, but not itself.
func descendants(session int) []member {
	all := processes()
	children := make(map[int][]member)
	for _, m := range all {
		children[m.parent] = append(children[m.parent], m)
	}
	var found []member
	seen := map[int]bool{os.Getpid(): true}
	for next := []int{os.Getpid()}; len(next) > 0; next = next[1:] {
		for _, m := range children[next[0]] {
			if !seen[m.pid] {
				seen[m.pid] = true
				found, next = append(found, m), append(next, m.pid)
			}
		}
	}
	for _, m := range all {
		if m.session == session && !seen[m.pid] {
			found = append(found, m)
		}
	}
	return found
}
