package step

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/docker/go-units"

	"github.com/millrace-ml/millrace/internal/executor"
	"github.com/millrace-ml/millrace/pipeline"
)

// judge turns the end of a program into the failure it means, or nil.
func judge(end ending, a Attempt, at *claim) error {
	if end.err != nil {
		return notStarted(end.err)
	}
	if end.Cause == executor.Exited && end.Code == 0 {
		return nil
	}
	who := "the program"
	if end.name != "" {
		who = end.name
	}
	f := &pipeline.Failure{Kind: pipeline.UserFailure, LogTail: tail(end.Log)}
	switch end.Cause {
	case executor.Cancelled:
		f.Kind, f.Message = pipeline.Cancelled, "cancelled while "+who+" ran"
		return f
	case executor.TimedOut:
		f.Kind = pipeline.Timeout
		f.Message = fmt.Sprintf("%s ran longer than the %s that limits.timeout allows", who, seconds(a.Step.Timeout))
		f.Hint = "raise limits.timeout of this step, or give it less to do"
		return f
	case executor.OutOfMemory:
		f.ExitCode = &end.Code
		f.Message = who + " needed more memory than there was for it and was killed"
		f.Hint = "let it hold less at a time (smaller batches, fewer workers), or give it more with resources.memory"
		if end.Memory > 0 {
			f.Message = fmt.Sprintf("%s needed more memory than the %s that it was given and was killed", who, units.BytesSize(float64(end.Memory)))
		}
		return f
	}
	if diskFull.MatchString(strings.Join(f.LogTail, "\n")) && full(at.path) {
		return fmt.Errorf("%s ended with exit code %d: %w", who, end.Code, syscall.ENOSPC)
	}
	f.ExitCode = &end.Code
	f.Message = fmt.Sprintf("%s ended with exit code %d", who, end.Code)
	if end.Signal != 0 {
		f.Message = fmt.Sprintf("%s was ended by signal %d (%s)", who, end.Signal, end.Signal)
	}
	f.Hint = hint(end, at.wd(), f.LogTail)
	return at.localise(*f, "")
}

// full reports whether next to nothing can be written any more below a folder. A
// program that says so may speak of another disk, /dev/shm for one, which would
// be full the next time, too.
func full(folder string) bool {
	var disk syscall.Statfs_t
	if syscall.Statfs(folder, &disk) != nil {
		return false
	}
	return disk.Bavail*uint64(disk.Bsize) < fullBelow || disk.Ffree == 0 && disk.Files > 0
}

// fullBelow is in bytes: less than that is left where large writes fail, but
// small ones may not.
const fullBelow = 4 << 20

// mistake is a failure that is the program's own.
func mistake(message, hint string) *pipeline.Failure {
	return &pipeline.Failure{Kind: pipeline.UserFailure, Message: message, Hint: hint}
}

func seconds(n int) string {
	if n == 1 {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", n)
}

// notStarted sorts out whose fault it is that a program did not start.
func notStarted(err error) error {
	start := (*executor.StartError)(nil)
	if !errors.As(err, &start) {
		return err
	}
	switch start.Reason {
	case executor.TooLarge:
		f := invalid("the command and its environment variables are larger than this system passes to a program")
		f.Hint = "put long scripts and lists into files of the code folder"
		return f
	case executor.Malformed:
		return invalid("the command has a NUL byte in it")
	case executor.Refused:
		return invalid("%v", start.Err)
	case executor.NoShell:
		return fmt.Errorf("bash is not on this worker, and every step needs it: %w", err)
	}
	return err
}

// trouble says in plain words what is wrong with the machine, where that is
// known.
func (r *Runner) trouble(err error) error {
	advice := "free some space, or move Millrace's home to another disk with MILLRACE_HOME"
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk is full (%s): %w", advice, err)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk quota is used up (%s): %w", advice, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the disk is read-only; choose another home with MILLRACE_HOME: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no right to write to the folders below %s: %w", r.Work, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("too many files are open on this worker; raise `ulimit -n`, or run fewer steps at once: %w", err)
	}
	return err
}
