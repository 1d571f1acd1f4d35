package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"syscall"

	"github.com/millrace-ml/millrace/internal/executor"
)

// startInside starts a program that sees the folders mounted read-only and is in
// the box. A child inherits the mounts of the thread that starts it; so a thread
// is made that has mounts of its own, starts the program, and is destroyed. That
// costs some 50 µs and needs no second exec.
func startInside(shell string, argv []string, attr *os.ProcAttr, folders []string, box *box) (proc *os.Process, err error) {
	if len(folders) == 0 && !box.made() {
		return os.StartProcess(shell, argv, attr)
	}
	onOwnThread(func() {
		if len(folders) > 0 {
			if mountErr := privateMounts(folders); mountErr != nil {
				err = &executor.StartError{Reason: executor.Unprotected, Err: mountErr}
				return
			}
		}
		box.enter(attr.Sys)
		proc, err = os.StartProcess(shell, argv, attr)
	})
	return proc, err
}

// privateMounts gives the calling thread its own view of the file system, in
// which the folders are read-only.
func privateMounts(folders []string) error {
	if err := syscall.Unshare(syscall.CLONE_FS | syscall.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	// Slave: what is mounted here stays here, what the machine unmounts
	// later goes here too.
	if err := syscall.Mount("", "/", "", syscall.MS_SLAVE|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("detach mounts: %w", err)
	}
	for _, folder := range folders {
		if err := syscall.Mount(folder, folder, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
		var fs syscall.Statfs_t
		if err := syscall.Statfs(folder, &fs); err != nil {
			return fmt.Errorf("mount %s read-only: %w", folder, err)
		}
		// A remount sets all flags anew: nosuid and the like have to be
		// said again. Statfs reports the same bits as mount takes.
		keep := uintptr(fs.Flags) & (syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC |
			syscall.MS_NOATIME | syscall.MS_NODIRATIME)
		flags := syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY | keep
		if err := syscall.Mount("", folder, "", flags, ""); err != nil {
			return fmt.Errorf("mount %s read-only: %w", folder, err)
		}
	}
	return nil
}

// onOwnThread runs f on a thread that no other goroutine ever uses, and waits.
// A goroutine that ends while locked to its thread takes the thread with it.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if syscall.Gettid() == syscall.Getpid() {
			// The main thread cannot be destroyed, and /proc/self shows its
			// mounts. While this goroutine holds it, the next gets another.
			defer runtime.UnlockOSThread()
			onOwnThread(f)
			return
		}
		f()
	}()
	<-done
}

// MountsWork tries out whether programs can have mounts of their own: root may
// be without the right to mount, as in most containers.
func MountsWork() bool {
	folder, err := os.MkdirTemp("", "millrace-mount-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(folder)
	works := false
	onOwnThread(func() {
		if privateMounts([]string{folder}) != nil {
			return
		}
		err := os.WriteFile(path.Join(folder, "probe"), nil, 0o644)
		works = errors.Is(err, syscall.EROFS)
	})
	return works
}
