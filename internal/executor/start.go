package executor

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// StartReason says why a program could not be started, and so who can help.
type StartReason string

// The reasons. TooLarge, Malformed and Refused are the program's own; the
// others are the machine's.
const (
	// NoShell: bash is not where it should be.
	NoShell StartReason = "no shell"
	// NoFolder: the working directory is missing or may not be entered.
	NoFolder StartReason = "no folder"
	// NoLog: the log cannot be written.
	NoLog StartReason = "no log"
	// TooLarge: command and environment exceed what the system passes on.
	TooLarge StartReason = "too large"
	// Malformed: a NUL byte in the command or the environment.
	Malformed StartReason = "malformed"
	// Exhausted: no process, memory or file descriptor was to be had.
	Exhausted StartReason = "exhausted"
	// Unprotected: the ReadOnly folders could not be mounted read-only.
	Unprotected StartReason = "unprotected"
	// Refused: the program asks for what this worker does not give.
	Refused StartReason = "refused"
	// Other: see Err.
	Other StartReason = "other"
)

// StartError is a program that could not be started. Nothing of it ran.
type StartError struct {
	Reason StartReason
	Err    error
}

func (e *StartError) Error() string { return fmt.Sprintf("start program: %v", e.Err) }

func (e *StartError) Unwrap() error { return e.Err }

// NewStartError sorts what the system said into a StartError.
func NewStartError(err error) *StartError {
	reason := Other
	switch {
	case errors.Is(err, syscall.E2BIG):
		reason = TooLarge
	case errors.Is(err, syscall.EINVAL):
		reason = Malformed
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM),
		errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		reason = Exhausted
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		reason = NoShell
	}
	return &StartError{Reason: reason, Err: err}
}
