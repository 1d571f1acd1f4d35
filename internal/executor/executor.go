// Package executor says how a worker runs a step's program. The ways to do it
// stand in folders below: process runs it on this machine as it is. They all
// pass the one suite in executortest.
package executor

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// Executor runs programs. All methods may be called from any goroutine.
type Executor interface {
	// Run starts the program and returns once it and everything it started in
	// its session have ended. A program that ran and failed is an Exit; an
	// error means that it could not be started (a *StartError) or not be
	// watched, in which case the Exit holds what is known.
	//
	// When ctx ends or Timeout passes, every process of the program is asked
	// to end (TERM) and, after Grace, made to (KILL). But when [ErrLeft] is
	// why ctx ended, Run returns that at once and the program runs on.
	Run(ctx context.Context, p Program) (Exit, error)

	// Adopt goes on with a program that another worker started, and no longer
	// watches: it waits for the end as Run does, with the same things done
	// when ctx ends, or tells how the program has ended in the meantime. The
	// process is what Started was told; it is zero where that was not noted
	// any more. Of the program, State, Log and Grace have to be as they were.
	//
	// [ErrLost] means that its end will never be known. Nothing of it is left
	// then.
	Adopt(ctx context.Context, process Process, p Program) (Exit, error)

	// End ends what is left of a program that another worker started and
	// no longer watches. It reports whether anything was still running. A
	// process that merely has the same number is left alone.
	End(ctx context.Context, p Process, grace time.Duration) (bool, error)

	// Find returns the programs that run with that variable, NAME=value, in
	// their environment, whoever started them and whether or not they have
	// left their session. Where the system does not tell, it returns none.
	Find(variable string) []Process

	// Protection says what keeps programs from changing ReadOnly folders.
	Protection() Protection
}

// Program is what to run, and around it.
type Program struct {
	// Command is run by bash -c, word for word.
	Command string
	// Dir is the working directory.
	Dir string
	// Env is the complete environment, as NAME=value; each name once.
	Env []string
	// State is the path of a file, not there yet in a folder that is, in which
	// the executor keeps what Adopt has to know; "" where nobody will adopt
	// the program.
	State string
	// Log is the path of the file to which stdout and stderr are added, in
	// the order written. It is made if absent; its folder must exist.
	Log string
	// ReadOnly are folders that the program must not be able to change. What
	// is in them has no write permission already; how much more is done is
	// for Protection to say.
	ReadOnly []string
	// Grace is the time from TERM to KILL; 0 means DefaultGrace.
	Grace time.Duration
	// Timeout ends the program; 0 means never.
	Timeout time.Duration
	// Started, if set, is called once the program runs, before Run waits.
	Started func(Process)
	// Memory is the most that the program's processes may use together, in
	// bytes; 0 for no limit. How well it is kept is the executor's to say.
	Memory int64
	// Container is set for a program that runs in a container.
	Container *Container
}

// Container is what a program in a container has around it.
type Container struct {
	// Image is the image's identifier, as the engine knows it: it is there.
	Image string
	// Mounts are folders of this machine that the program finds under the
	// same paths. Dir, the folder of Log and what ReadOnly names are inside
	// of one of them.
	Mounts []string
	// GPUs are the devices that the program sees.
	GPUs []string
	// SharedMemory is the size of /dev/shm in bytes; 0 for the engine's own.
	SharedMemory int64
	// Args are further arguments in the words of "docker run".
	Args []string
	// Labels say in the engine's lists whose container it is.
	Labels map[string]string
}

// DefaultGrace is how long a program has to end after it was asked to. With the
// few seconds that a request may take to arrive, all of a step is gone 10 seconds
// after it was canceled.
const DefaultGrace = 5 * time.Second

// Process names a running program so that another worker, later, can find it
// and cannot take another one for it. It survives being stored as JSON.
type Process struct {
	// PID is the number of the program's first process, and of its group.
	PID int `json:"pid"`
	// StartTime tells it from a later process of the same number. Only the
	// executor that made it can read it.
	StartTime string `json:"start_time"`
	// Container is the identifier of the program's container, if it has one.
	Container string `json:"container,omitempty"`
}

// ErrLeft as the cause of a context has Run and Adopt return without ending
// the program, so that another worker can adopt it. They return ErrLeft, too.
var ErrLeft = errors.New("left running for the next worker")

// ErrLost is a program whose end nobody has seen: what watched over it was
// killed, or the machine was.
var ErrLost = errors.New("the program was lost: what watched over it was killed")

// Cause is why a program ended.
type Cause string

// A program ends by itself, or is ended.
const (
	Exited    Cause = "exited"
	TimedOut  Cause = "timed out"
	Cancelled Cause = "cancelled"
	// OutOfMemory: the processes together had reached Program.Memory.
	OutOfMemory Cause = "out of memory"
)

// Exit is how a program ended.
type Exit struct {
	// Code is the exit status of the shell; 128+n when signal n ended it.
	Code int
	// Signal is what ended the shell, or 0.
	Signal syscall.Signal
	// Cause tells a program that ended by itself from one that was ended. A
	// program that is ended may still choose its own Code.
	Cause Cause
	// Started and Ended are both zero if ctx had ended before the start.
	Started, Ended time.Time
}

// Protection is what keeps a program from changing its ReadOnly folders.
type Protection string

// From strongest to none. None is a guard against accidents only in the sense
// that nothing guards: give such programs copies.
const (
	// Mount: the program sees the folders mounted read-only.
	Mount Protection = "mount"
	// Permissions: files and folders without write permission refuse an
	// ordinary user's program, unless it changes the permissions first.
	Permissions Protection = "permissions"
	// None: the program runs as root, whom permissions do not hold.
	None Protection = "none"
)
