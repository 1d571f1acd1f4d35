package supervisor

import (
	"io"
	"os"
	"syscall"
)

// Name is what argv[0] of a supervisor is.
const Name = "millrace-supervisor"

// eventsAt is the descriptor that events are written to.
const eventsAt = 3

// A package-level initialiser is the only place from which a process can be
// turned into something else before the packages that make Millrace large have
// been initialised: packages are initialised in the order of their paths, each
// after what it imports.
func init() { //nolint:gochecknoinits // see above
	if len(os.Args) > 0 && os.Args[0] == Name {
		enter()
		os.Exit(0)
	}
}

// enter supervises one program. Without one, since the worker has ended or had
// no use for another, it ends.
func enter() {
	syscall.CloseOnExec(eventsAt)
	become()
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return
	}
	spec, whole := readSpec(string(text))
	if !whole {
		return // cut short by the end of the worker
	}
	supervise(spec, os.NewFile(eventsAt, "events"))
}
