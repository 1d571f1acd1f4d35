package artifact

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// bootID changes with each start of the machine.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(id)
}

// accessed is the time at which a file was last used.
func accessed(info fs.FileInfo) time.Time {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime()
	}
	return time.Unix(stat.Atim.Unix())
}
