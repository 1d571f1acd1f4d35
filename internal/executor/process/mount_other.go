//go:build !linux

package process

import (
	"errors"
	"os"
)

// mountsWork: a process cannot have mounts of its own here.
func mountsWork() bool { return false }

func startMounted([]string, *os.ProcAttr, []string) (*os.Process, error) {
	return nil, errors.ErrUnsupported
}
