package supervisor

import (
	"errors"
	"strconv"
	"syscall"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

// Event is a line of what is told of a program. One of the fields is set.
type Event struct {
	// Supervisor is the first, written by the worker.
	Supervisor *executor.Process
	Program    *Program
	Refused    *Refusal
	Exit       *Exit
}

// Program is a program that has been started.
type Program struct {
	executor.Process
	Started time.Time
}

// Refusal is why a program was not started.
type Refusal struct {
	Reason executor.StartReason
	Fault
}

// Exit is an [executor.Exit].
type Exit struct {
	executor.Exit
	// Again is set when the supervisor takes another program.
	Again bool
	// Log is set when the log is not whole.
	Log *Fault
}

// Fault is an error that has been in another process: its words, and what the
// system had said.
type Fault struct {
	Text  string
	Errno syscall.Errno
}

func faultOf(err error) Fault {
	f := Fault{Text: err.Error()}
	f.Errno, _ = errors.AsType[syscall.Errno](err)
	return f
}

func (f *Fault) Error() string { return f.Text }

// Unwrap lets errors.Is tell a full disk from other errors.
func (f *Fault) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// line is an event as it is written.
func (e Event) line() []byte {
	switch {
	case e.Supervisor != nil:
		return line("supervisor", number(e.Supervisor.PID), e.Supervisor.StartTime)
	case e.Program != nil:
		return line("program", number(e.Program.PID), e.Program.StartTime, moment(e.Program.Started))
	case e.Refused != nil:
		return line("refused", string(e.Refused.Reason), e.Refused.Text, number(e.Refused.Errno))
	}
	words := []string{
		"exit", number(e.Exit.Code), number(e.Exit.Signal), string(e.Exit.Cause), moment(e.Exit.Started), moment(e.Exit.Ended),
		strconv.FormatBool(e.Exit.Again),
	}
	if e.Exit.Log != nil {
		words = append(words, e.Exit.Log.Text, number(e.Exit.Log.Errno))
	}
	return line(words...)
}

// ReadEvent reads one line, and reports whether it is a whole event.
func ReadEvent(text string) (Event, bool) {
	words, ok := parse(text)
	f := fields{words: words, bad: !ok}
	var e Event
	switch f.text() {
	case "supervisor":
		e.Supervisor = &executor.Process{PID: int(f.number()), StartTime: f.text()}
	case "program":
		e.Program = &Program{
			Process: executor.Process{PID: int(f.number()), StartTime: f.text()},
			Started: time.Unix(0, f.number()),
		}
	case "refused":
		e.Refused = &Refusal{Reason: executor.StartReason(f.text()), Fault: f.fault()}
	case "exit":
		e.Exit = &Exit{Exit: executor.Exit{
			Code: int(f.number()), Signal: syscall.Signal(f.number()), Cause: executor.Cause(f.text()),
			Started: time.Unix(0, f.number()), Ended: time.Unix(0, f.number()),
		}}
		e.Exit.Again = f.text() == "true"
		if !f.bad && len(f.words) > 0 {
			fault := f.fault()
			e.Exit.Log = &fault
		}
	default:
		f.bad = true
	}
	return e, !f.bad
}

func (f *fields) fault() Fault {
	return Fault{Text: f.text(), Errno: syscall.Errno(f.number())}
}

func moment(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
