package supervisor

import (
	"fmt"
	"os"
	"strings"

	"github.com/millrace-ml/millrace/internal/executor"
)

// Journal is what a file of events says. Fields are nil where it says nothing.
type Journal struct {
	Supervisor *executor.Process
	Program    *Program
	Refused    *Refusal
	Exit       *Exit
}

// Open begins the file of events of a program that a supervisor is about to be
// given. From then on the supervisor can be found, whatever happens.
func Open(path string, supervisor executor.Process) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note supervisor: %w", err)
	}
	if _, err := file.Write(Event{Supervisor: &supervisor}.line()); err != nil {
		file.Close()
		return fmt.Errorf("note supervisor: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("note supervisor: %w", err)
	}
	return nil
}

// Read reads a file of events.
func Read(path string) (Journal, error) {
	var j Journal
	text, err := os.ReadFile(path)
	if err != nil {
		return j, fmt.Errorf("read what the supervisor wrote: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		e, whole := ReadEvent(line)
		if !whole {
			continue // the disk was full, or this is just being written
		}
		switch {
		case e.Supervisor != nil:
			j.Supervisor = e.Supervisor
		case e.Program != nil:
			j.Program = e.Program
		case e.Refused != nil:
			j.Refused = e.Refused
		case e.Exit != nil:
			j.Exit = e.Exit
		}
	}
	return j, nil
}

// teller tells of events. Nobody may be listening any more: the worker has
// ended, or its disk is full; the program goes on all the same.
type teller struct {
	events *os.File
	state  *os.File // or nil
}

func newTeller(events *os.File, state string) *teller {
	t := &teller{events: events}
	if state != "" {
		if file, err := os.OpenFile(state, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			t.state = file
		}
	}
	return t
}

// tell writes an event with one write to each file: a line is whole or missing.
// What a later worker reads comes first.
func (t *teller) tell(e Event) {
	if t.state != nil {
		_, _ = t.state.Write(e.line())
	}
	_, _ = t.events.Write(e.line())
}

func (t *teller) close() {
	if t.state != nil {
		t.state.Close()
	}
}
