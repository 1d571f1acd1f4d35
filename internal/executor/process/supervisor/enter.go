package supervisor

import (
	"bufio"
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

// enter supervises programs, one after the other, for as long as the worker has
// some: a start costs milliseconds, and steps follow each other. When the worker
// has ended, or wants no more of this supervisor, so does the supervisor, after
// the program that it may have.
func enter() {
	syscall.CloseOnExec(eventsAt)
	become()
	events := os.NewFile(eventsAt, "events")
	asked := obey()
	specs := bufio.NewReader(os.Stdin)
	for {
		text, err := specs.ReadString('\n')
		if err != nil {
			return // what was read may have been cut short by the end of the worker
		}
		spec, whole := readSpec(text)
		if !whole || !supervise(spec, events, asked) {
			return
		}
	}
}
