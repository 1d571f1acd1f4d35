package supervisor

import "time"

// Spec is what a supervisor is to run: an [executor.Program], with nothing left
// to be decided.
type Spec struct {
	Shell, Command, Dir, Log, State string
	Env                             []string
	ReadOnly                        []string // to be mounted so
	Grace, Drain, Timeout           time.Duration
	Memory                          int64
}

// Text is the specification as the supervisor reads it.
func (s Spec) Text() []byte {
	words := []string{
		s.Shell, s.Command, s.Dir, s.Log, s.State,
		number(s.Grace), number(s.Drain), number(s.Timeout), number(s.Memory),
	}
	words = append(append(words, number(len(s.ReadOnly))), s.ReadOnly...)
	return line(append(append(words, number(len(s.Env))), s.Env...)...)
}

func readSpec(text string) (Spec, bool) {
	words, ok := parse(text)
	f := fields{words: words, bad: !ok}
	s := Spec{
		Shell: f.text(), Command: f.text(), Dir: f.text(), Log: f.text(), State: f.text(),
		Grace: time.Duration(f.number()), Drain: time.Duration(f.number()), Timeout: time.Duration(f.number()), Memory: f.number(),
		ReadOnly: f.list(), Env: f.list(),
	}
	return s, !f.bad && len(f.words) == 0
}
