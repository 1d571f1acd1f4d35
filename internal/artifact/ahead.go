package artifact

import (
	"context"
	"sync"
)

// ahead brings the blobs of a tree's files into the cache, some of them while
// the links to those before are made, so that order costs no time. The function
// next waits for the file that is to be linked next; stop ends the rest and
// waits until nothing is left of it.
func (k *cached) ahead(ctx context.Context, entries []Entry, window int) (next func() error, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan chan error, window)
	var all sync.WaitGroup
	all.Go(func() {
		defer close(queue)
		for _, e := range entries {
			if e.IsFolder() {
				continue
			}
			arrived := make(chan error, 1)
			select {
			case queue <- arrived:
			case <-ctx.Done():
				return
			}
			all.Go(func() { arrived <- k.bring(ctx, e.Digest, e.Size, e.Mode == Executable) })
		}
	})
	next = func() error {
		arrived, more := <-queue
		if !more {
			return ctx.Err()
		}
		err := <-arrived
		if withoutCache(err) {
			return nil // it will be copied from the bucket
		}
		return err
	}
	return next, func() { cancel(); all.Wait() }
}
