package supervisor

import (
	"errors"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-ml/millrace/internal/executor"
)

func TestASpecArrivesAsItWasGiven(t *testing.T) {
	for _, s := range []Spec{
		{},
		{
			Shell: "/bin/bash", Command: "echo 'a' \"b\"\n\\\xff\x00 é", Dir: "/a folder", Log: "log", State: "state",
			Env: []string{"A=b c", "EMPTY=", "\xfe=\xff"}, ReadOnly: []string{"/in"},
			Grace: time.Second, Drain: 2, Timeout: 3, Memory: 1 << 40,
		},
	} {
		got, ok := readSpec(string(s.Text()))
		if len(got.Env) == 0 && len(got.ReadOnly) == 0 {
			got.Env, got.ReadOnly = nil, nil
		}
		if !ok || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v became %+v, %v", s, got, ok)
		}
	}
}

func TestAnEventArrivesAsItWasTold(t *testing.T) {
	at := time.Unix(1700000000, 123)
	for _, e := range []Event{
		{Supervisor: &executor.Process{PID: 1, StartTime: "boot/2"}},
		{Program: &Program{Process: executor.Process{PID: 3, StartTime: "boot/4"}, Started: at}},
		{Refused: &Refusal{Reason: executor.NoLog, Fault: Fault{Text: "no such \"file\"\n", Errno: syscall.ENOENT}}},
		{Exit: &Exit{Exit: executor.Exit{Code: 137, Signal: 9, Cause: executor.Cancelled, Started: at, Ended: at}, Again: true}},
		{Exit: &Exit{Exit: executor.Exit{Cause: executor.Exited, Started: at, Ended: at}, Log: &Fault{Text: "full", Errno: syscall.ENOSPC}}},
	} {
		if got, ok := ReadEvent(string(e.line())); !ok || !reflect.DeepEqual(got, e) {
			t.Errorf("%q became %+v, %v", e.line(), got, ok)
		}
	}
	var fault error = &Fault{Text: "write log: no space left", Errno: syscall.ENOSPC}
	if !errors.Is(fault, syscall.ENOSPC) || errors.Is(&Fault{Text: "other"}, syscall.Errno(0)) {
		t.Error("a fault is not what the system had said")
	}
}

// What was cut short by the end of a process is not taken for something else.
func TestALineThatIsNotWholeIsNone(t *testing.T) {
	text := string(Spec{Command: "rm -r old", Dir: "/dir", Env: []string{"A=b"}}.Text())
	for n := range text {
		if spec, ok := readSpec(text[:n]); ok {
			t.Errorf("%q was read as %+v", text[:n], spec)
		}
	}
	text = string(Event{Exit: &Exit{Exit: executor.Exit{Code: 10}, Log: &Fault{Text: "x", Errno: 12}}}.line())
	for n := range text {
		if e, ok := ReadEvent(text[:n]); ok {
			t.Errorf("%q was read as %+v", text[:n], e)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("\"exit\" \"0\"\n")
	f.Add(string(Event{Supervisor: &executor.Process{PID: 1}}.line()))
	f.Add(string(Spec{Env: []string{"A=b"}}.Text()))
	f.Fuzz(func(t *testing.T, text string) {
		if e, ok := ReadEvent(text); ok {
			if again, ok := ReadEvent(string(e.line())); !ok || !reflect.DeepEqual(again, e) {
				t.Errorf("%q was read as %+v and then as %+v", text, e, again)
			}
		}
		if s, ok := readSpec(text); ok {
			if again, ok := readSpec(string(s.Text())); !ok || !slices.Equal(again.Env, s.Env) || again.Command != s.Command {
				t.Errorf("%q was read as %+v and then as %+v", text, s, again)
			}
		}
	})
}
