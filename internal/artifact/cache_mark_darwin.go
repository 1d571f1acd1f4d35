package artifact

import (
	"io/fs"
	"syscall"
	"time"
)

// bootID changes with each start of the machine.
func bootID() string {
	id, _ := syscall.Sysctl("kern.bootsessionuuid")
	return id
}

// accessed is the time at which a file was last used.
func accessed(info fs.FileInfo) time.Time {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime()
	}
	return time.Unix(stat.Atimespec.Unix())
}
