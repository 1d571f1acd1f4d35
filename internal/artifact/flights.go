package artifact

import (
	"context"
	"sync"
)

// flights does what many ask for at once only once. Other than with
// x/sync/singleflight, one who does not want to wait any more leaves the
// others alone; when the last has gone, the work is cancelled.
type flights struct {
	mu     sync.Mutex
	flying map[string]*flight
}

type flight struct {
	done    chan struct{}
	err     error
	waiting int
	cancel  context.CancelFunc
}

// do runs work, or waits for the one who does, and returns what it returned.
func (f *flights) do(ctx context.Context, key string, work func(context.Context) error) error {
	f.mu.Lock()
	if f.flying == nil {
		f.flying = map[string]*flight{}
	}
	one := f.flying[key]
	if one == nil {
		inside, cancel := context.WithCancel(context.WithoutCancel(ctx))
		one = &flight{done: make(chan struct{}), cancel: cancel}
		f.flying[key] = one
		go func() {
			one.err = work(inside)
			f.mu.Lock()
			f.forget(key, one)
			f.mu.Unlock()
			cancel()
			close(one.done)
		}()
	}
	one.waiting++
	f.mu.Unlock()
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	if one.waiting--; one.waiting == 0 {
		f.forget(key, one) // who comes now does not get the cancelled one
		one.cancel()
	}
	f.mu.Unlock()
	return ctx.Err()
}

func (f *flights) forget(key string, one *flight) {
	if f.flying[key] == one {
		delete(f.flying, key)
	}
}
