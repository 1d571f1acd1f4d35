package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// bash runs a command line as a step's executor would, without Millrace.
func bash(ctx context.Context, line string) error {
	return exec.CommandContext(ctx, "/bin/bash", "-c", line).Run()
}

// loop is how long it takes to run n programs that do nothing, some at once.
func loop(ctx context.Context, n, atOnce int) (time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	start := time.Now()
	for range n {
		group.Go(func() error { return bash(ctx, "true") })
	}
	err := group.Wait()
	return time.Since(start), err
}

// hash is how long it takes to read files once through the hash that names
// artifacts.
func hash(files ...string) (time.Duration, error) {
	buffer := make([]byte, 1<<20)
	start := time.Now()
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return 0, err
		}
		// The struct hides that a file can copy itself: the buffer must be ours.
		_, err = io.CopyBuffer(blake3.New(), struct{ io.Reader }{f}, buffer)
		f.Close()
		if err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}
