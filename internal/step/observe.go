package step

import "context"

// Observer is told how attempts get on. Its methods may be called from any
// goroutine.
type Observer interface {
	// Phase is called when an attempt begins to stage its inputs, to run its
	// program or to commit its outputs; what it returns, when that has ended.
	Phase(ctx context.Context, name string) (end func(error))
	// Environ is what the program is given, so that what it tells of itself can
	// be joined to what is told of the step: NAME=value.
	Environ(ctx context.Context) []string
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Phase(context.Context, string) func(error) { return func(error) {} }
func (nobody) Environ(context.Context) []string          { return nil }

func (r *Runner) observer() Observer {
	if r.Observer == nil {
		return nobody{}
	}
	return r.Observer
}
