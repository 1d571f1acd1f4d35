//go:build !linux

package supervisor

import "os"

// MountsWork: a process cannot have mounts of its own here.
func MountsWork() bool { return false }

func startInside(path string, argv []string, attr *os.ProcAttr, _ []string, _ *box) (*os.Process, error) {
	return os.StartProcess(path, argv, attr)
}
