package artifact

import (
	"io/fs"
	"os"
	"syscall"
)

// soleOwner reports whether an open file belongs to this process's user and
// has one name only.
func soleOwner(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 1 && int(stat.Uid) == os.Geteuid()
}

// links is how many names a file has.
func links(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return int(stat.Nlink)
}
